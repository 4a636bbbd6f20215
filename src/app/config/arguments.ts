import { ConfigError } from './errors.js';
import { documentedFlags, optionOfFlag, optionOfShort } from './names.js';
import { didYouMean } from './nearest.js';
import { findOption, type OptionName } from './options.js';
import type { RawValue, RawValues } from './sources.js';

/**
 * Reads flags as the original does: `--name value`, `--name=value`, `-p 3322`, `-p3322`, `-sm`; a
 * boolean takes its value only after `=`. The last one given wins; lists add up.
 *
 * @throws ConfigError unknownOption, missingValue, unexpectedArgument
 */
export function parseArguments(argv: readonly string[]): RawValues {
  const values = new Map<OptionName, RawValue>();
  const rest = [...argv];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument.startsWith('--') && argument.length > 2) readLong(argument, rest, values);
    else if (/^-[^-]/.test(argument)) readShort(argument, rest, values);
    else throw unexpected(argument, values);
  }
  return values;
}

function readLong(argument: string, rest: string[], values: Map<OptionName, RawValue>): void {
  const [flag = '', ...valueParts] = argument.slice(2).split('=');
  const name = optionOfFlag(flag);
  if (name === undefined) {
    const hint = didYouMean(flag, documentedFlags, '--');
    throw new ConfigError('unknownOption', `unknown option --${flag}${hint}`);
  }
  const attached = valueParts.length > 0 ? valueParts.join('=') : undefined;
  const implied = findOption(name).kind === 'boolean' ? 'true' : undefined;
  add(values, name, `--${flag}`, attached ?? implied ?? nextValue(name, `--${flag}`, rest));
}

function readShort(argument: string, rest: string[], values: Map<OptionName, RawValue>): void {
  const word = argument.slice(1).split('=')[0] ?? '';
  // `-port` means port 'ort' to the letter, and `--port` to whoever writes it.
  if (word.length > 1 && optionOfFlag(word) !== undefined) {
    throw new ConfigError('unknownOption', `unknown option -${word} (did you mean --${word}?)`);
  }
  for (let letters = argument.slice(1); letters !== ''; letters = letters.slice(1)) {
    const letter = letters.charAt(0);
    const name = optionOfShort(letter);
    if (name === undefined) {
      const hint = word.length > 1 ? didYouMean(word, documentedFlags, '--') : '';
      const within = word.length > 1 ? ` in -${word}` : '';
      throw new ConfigError('unknownOption', `unknown option -${letter}${within}${hint}`);
    }
    const attached = letters.slice(1);
    const takesRest = attached.startsWith('=') || findOption(name).kind !== 'boolean';
    if (takesRest) {
      const value = attached.replace(/^=/, '');
      add(
        values,
        name,
        `-${letter}`,
        attached === '' ? nextValue(name, `-${letter}`, rest) : value,
      );
      return;
    }
    add(values, name, `-${letter}`, 'true');
  }
}

function nextValue(name: OptionName, flag: string, rest: string[]): string {
  const next = rest.shift();
  if (next !== undefined) return next;
  const { expected } = findOption(name);
  throw new ConfigError('missingValue', `${flag} needs a value: expected ${expected}`);
}

function add(
  values: Map<OptionName, RawValue>,
  name: OptionName,
  flag: string,
  text: string,
): void {
  const before = values.get(name);
  const joined = before && findOption(name).kind === 'list' ? `${before.text},${text}` : text;
  values.set(name, { text: joined, source: { kind: 'flag', name: flag } });
}

function unexpected(argument: string, values: RawValues): ConfigError {
  const last = [...values.values()].at(-1)?.source;
  const flag = last?.kind === 'flag' ? last.name : undefined;
  const boolean = /^(true|false|[01tf])$/i.test(argument);
  const hint = boolean && flag?.startsWith('--') ? `; write ${flag}=${argument}` : '';
  return new ConfigError('unexpectedArgument', `unexpected argument ${argument}${hint}`);
}
