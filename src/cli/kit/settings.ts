import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readFileIfExists } from '../../base/durable-file.js';
import { messageOf } from '../../base/errors.js';
import { UsageError } from './errors.js';
import { nearest } from './nearest.js';
import type { OptionRow, OptionTable } from './options.js';

/** Where the settings of a program come from. */
export interface SettingsSource {
  /** Also the name of its configuration file. */
  readonly name: string;
  /** What the names of its variables begin with; the first that is set counts. */
  readonly prefixes: readonly string[];
  readonly options: OptionTable;
  /** Keys of the configuration file that another program reads. */
  readonly foreignKeys?: RegExp;
}

export interface Arguments {
  /** What is no flag. */
  readonly words: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
}

/**
 * Flags may stand anywhere before `--`. A word such as `-5` is a number and no flag, because no flag is
 * a digit.
 * @throws UsageError
 */
export function parseArguments(args: readonly string[], options: OptionTable): Arguments {
  const words: string[] = [];
  const flags = new Map<string, string>();
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (arg === '--') {
      words.push(...args.slice(at + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-' || /^-[\d.]/.test(arg)) {
      words.push(arg);
      continue;
    }
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1;
    const flag = equals < 0 ? arg : arg.slice(0, equals);
    const option = options.find(flag);
    if (option === undefined) throw unknownFlag(flag, options);
    const given = equals < 0 ? undefined : arg.slice(equals + 1);
    if (option.kind === 'switch') {
      flags.set(option.name, checkedValue(option, given ?? 'true', flag));
      continue;
    }
    const value = given ?? args[++at];
    if (value === undefined) throw new UsageError(`flag ${flag} needs a value (${option.value})`);
    flags.set(option.name, checkedValue(option, value, flag));
  }
  return { words, flags };
}

function unknownFlag(flag: string, { flags }: OptionTable): UsageError {
  const hint = nearest(flag, flags);
  return new UsageError(
    `unknown flag ${flag}${hint === undefined ? '' : `; did you mean ${hint}?`}`,
  );
}

function checkedValue({ kind, choices }: OptionRow, value: string, source: string): string {
  if (kind === 'number' && !(/^\d+$/.test(value) && Number.isSafeInteger(Number(value)))) {
    throw new UsageError(`${source}: expected a whole number, got "${value}"`);
  }
  if (choices !== undefined && !choices.includes(value)) {
    throw new UsageError(`${source}: expected ${choices.join(' or ')}, got "${value}"`);
  }
  if (kind === 'switch' && !/^(true|false|1|0|yes|no)$/i.test(value)) {
    throw new UsageError(`${source}: expected true or false, got "${value}"`);
  }
  return value;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Flag, environment, file, default: the first that has it. */
export class Settings {
  readonly #values: ReadonlyMap<string, string>;
  readonly env: Environment;

  private constructor(values: Map<string, string>, env: Environment) {
    this.#values = values;
    this.env = env;
  }

  /** @throws UsageError */
  static async load(
    flags: ReadonlyMap<string, string>,
    env: Environment,
    source: SettingsSource,
  ): Promise<Settings> {
    const values = new Map<string, string>();
    const { rows } = source.options;
    for (const { name, fallback } of rows) if (fallback !== undefined) values.set(name, fallback);
    for (const [name, value] of await fileValues(flags.get('config'), env, source)) {
      values.set(name, value);
    }
    for (const option of rows) {
      const found = fromEnvironment(option, env, source.prefixes);
      if (found !== undefined) values.set(option.name, found);
    }
    for (const [name, value] of flags) values.set(name, value);
    return new Settings(values, env);
  }

  /** The same with flags of one line of the shell. */
  with(flags: ReadonlyMap<string, string>): Settings {
    const values = new Map(this.#values);
    for (const [name, value] of flags) values.set(name, value);
    return new Settings(values, this.env);
  }

  /** Undefined when empty. */
  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return value === undefined || value === '' ? undefined : value;
  }

  /** Also the empty text. */
  raw(name: string): string {
    return this.#values.get(name) ?? '';
  }

  number(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  has(name: string): boolean {
    return /^(true|1|yes)$/i.test(this.#values.get(name) ?? '');
  }

  /** Where this program keeps what it must remember: logins, trusted states, the history of its shell. */
  get home(): string {
    const state = this.env.XDG_STATE_HOME;
    const base =
      state !== undefined && path.isAbsolute(state)
        ? state
        : path.join(this.env.HOME ?? os.homedir(), '.local', 'state');
    return path.join(base, 'stele');
  }
}

function fromEnvironment(
  option: OptionRow,
  env: Environment,
  prefixes: readonly string[],
): string | undefined {
  if (option.flagOnly === true) return undefined;
  const upper = option.name.toUpperCase().replaceAll('-', '_');
  for (const prefix of prefixes) {
    const value = env[prefix + upper];
    if (value !== undefined && value !== '') return checkedValue(option, value, prefix + upper);
  }
  return undefined;
}

async function fileValues(
  named: string | undefined,
  env: Environment,
  source: SettingsSource,
): Promise<readonly (readonly [string, string])[]> {
  const candidates = named === undefined ? implicitFiles(env, source.name) : [named];
  for (const file of candidates) {
    const bytes = named === undefined ? await readFileIfExists(file) : await readNamed(file);
    if (bytes !== undefined) return parseFile(file, bytes.toString('utf8'), source);
  }
  return [];
}

function implicitFiles(env: Environment, program: string): string[] {
  const home = env.HOME ?? os.homedir();
  const config = env.XDG_CONFIG_HOME ?? path.join(home, '.config');
  return [path.join(config, 'stele', `${program}.toml`), `/etc/stele/${program}.toml`];
}

async function readNamed(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new UsageError(`cannot read the configuration file: ${messageOf(error)}`);
  }
}

async function parseFile(
  file: string,
  text: string,
  { options, foreignKeys }: SettingsSource,
): Promise<[string, string][]> {
  const { parse } = await import('smol-toml');
  let table: Record<string, unknown>;
  try {
    table = parse(text);
  } catch (error) {
    throw new UsageError(`the configuration file ${file} is not TOML: ${messageOf(error)}`);
  }
  const values: [string, string][] = [];
  for (const [key, value] of Object.entries(table)) {
    const option = options.find(`--${key}`);
    if (option === undefined || option.flagOnly === true) {
      if (foreignKeys?.test(key) === true) continue;
      throw new UsageError(`${file}: unknown key ${key}`);
    }
    values.push([option.name, checkedValue(option, String(value), `${file}: ${key}`)]);
  }
  return values;
}
