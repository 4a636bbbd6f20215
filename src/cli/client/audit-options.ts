import { type OptionRow, optionRow } from '../kit/options.js';

/** The flags of `steleclient audit-mode`. */
export const AUDIT_OPTIONS: readonly OptionRow[] = [
  optionRow('audit-username', 'text', 'User that the auditor logs in as', { value: 'USER' }),
  optionRow(
    'audit-password',
    'text',
    'Its password, or enc: and its base64; a process list shows it',
    {
      value: 'TEXT',
      secret: true,
    },
  ),
  optionRow('audit-password-file', 'text', 'File with that password in its first line', {
    value: 'FILE',
  }),
  optionRow('audit-databases', 'text', 'Audit databases whose names begin so; by default all', {
    value: 'PREFIX,...',
  }),
  optionRow('audit-servers', 'text', 'Audit these servers instead of the one of --immudb-address', {
    value: 'HOST:PORT,...',
  }),
  optionRow('audit-interval', 'text', 'From the begin of one cycle to the next', {
    value: 'TIME',
    fallback: '1m',
  }),
  optionRow('audit-dir', 'text', 'Directory of the verified states and of what is to be notified', {
    value: 'DIR',
  }),
  optionRow('audit-verify-values', 'switch', 'Fetch values and hold them against their digests', {
    fallback: 'true',
  }),
  optionRow(
    'audit-sample',
    'number',
    'Transactions whose values are fetched: of new, and of old ones',
    {
      value: 'COUNT',
      fallback: '10',
    },
  ),
  optionRow('audit-outage-cycles', 'number', 'Cycles without an answer that are an alarm', {
    value: 'COUNT',
    fallback: '3',
  }),
  optionRow('audit-notification-url', 'text', 'Where results are posted to', { value: 'URL' }),
  optionRow('audit-notification-username', 'text', 'Who posts them', { value: 'USER' }),
  optionRow('audit-notification-password', 'text', 'Its password; a process list shows it', {
    value: 'TEXT',
    secret: true,
  }),
  optionRow('audit-notification-password-file', 'text', 'File with that password', {
    value: 'FILE',
  }),
  optionRow('audit-notification-secret', 'text', 'Key of the signature of what is posted', {
    value: 'TEXT',
    secret: true,
  }),
  optionRow('audit-notification-secret-file', 'text', 'File with that key', { value: 'FILE' }),
  optionRow('audit-notification-about', 'text', 'What is posted: every result, or changes of it', {
    value: 'every|changes',
    choices: ['every', 'changes'],
    fallback: 'every',
  }),
  optionRow(
    'audit-notification-hashes',
    'text',
    'Hashes in what is posted: as 1.x or 0.9 writes them',
    {
      value: 'base64|hex',
      choices: ['base64', 'hex'],
      fallback: 'base64',
    },
  ),
  optionRow('audit-monitoring-host', 'text', 'Address that serves metrics and health', {
    aliases: ['prometheus-host'],
    value: 'HOST',
    fallback: '0.0.0.0',
  }),
  optionRow(
    'audit-monitoring-port',
    'number',
    'Its port; default 9477, 9476 with --gateway-names',
    {
      aliases: ['prometheus-port'],
      value: 'PORT',
    },
  ),
  optionRow('gateway-names', 'switch', 'Metrics as the auditor of the gateway names them'),
  optionRow(
    'once',
    'switch',
    'One cycle; exits with 3 after an alarm, with 1 if something failed',
    {
      flagOnly: true,
    },
  ),
  optionRow('pidfile', 'text', 'Write the process id to this file', { value: 'FILE' }),
  optionRow('logfile', 'text', 'Append the log to this file', { value: 'FILE' }),
  optionRow('print', 'switch', 'install: print the unit and do nothing', { flagOnly: true }),
  optionRow('dry-run', 'switch', 'install, uninstall: print the steps and take none', {
    flagOnly: true,
  }),
  optionRow('yes', 'switch', 'uninstall: do not ask', { flagOnly: true }),
  optionRow('erase-data', 'switch', 'uninstall: also what the auditor keeps', { flagOnly: true }),
];
