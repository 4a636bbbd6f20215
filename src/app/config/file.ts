import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { systemErrorCode } from '../../base/durable-file.js';
import { messageOf } from '../../base/errors.js';
import { ConfigError } from './errors.js';
import { documentedFlags, optionOfFileKey } from './names.js';
import { didYouMean } from './nearest.js';
import type { OptionName } from './options.js';
import type { RawValue, RawValues } from './sources.js';

export const SYSTEM_CONFIG_FILE = '/etc/stele/stele.toml';

export interface FileValues {
  /** Absolute; undefined when no file was found. */
  readonly path: string | undefined;
  readonly values: RawValues;
}

/**
 * Reads the named file, or else the first that exists of `stele.toml` in the working directory and the
 * one of the system.
 *
 * @throws ConfigError fileUnreadable, fileInvalid, unknownOption
 */
export function readConfigFile(
  named: RawValue | undefined,
  cwd: string,
  systemFile: string = SYSTEM_CONFIG_FILE,
): FileValues {
  if (named) {
    const file = path.resolve(cwd, named.text);
    const content = readText(file);
    if (content !== undefined) return { path: file, values: parseConfigFile(content, file) };
    throw new ConfigError('fileUnreadable', `configuration file ${file} does not exist`);
  }
  for (const file of [path.resolve(cwd, 'stele.toml'), systemFile]) {
    const content = readText(file);
    if (content !== undefined) return { path: file, values: parseConfigFile(content, file) };
  }
  return { path: undefined, values: new Map() };
}

/** Flat: each key is an option. */
export function parseConfigFile(content: string, file: string): RawValues {
  const values = new Map<OptionName, RawValue>();
  for (const [key, value] of Object.entries(parseToml(content, file))) {
    const line = lineOfKey(content, key);
    const where = line === undefined ? file : `${file}:${line}`;
    const name = optionOfFileKey(key);
    if (name === undefined) {
      const hint = didYouMean(key, documentedFlags);
      throw new ConfigError('unknownOption', `${where}: unknown option ${key}${hint}`);
    }
    const text = textOf(value) ?? (name === 'auditFilter' ? filterOf(value) : undefined);
    if (text === undefined) {
      throw new ConfigError('fileInvalid', `${where}: ${key} is a table or a list of them`);
    }
    const before = values.get(name);
    if (before) {
      throw new ConfigError('conflict', `${where}: ${key} is given twice, by two of its names`);
    }
    const position = line === undefined ? {} : { line };
    values.set(name, { text, source: { kind: 'file', path: file, key, ...position } });
  }
  return values;
}

function parseToml(content: string, file: string): Record<string, unknown> {
  try {
    // Beyond 2^53 as bigint, so that a number that is too large is refused and not rounded.
    return parse(content, { integersAsBigInt: 'asNeeded', unsafeKeyBehaviour: 'throw' });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The first line says what; the rest quotes the file, where passwords stand.
    const reason = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
    const where = `${file}:${error.line}:${error.column}`;
    throw new ConfigError('fileInvalid', `${where}: not valid TOML: ${reason}`);
  }
}

function textOf(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    return value.every((element) => typeof element === 'string') ? value.join(',') : undefined;
  }
  if (value instanceof Date || typeof value !== 'object') return String(value);
  return undefined;
}

/** A query of MongoDB as a table; what JSON has no word for, in the words of MongoDB. */
function filterOf(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key, text: unknown) {
    const original = this[key];
    if (original instanceof Date) return { $date: original.toISOString() };
    return typeof original === 'bigint' ? Number(original) : text;
  });
}

/** The parser gives no positions of keys; ours stand at the beginning of a line. */
function lineOfKey(content: string, key: string): number | undefined {
  const name = key.replaceAll(/[^\w-]/g, (character) => `\\${character}`);
  const pattern = new RegExp(`^\\s*(?:\\[+\\s*)?["']?${name}["']?\\s*[=.\\]]`);
  const index = content.split('\n').findIndex((line) => pattern.test(line));
  return index < 0 ? undefined : index + 1;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new ConfigError(
      'fileUnreadable',
      `configuration file ${file} cannot be read: ${messageOf(error)}`,
    );
  }
}
