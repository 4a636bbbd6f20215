import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { messageOf } from '../../base/errors.js';
import type { ValueSource } from '../../client/index.js';
import { UsageError } from '../kit/errors.js';
import { readAll } from '../kit/password.js';
import type { Settings } from '../kit/settings.js';
import type { Call } from './context.js';

/** A word as bytes, as `--input` says. @throws UsageError */
export function bytesFrom(word: string, settings: Settings): Buffer {
  const kind = settings.raw('input');
  if (kind === 'text') return Buffer.from(word);
  const isHex = kind === 'hex';
  const bytes = Buffer.from(word, isHex ? 'hex' : 'base64');
  const same = isHex
    ? bytes.toString('hex') === word.toLowerCase()
    : bytes.toString('base64').replace(/=+$/, '') === word.replace(/=+$/, '');
  if (!same) throw new UsageError(`"${word}" is not ${kind}`);
  return bytes;
}

/** From this size on a value from a file goes as a stream, bytes. */
const STREAM_BYTES_MIN = 1024 * 1024;

/** The value of a write: a word, a file, or standard input. Of a large file what it takes to stream it. */
export async function valueFrom(
  { settings, world }: Call,
  word: string | undefined,
): Promise<Buffer | ValueSource> {
  const file = settings.text('value-file');
  if (file === undefined) {
    if (word === undefined) throw new UsageError('there is no value: give VALUE or --value-file');
    return bytesFrom(word, settings);
  }
  if (word !== undefined) throw new UsageError('give VALUE or --value-file, not both');
  if (file === '-') return readAll(world.input);
  try {
    const { size, isFile } = await stat(file).then((s) => ({ size: s.size, isFile: s.isFile() }));
    if (isFile && size >= STREAM_BYTES_MIN) {
      return { length: size, pieces: createReadStream(file) as AsyncIterable<Uint8Array> };
    }
    return await readAll(createReadStream(file));
  } catch (error) {
    throw new UsageError(`--value-file: ${messageOf(error)}`);
  }
}

export interface KeyAndRevision {
  readonly key: Buffer;
  /** Undefined for the newest. */
  readonly revision: number | undefined;
}

/** `key@revision`. @throws UsageError */
export function keyAndRevision(word: string, settings: Settings): KeyAndRevision {
  const separator = settings.raw('revision-separator');
  const at = separator === '' ? -1 : word.lastIndexOf(separator);
  if (at < 0) return { key: bytesFrom(word, settings), revision: undefined };
  const text = word.slice(at + separator.length);
  if (!/^[+-]?\d+$/.test(text)) {
    throw new UsageError(
      `invalid key revision number "${text}": not an integer; a key with ${separator} in it needs --revision-separator ""`,
    );
  }
  const revision = Number(text);
  return {
    key: bytesFrom(word.slice(0, at), settings),
    revision: revision === 0 ? undefined : revision,
  };
}

/** @throws UsageError */
export function txIdFrom(word: string): number {
  const id = /^\d+$/.test(word) ? Number(word) : Number.NaN;
  if (!Number.isSafeInteger(id)) throw new UsageError(`"${word}" is not a valid id number`);
  if (id === 0) throw new UsageError('tx id cannot be 0 (should be bigger than 0)');
  return id;
}

/** @throws UsageError */
export function scoreFrom(word: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word)) return Number(word);
  if (/^nan$/i.test(word)) return Number.NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(word);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  throw new UsageError(`"${word}" is not a valid score: expected a number`);
}
