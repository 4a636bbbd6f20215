import { assert } from '../../base/assert.js';

/** The flags of a program: one table for parsing, environment, configuration file, help and man page. */

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
  /** Neither the environment nor the configuration file may give it. */
  readonly flagOnly?: boolean;
}

export function optionRow(
  name: string,
  kind: OptionRow['kind'],
  summary: string,
  more: Partial<OptionRow> = {},
): OptionRow {
  return { name, kind, summary, ...more };
}

/** Which server, and as whom. */
export const SERVER_OPTIONS: readonly OptionRow[] = [
  optionRow('immudb-address', 'text', 'Name or address of the server', {
    short: 'a',
    aliases: ['address', 'host'],
    value: 'HOST',
    fallback: '127.0.0.1',
  }),
  optionRow('immudb-port', 'number', 'Port of the server', {
    short: 'p',
    aliases: ['port'],
    value: 'PORT',
    fallback: '3322',
  }),
  optionRow('username', 'text', 'Log in as this user for this command', { value: 'USER' }),
  optionRow('password', 'text', 'Password, or enc: and its base64; a process list shows it', {
    value: 'TEXT',
    secret: true,
  }),
  optionRow('password-file', 'text', 'File with the password in its first line', { value: 'FILE' }),
  optionRow('database', 'text', 'Use this database for this command', { value: 'NAME' }),
  optionRow('tokenfile', 'text', 'File that keeps the login between commands', { value: 'FILE' }),
  optionRow('state-dir', 'text', 'Directory of the trusted states', { value: 'DIR' }),
];

export const TLS_OPTIONS: readonly OptionRow[] = [
  optionRow(
    'tls',
    'switch',
    'Encrypt; the server is checked against --clientcas or the known authorities',
  ),
  optionRow('mtls', 'switch', 'Encrypt, and show the certificate of this client', { short: 'm' }),
  optionRow('servername', 'text', 'Name that the certificate of the server must have', {
    value: 'NAME',
  }),
  optionRow('certificate', 'text', 'Certificate of this client (PEM)', { value: 'FILE' }),
  optionRow('pkey', 'text', 'Its key (PEM)', { value: 'FILE' }),
  optionRow('clientcas', 'text', 'Who may have issued the certificate of the server (PEM)', {
    value: 'FILE',
  }),
];

export const FORMAT_OPTION: OptionRow = optionRow(
  'format',
  'text',
  'Print as the programs of 1.x or of 0.9 do',
  { value: '1|0.9', choices: ['1', '0.9'], fallback: '1' },
);

/** What every program takes. */
export const PROGRAM_OPTIONS: readonly OptionRow[] = [
  optionRow('timeout', 'number', 'Seconds until a call is given up', {
    value: 'SECONDS',
    fallback: '30',
  }),
  optionRow('config', 'text', 'Configuration file (TOML); keys are the names of these flags', {
    value: 'FILE',
  }),
  optionRow('no-color', 'switch', 'No colours, also on a terminal'),
  optionRow('help', 'switch', 'Print help', { short: 'h' }),
  optionRow('version', 'switch', 'Print the version'),
];

/** The flags of a program and of its commands. */
export class OptionTable {
  readonly rows: readonly OptionRow[];
  readonly #byFlag = new Map<string, OptionRow>();

  /** @param rows one that several commands take is there once or is the same object */
  constructor(rows: Iterable<OptionRow>) {
    this.rows = [...new Set(rows)];
    for (const row of this.rows) {
      this.#add(`--${row.name}`, row);
      if (row.short !== undefined) this.#add(`-${row.short}`, row);
      for (const alias of row.aliases ?? []) this.#add(`--${alias}`, row);
    }
  }

  find(flag: string): OptionRow | undefined {
    return this.#byFlag.get(flag);
  }

  /** Long spellings, with the dashes. */
  get flags(): readonly string[] {
    return [...this.#byFlag.keys()].filter((flag) => flag.startsWith('--'));
  }

  #add(flag: string, row: OptionRow): void {
    assert(!this.#byFlag.has(flag), `two options are called ${flag}`);
    this.#byFlag.set(flag, row);
  }
}
