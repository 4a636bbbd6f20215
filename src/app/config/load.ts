import path from 'node:path';
import { parseArguments } from './arguments.js';
import { checkRelations, configNotices } from './checks.js';
import { type Environment, readEnvironment } from './environment.js';
import { ConfigError } from './errors.js';
import { readConfigFile, SYSTEM_CONFIG_FILE } from './file.js';
import { flagOf } from './names.js';
import type { AnyOption } from './option-types.js';
import { type Config, type OptionName, optionRows } from './options.js';
import { loadSecrets, type Secrets } from './secrets.js';
import { describeSource, type RawValue, type RawValues, type Source } from './sources.js';

export interface ResolvedConfig {
  readonly config: Config;
  readonly secrets: Secrets;
  /** Where the value of each option came from. */
  readonly sources: Readonly<Record<OptionName, Source>>;
  /** Absolute path of the file that was read. */
  readonly configFile: string | undefined;
  /** What the operator should know although the server starts: to be logged as warnings. */
  readonly notices: readonly string[];
}

/**
 * Flags (`argv` without program and command), environment, file and defaults, in that order, made into
 * one validated configuration. Reads the configuration file and the files of secrets, touches no data.
 *
 * @throws ConfigError
 */
export function loadConfig(
  argv: readonly string[],
  env: Environment,
  cwd: string,
  systemFile: string = SYSTEM_CONFIG_FILE,
): ResolvedConfig {
  const flags = parseArguments(argv);
  const environment = readEnvironment(env);
  const notices = [...environment.notices];
  const named = flags.get('config') ?? environment.values.get('config');
  const file = readConfigFile(named?.text === '' ? undefined : named, cwd, systemFile);
  const raw: RawValues = new Map([...file.values, ...environment.values, ...flags]);

  const settings: Partial<Record<OptionName, unknown>> = {};
  const sources: Partial<Record<OptionName, Source>> = {};
  for (const [name, option] of optionRows) {
    const { value, source } = understand(name, option, raw.get(name), notices);
    sources[name] = source;
    if (option.role === 'setting') settings[name] = absolute(option, value, cwd);
    else if (option.role !== 'secret') judge(name, option, value, source, notices);
  }
  // Complete: every row was visited, and each value came from the row's own parser or default.
  const config = Object.freeze(withLogPaths(settings as Config, cwd));
  const allSources = Object.freeze(sources) as Readonly<Record<OptionName, Source>>;

  const sourceOf = (name: OptionName) => allSources[name];
  checkRelations(config, sourceOf);
  notices.push(...configNotices(config, sourceOf));
  const secrets = loadSecrets(config, raw, sourceOf);
  return { config, secrets, sources: allSources, configFile: file.path, notices };
}

interface Understood {
  readonly value: unknown;
  readonly source: Source;
}

function understand(
  name: OptionName,
  option: AnyOption,
  given: RawValue | undefined,
  notices: string[],
): Understood {
  const standard: Understood = { value: option.default, source: { kind: 'default' } };
  if (given === undefined) return standard;
  const { text, source } = given;
  const value = option.parse(text);
  if (value !== undefined) {
    // An optional text that is given as the empty one is not given.
    const absent = value === '' && option.default === undefined;
    return { value: absent ? undefined : Object.freeze(value), source };
  }
  const shown = option.sensitive ? '' : ` ${quoted(text)}`;
  const problem = `invalid value${shown} for ${flagOf(name)}${origin(source)}: expected ${option.expected}`;
  // Variables without our prefix belong to others too.
  if (source.kind === 'env' && option.env?.includes(source.name)) {
    notices.push(`${problem}; not read`);
    return standard;
  }
  throw new ConfigError('invalidValue', problem);
}

/** Options of the original that Stele has no use for. */
function judge(
  name: OptionName,
  option: AnyOption,
  value: unknown,
  source: Source,
  notices: string[],
): void {
  if (source.kind === 'default' || value === undefined || value === option.harmless) return;
  const shown = option.sensitive ? '' : `=${String(value)}`;
  const what = `${flagOf(name)}${shown}${origin(source)}`;
  if (option.role === 'refused') {
    throw new ConfigError('refused', `${what} cannot be had: ${option.reason}`);
  }
  notices.push(`${what} has no effect: ${option.reason}`);
}

/** Follows the name of an option, unless that says it already. */
function origin(source: Source): string {
  return source.kind === 'flag' ? '' : ` (${describeSource(source)})`;
}

function absolute(option: AnyOption, value: unknown, cwd: string): unknown {
  return option.kind === 'path' && typeof value === 'string' ? path.resolve(cwd, value) : value;
}

/** A log file is named by its path or, with a log directory, by its name there. */
function withLogPaths(config: Config, cwd: string): Config {
  const logDir = config.logDir === undefined ? undefined : path.resolve(config.dir, config.logDir);
  const logFile =
    config.logFile === undefined ? undefined : path.resolve(logDir ?? cwd, config.logFile);
  return { ...config, logDir, logFile };
}

/** Enough of a value to recognise it, on one line. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
