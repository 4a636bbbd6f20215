import { type OptionRow, optionRow } from '../../kit/options.js';

/** The flags of `audit-mode`; the first ones as the original has them. */
export const AUDIT_OPTIONS: readonly OptionRow[] = [
  optionRow('audit-username', 'text', 'User of the auditor; may read the databases, no more', {
    value: 'USER',
  }),
  optionRow('audit-password', 'text', 'Its password, or enc: and its base64', {
    value: 'TEXT',
    secret: true,
  }),
  optionRow('audit-password-file', 'text', 'File with that password in its first line', {
    value: 'FILE',
  }),
  optionRow('audit-databases', 'text', 'Prefixes of names, with commas; empty for all', {
    value: 'PREFIXES',
  }),
  ...notificationOptions(),
  optionRow('audit-monitoring-host', 'text', 'Address of the metrics (old: --prometheus-host)', {
    value: 'HOST',
    fallback: '0.0.0.0',
  }),
  optionRow(
    'audit-monitoring-port',
    'number',
    'Their port; default 9477 (old: --prometheus-port)',
    {
      value: 'PORT',
    },
  ),
  optionRow('audit-verify-values', 'switch', 'Fetch values and hold them against their digests', {
    fallback: 'true',
  }),
  ...cycleOptions(),
  optionRow('pidfile', 'text', 'File for the number of the process', { value: 'FILE' }),
  optionRow('logfile', 'text', 'Append the log to this file', { value: 'FILE' }),
  optionRow('once', 'switch', 'One cycle; exits with 3 for an alarm, 1 if a check failed', {
    flagOnly: true,
  }),
  optionRow('print', 'switch', 'install: print the unit and do nothing', { flagOnly: true }),
  optionRow('dry-run', 'switch', 'install, uninstall: print every step and take none', {
    flagOnly: true,
  }),
];

function notificationOptions(): readonly OptionRow[] {
  return [
    optionRow('audit-notification-url', 'text', 'Where results are posted', { value: 'URL' }),
    optionRow('audit-notification-username', 'text', 'User in what is posted', { value: 'USER' }),
    optionRow('audit-notification-password', 'text', 'Password in what is posted', {
      value: 'TEXT',
      secret: true,
    }),
    optionRow('audit-notification-password-file', 'text', 'File with that password', {
      value: 'FILE',
    }),
    optionRow('audit-notification-secret', 'text', 'Signs what is posted (HMAC-SHA-256)', {
      value: 'TEXT',
      secret: true,
    }),
    optionRow('audit-notification-secret-file', 'text', 'File with that secret', { value: 'FILE' }),
    optionRow('audit-notification-about', 'text', 'Post every check, or only what changed', {
      value: 'every|changes',
      choices: ['every', 'changes'],
      fallback: 'every',
    }),
  ];
}

function cycleOptions(): readonly OptionRow[] {
  return [
    optionRow(
      'audit-interval',
      'text',
      'From cycle to cycle, such as 30s; default 1m (old: audit-agent-interval)',
      {
        value: 'TIME',
      },
    ),
    optionRow('audit-servers', 'text', 'HOST:PORT of several servers, with commas', {
      value: 'SERVERS',
    }),
    optionRow(
      'audit-sample',
      'number',
      'Transactions a cycle, new and old each, whose values are fetched',
      {
        value: 'COUNT',
        fallback: '16',
      },
    ),
    optionRow('audit-outage-cycles', 'number', 'Cycles in a row that fail until it is an alarm', {
      value: 'COUNT',
      fallback: '3',
    }),
    optionRow(
      'gateway-names',
      'switch',
      'Series immugw_audit_*, and 9476 as the port of the metrics',
    ),
  ];
}
