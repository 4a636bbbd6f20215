import type { AnyOption } from './option-types.js';
import { auditOptions } from './options/audit.js';
import { compatibilityOptions } from './options/compatibility.js';
import { connectionOptions, limitOptions, storageOptions } from './options/limits.js';
import {
  loggingOptions,
  metricsOptions,
  serverOptions,
  tlsOptions,
  userOptions,
} from './options/server.js';

/**
 * Every option of the server, by the name of its field in `Config`. Parsing, `--help`, `stele config
 * show`, the table in the README and the sample file are all made from this. A new option is a row here
 * and nothing else.
 */
export const options = {
  ...serverOptions,
  ...userOptions,
  ...tlsOptions,
  ...loggingOptions,
  ...metricsOptions,
  ...auditOptions,
  ...storageOptions,
  ...limitOptions,
  ...connectionOptions,
  ...compatibilityOptions,
} satisfies Readonly<Record<string, AnyOption>>;

export type OptionName = keyof typeof options;

type SettingName = {
  [Name in OptionName]: (typeof options)[Name]['role'] extends 'setting' ? Name : never;
}[OptionName];

/**
 * The validated settings: no secrets, so that it can be logged; frozen. Paths are absolute, durations in
 * milliseconds, sizes in bytes. What each field means stands in its row.
 */
export type Config = { readonly [Name in SettingName]: (typeof options)[Name]['default'] };

/** Rows with their names, in the order of the table. */
export const optionRows: readonly (readonly [OptionName, AnyOption])[] = optionNames().map(
  (name) => [name, options[name]],
);

export function findOption(name: OptionName): AnyOption {
  return options[name];
}

function optionNames(): OptionName[] {
  // Object.keys forgets the names of the type.
  return Object.keys(options) as OptionName[];
}
