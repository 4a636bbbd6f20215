import type { ResolvedConfig } from './load.js';
import type { AnyOption } from './option-types.js';
import { type Config, type OptionName, optionRows } from './options.js';
import { describeSource } from './sources.js';

export interface ShownOption {
  readonly name: string;
  /** `«set»` or `«not set»` for a secret. */
  readonly value: string | number | boolean | readonly string[] | null;
  readonly source: string;
}

/** Effective values; of options that mean nothing here only those that were given. */
export function shownOptions(resolved: ResolvedConfig): ShownOption[] {
  return optionRows
    .map(([name, option]) => ({ name, option, source: resolved.sources[name] }))
    .filter(({ option, source }) => isEffective(option) || source.kind !== 'default')
    .map(({ name, option, source }) => ({
      name: option.flag,
      value: option.sensitive
        ? source.kind === 'default'
          ? '«not set»'
          : '«set»'
        : isSetting(name, option)
          ? shownValue(option, resolved.config[name])
          : '«no effect»',
      source: describeSource(source),
    }));
}

/** One line for each option, as in the file, with where its value came from. */
export function renderShownOptions(resolved: ResolvedConfig): string {
  const rows = shownOptions(resolved).map(({ name, value, source }) => ({
    setting: `${name} = ${isMark(value) ? value : JSON.stringify(value ?? '')}`,
    source,
  }));
  const width = Math.min(60, Math.max(...rows.map(({ setting }) => setting.length)));
  const file = resolved.configFile ?? 'none';
  const lines = rows.map(({ setting, source }) => `${setting.padEnd(width)}  # ${source}`);
  return [`# configuration file: ${file}`, ...lines].join('\n');
}

function isMark(value: ShownOption['value']): boolean {
  return typeof value === 'string' && value.startsWith('«');
}

function isEffective({ role }: AnyOption): boolean {
  return role === 'setting' || role === 'secret';
}

function isSetting(_name: OptionName, { role }: AnyOption): _name is keyof Config {
  return role === 'setting';
}

/** Durations and sizes with their unit, everything else as it is. */
function shownValue(option: AnyOption, value: Config[keyof Config]): ShownOption['value'] {
  if (value === undefined) return null;
  return option.unit === undefined || option.unit === '%' ? value : option.format(value);
}
