import type { AnyOption } from './option-types.js';
import { findOption, type OptionName, optionRows } from './options.js';

/** `signingKey` as `signing-key`. */
function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `signing-key` as `signingKey`. */
function camelCase(name: string): string {
  return name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Every spelling of the option on the command line (without dashes) and in the file. */
export function flagNames(option: AnyOption): string[] {
  const names = [option.flag, ...(option.aliases ?? [])];
  return [...new Set(names.flatMap((name) => [name, kebabCase(name), camelCase(kebabCase(name))]))];
}

export const ENV_PREFIXES = ['STELE_', 'IMMUDB_'] as const;

/** Environment variables of the option in order of precedence. */
export function envNames(option: AnyOption): string[] {
  // The original lower-cases `signingKey` before it forms the name; its documents once did not.
  const stems = [option.flag, kebabCase(option.flag), ...(option.aliases ?? [])].map((name) =>
    name.toUpperCase().replaceAll('-', '_'),
  );
  const prefixes = option.notInFile ? ['STELE_'] : ENV_PREFIXES;
  const derived = prefixes.flatMap((prefix) => [...new Set(stems)].map((stem) => prefix + stem));
  return [...derived, ...(option.env ?? [])];
}

const byFlag = new Map<string, OptionName>();
const byShort = new Map<string, OptionName>();
const byFileKey = new Map<string, OptionName>();
for (const [name, option] of optionRows) {
  if (option.short !== undefined) byShort.set(option.short, name);
  for (const flag of flagNames(option)) {
    byFlag.set(flag, name);
    // Keys of the file are read whatever their case, as by the original.
    if (!option.notInFile) byFileKey.set(flag.toLowerCase(), name);
  }
}

export function optionOfFlag(flag: string): OptionName | undefined {
  return byFlag.get(flag);
}

export function optionOfShort(letter: string): OptionName | undefined {
  return byShort.get(letter);
}

export function optionOfFileKey(key: string): OptionName | undefined {
  return byFileKey.get(key.toLowerCase());
}

/** What a person may have meant: the names as documented. */
export const documentedFlags: readonly string[] = optionRows.map(([, option]) => option.flag);

export function flagOf(name: OptionName): string {
  return `--${findOption(name).flag}`;
}
