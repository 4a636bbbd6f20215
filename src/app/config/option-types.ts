import { formatBytes, formatDuration, parseBytes, parseDuration } from './units.js';

export const OPTION_GROUPS = [
  'Server',
  'Users and sessions',
  'TLS',
  'Logging',
  'Metrics',
  'Audit',
  'Storage',
  'Limits',
  'Connections',
  'immudb compatibility',
] as const;

export type OptionGroup = (typeof OPTION_GROUPS)[number];

export type OptionKind =
  | 'boolean'
  | 'bytes'
  | 'duration'
  | 'enum'
  | 'integer'
  | 'list'
  | 'path'
  | 'port'
  | 'string';

/** What an operator reads about an option, and the names it is given by. */
export interface OptionDescription {
  /** Name on the command line (without dashes) and in the file. */
  readonly flag: string;
  /** One letter. */
  readonly short?: string;
  /** Other names that mean the same on the command line and in the file. */
  readonly aliases?: readonly string[];
  /** Environment variables read after the ones that follow from the name. */
  readonly env?: readonly string[];
  readonly group: OptionGroup;
  /** One line, without a full stop. */
  readonly help: string;
  /** What is trusted and what a wrong value loses, where that is not plain. */
  readonly prose?: string;
  /** Version of Stele that had it first. */
  readonly since?: string;
  /** Left out of `--help`; still in the documents. */
  readonly hidden?: boolean;
  /** Read from the command line and `STELE_` alone: it decides which file is read. */
  readonly notInFile?: boolean;
}

/**
 * `setting`: becomes a field of `Config`. `secret`: becomes part of `Secrets`. `ignored` and `refused` (options of immudb that mean nothing here, or that ask for what would
 * be silently absent): a value other than the harmless one gives a notice, or an error.
 */
export type OptionRole = 'setting' | 'secret' | 'ignored' | 'refused';

export interface OptionSpec<T, Role extends OptionRole = OptionRole> extends OptionDescription {
  readonly kind: OptionKind;
  readonly role: Role;
  readonly default: T;
  /** Its value is never shown, whatever its role. */
  readonly sensitive?: boolean;
  /** Units of the value and of `min` and `max`. */
  readonly unit?: 'bytes' | 'ms' | '%';
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** Why an `ignored` or `refused` option has no effect or cannot be had. */
  readonly reason?: string;
  /** The value of an `ignored` or `refused` option that asks for what is the case anyway. */
  readonly harmless?: unknown;
  /** What `parse` accepts, to follow "expected". */
  readonly expected: string;
  /** @returns undefined when the text is no value of this option */
  readonly parse: (text: string) => T | undefined;
  /** A value as `parse` would read it. */
  format(value: T): string;
}

/** An option of whatever type, as those see it who treat all alike. */
export type AnyOption = OptionSpec<unknown>;

/** A path or text that is not given is the empty text in files and on the command line. */
export type Optional = string | undefined;

type Numeric = OptionDescription & {
  readonly default: number;
  readonly min: number;
  readonly max: number;
};

export function boolean(
  option: OptionDescription & { readonly default: boolean },
): OptionSpec<boolean, 'setting'> {
  return {
    ...option,
    kind: 'boolean',
    role: 'setting',
    expected: 'true or false',
    parse: (text) => BOOLEANS[text.trim().toLowerCase()],
    format: String,
  };
}

/** The spellings of the original. */
const BOOLEANS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  true: true,
  '0': false,
  f: false,
  false: false,
};

export function integer(option: Numeric & { readonly unit?: '%' }): OptionSpec<number, 'setting'> {
  return {
    ...option,
    kind: 'integer',
    role: 'setting',
    expected: `a whole number from ${option.min} to ${option.max}`,
    parse: within(option, (text) => (/^-?\d+$/.test(text) ? Number(text) : undefined)),
    format: String,
  };
}

/** 0 lets the system choose. */
export function port(
  option: OptionDescription & { readonly default: number },
): OptionSpec<number, 'setting'> {
  return { ...integer({ ...option, min: 0, max: 65_535 }), kind: 'port' };
}

export function bytes(option: Numeric): OptionSpec<number, 'setting'> {
  const range = `from ${formatBytes(option.min)} to ${formatBytes(option.max)}`;
  return {
    ...option,
    kind: 'bytes',
    role: 'setting',
    unit: 'bytes',
    expected: `bytes, such as 65536 or 64MiB, ${range}`,
    parse: within(option, parseBytes),
    format: formatBytes,
  };
}

/** `default`, `min` and `max` in milliseconds. A bare number counts `bareUnitMs` each, where given. */
export function duration(
  option: Numeric & { readonly bareUnitMs?: number },
): OptionSpec<number, 'setting'> {
  const { bareUnitMs, ...rest } = option;
  const range = `from ${formatDuration(option.min)} to ${formatDuration(option.max)}`;
  return {
    ...rest,
    kind: 'duration',
    role: 'setting',
    unit: 'ms',
    expected: `a duration, such as 90s, 1h30m or 250ms, ${range}`,
    parse: within(option, (text) =>
      bareUnitMs !== undefined && /^\d+$/.test(text)
        ? Number(text) * bareUnitMs
        : parseDuration(text),
    ),
    format: formatDuration,
  };
}

export function oneOf<const Choice extends string>(
  option: OptionDescription & {
    readonly choices: readonly Choice[];
    readonly default: NoInfer<Choice>;
    /** Other spellings. */
    readonly synonyms?: Readonly<Record<string, NoInfer<Choice>>>;
  },
): OptionSpec<Choice, 'setting'> {
  const { synonyms = {}, ...rest } = option;
  return {
    ...rest,
    kind: 'enum',
    role: 'setting',
    expected: `one of ${option.choices.join(', ')}`,
    parse: (text) => {
      const wanted = text.trim().toLowerCase();
      return option.choices.find((choice) => choice === wanted) ?? synonyms[wanted];
    },
    format: String,
  };
}

/** @param option `matches` is what the text has to look like; anything, when absent */
export function text({
  matches = /./s,
  ...option
}: OptionDescription & {
  readonly default: string;
  readonly expected?: string;
  readonly matches?: RegExp;
}): OptionSpec<string, 'setting'> {
  return {
    ...option,
    kind: 'string',
    role: 'setting',
    expected: option.expected ?? 'a text that is not empty',
    parse: (value) => (matches.test(value.trim()) ? value.trim() : undefined),
    format: String,
  };
}

/** Resolved against the working directory. */
export function path(
  option: OptionDescription & { readonly default: string },
): OptionSpec<string, 'setting'> {
  return { ...text({ ...option, expected: 'a path' }), kind: 'path' };
}

/** As `path`, but may be left out. */
export function optionalPath(option: OptionDescription): OptionSpec<Optional, 'setting'> {
  return { ...optionalText(option), kind: 'path', expected: 'a path' };
}

export function optionalText(option: OptionDescription): OptionSpec<Optional, 'setting'> {
  return {
    ...option,
    kind: 'string',
    role: 'setting',
    default: undefined,
    expected: 'a text',
    // The empty text means "not given", which `undefined` could not tell from "no value of this option".
    parse: (value) => value.trim(),
    format: (value) => value ?? '',
  };
}

/** Comma-separated; given several times on the command line, they add up. */
export function list(
  option: OptionDescription & {
    readonly expected: string;
    readonly element: (text: string) => boolean;
  },
): OptionSpec<readonly string[], 'setting'> {
  const { element, ...rest } = option;
  return {
    ...rest,
    kind: 'list',
    role: 'setting',
    default: Object.freeze([]),
    parse: (value) => {
      const elements = value.split(',').map((part) => part.trim());
      const given = elements.filter((part) => part !== '');
      return given.every(element) ? given : undefined;
    },
    format: (value) => value.join(','),
  };
}

export function secret(option: OptionDescription): OptionSpec<Optional, 'secret'> {
  return {
    ...optionalText(option),
    role: 'secret',
    sensitive: true,
    expected: 'a text, or enc: and standard base64',
    parse: (value) => value,
  };
}

/** An option of immudb without meaning here. Any value but the harmless one gives a notice. */
export function ignored<T>(
  spec: OptionSpec<T, OptionRole>,
  reason: string,
  harmless: NoInfer<T> = spec.default,
): OptionSpec<T, 'ignored'> {
  return { ...spec, role: 'ignored', reason, harmless };
}

/** An option of immudb that asks for what Stele does not do. Any value but the harmless one is an error. */
export function refused<T>(
  spec: OptionSpec<T, OptionRole>,
  reason: string,
  harmless: NoInfer<T> = spec.default,
): OptionSpec<T, 'refused'> {
  return { ...spec, role: 'refused', reason, harmless };
}

function within(
  { min, max }: { readonly min: number; readonly max: number },
  parse: (text: string) => number | undefined,
): (text: string) => number | undefined {
  return (value) => {
    const parsed = parse(value.trim());
    return parsed !== undefined && parsed >= min && parsed <= max ? parsed : undefined;
  };
}
