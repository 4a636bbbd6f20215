/** The flags of `steleclient`: one table for parsing, environment, configuration file and help. */

export interface OptionRow {
  readonly name: string;
  readonly short?: string;
  /** Other spellings of the flag. */
  readonly aliases?: readonly string[];
  readonly kind: 'text' | 'number' | 'switch';
  /** What stands for the value in the help; absent for switches. */
  readonly value?: string;
  readonly fallback?: string;
  /** The only values. */
  readonly choices?: readonly string[];
  /** One line, without a full stop. */
  readonly summary: string;
  /** Taken because scripts give it, and without effect. */
  readonly ignored?: boolean;
  /** Never shown. */
  readonly secret?: boolean;
}

function row(
  name: string,
  kind: OptionRow['kind'],
  summary: string,
  more: Partial<OptionRow> = {},
): OptionRow {
  return { name, kind, summary, ...more };
}

export const OPTIONS: readonly OptionRow[] = [
  row('immudb-address', 'text', 'Name or address of the server', {
    short: 'a',
    aliases: ['address', 'host'],
    value: 'HOST',
    fallback: '127.0.0.1',
  }),
  row('immudb-port', 'number', 'Port of the server', {
    short: 'p',
    aliases: ['port'],
    value: 'PORT',
    fallback: '3322',
  }),
  row('username', 'text', 'Log in as this user for this command', { value: 'USER' }),
  row('password', 'text', 'Password, or enc: and its base64; a process list shows it', {
    value: 'TEXT',
    secret: true,
  }),
  row('password-file', 'text', 'File with the password in its first line', { value: 'FILE' }),
  row('database', 'text', 'Use this database for this command', { value: 'NAME' }),
  row('tokenfile', 'text', 'File that keeps the login between commands', { value: 'FILE' }),
  row('state-dir', 'text', 'Directory of the trusted states', { value: 'DIR' }),
  row('server-signing-pub-key', 'text', 'PEM file; states must be signed with this key', {
    value: 'FILE',
  }),
  row(
    'tls',
    'switch',
    'Encrypt; the server is checked against --clientcas or the known authorities',
  ),
  row('mtls', 'switch', 'Encrypt, and show the certificate of this client', { short: 'm' }),
  row('servername', 'text', 'Name that the certificate of the server must have', { value: 'NAME' }),
  row('certificate', 'text', 'Certificate of this client (PEM)', { value: 'FILE' }),
  row('pkey', 'text', 'Its key (PEM)', { value: 'FILE' }),
  row('clientcas', 'text', 'Who may have issued the certificate of the server (PEM)', {
    value: 'FILE',
  }),
  row('value-only', 'switch', 'Print values and nothing else'),
  row('json', 'switch', 'Print JSON, one object a line'),
  row('raw-hex', 'switch', 'Print keys and values in hexadecimal'),
  row('format', 'text', 'Blocks as the clients of 1.x or of 0.9 print them', {
    value: '1|0.9',
    choices: ['1', '0.9'],
    fallback: '1',
  }),
  row('input', 'text', 'How keys and values are given: text, hex or base64', {
    value: 'KIND',
    choices: ['text', 'hex', 'base64'],
    fallback: 'text',
  }),
  row('value-file', 'text', 'Take the value from a file, - for standard input', { value: 'FILE' }),
  row('output', 'text', 'Write the value to this file, byte for byte', {
    short: 'o',
    value: 'FILE',
  }),
  row('revision-separator', 'text', 'Between a key and its revision; empty for none', {
    value: 'TEXT',
    fallback: '@',
  }),
  row('limit', 'number', 'At most so many entries', { value: 'COUNT' }),
  row('desc', 'switch', 'Newest or greatest first'),
  row('complete', 'switch', 'history: prove that no version was left out'),
  row('verify', 'switch', 'history: verify each version'),
  row('timeout', 'number', 'Seconds until a call is given up', {
    value: 'SECONDS',
    fallback: '30',
  }),
  row('config', 'text', 'Configuration file (TOML); keys are the names of these flags', {
    value: 'FILE',
  }),
  row('no-color', 'switch', 'No colours, also on a terminal'),
  row('help', 'switch', 'Print help', { short: 'h' }),
  row('version', 'switch', 'Print the version'),
  row('max-recv-msg-size', 'number', '', { ignored: true, value: 'BYTES' }),
  row('dir', 'text', '', { ignored: true, value: 'DIR' }),
  row('roots-filepath', 'text', '', { ignored: true, value: 'DIR' }),
  row('prometheus-port', 'number', '', { ignored: true, value: 'PORT' }),
  row('prometheus-host', 'text', '', { ignored: true, value: 'HOST' }),
  row('auth', 'switch', '', { ignored: true }),
];

const BY_FLAG = new Map<string, OptionRow>();
for (const option of OPTIONS) {
  BY_FLAG.set(`--${option.name}`, option);
  if (option.short !== undefined) BY_FLAG.set(`-${option.short}`, option);
  for (const alias of option.aliases ?? []) BY_FLAG.set(`--${alias}`, option);
}

export function findOption(flag: string): OptionRow | undefined {
  return BY_FLAG.get(flag);
}

export const FLAG_NAMES: readonly string[] = [...BY_FLAG.keys()].filter((flag) =>
  flag.startsWith('--'),
);
