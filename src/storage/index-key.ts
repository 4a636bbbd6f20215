import { readU64 } from '../base/bytes.js';
import { parseSortedSetKey, SORTED_SET_PREFIX } from '../proofs/index.js';
import { corrupted } from './errors.js';
import { INDEX_KEY_BYTES_MAX } from './layout.js';

/** Where the set's name begins in a sorted-set key: after the prefix and its length. */
const SET_AT = 1 + 8;

/**
 * The key under which the index keeps a raw key: itself, but for a sorted-set entry, whose score bits are
 * turned so that bytewise order is numeric order, negative scores first.
 */
export function indexKeyOf(rawKey: Buffer): Buffer {
  if (rawKey[0] !== SORTED_SET_PREFIX) return rawKey;
  const parsed = parseSortedSetKey(rawKey);
  if (parsed === undefined) throw corrupted('sorted-set key');
  const key = Buffer.from(rawKey);
  flipScore(key, SET_AT + parsed.set.length);
  return key;
}

/** The raw key of an index key. @throws StorageError `corrupted` */
export function rawKeyOfIndexKey(indexKey: Buffer): Buffer {
  if (indexKey[0] !== SORTED_SET_PREFIX) return indexKey;
  const scoreAt = indexKey.length < SET_AT ? indexKey.length : SET_AT + readU64(indexKey, 1);
  if (scoreAt + 8 > indexKey.length) throw corrupted('sorted-set key');
  const rawKey = Buffer.from(indexKey);
  unflipScore(rawKey, scoreAt);
  return rawKey;
}

/** The order-preserving form of a score, as it stands in an index key. */
export function sortableScore(score: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(score);
  flipScore(bytes, 0);
  return bytes;
}

/**
 * A bound of a range, no longer than the keys that a table takes: the same keys lie before it and the
 * same after, as none is longer.
 */
export function boundOf(bound: Buffer): Buffer {
  if (bound.length <= INDEX_KEY_BYTES_MAX) return bound;
  let end = INDEX_KEY_BYTES_MAX;
  while (end > 1 && bound[end - 1] === 0xff) end--;
  const after = Buffer.from(bound.subarray(0, end));
  after[end - 1] = (after[end - 1] as number) + 1;
  return after;
}

function isNegative(bytes: Buffer, at: number): boolean {
  return ((bytes[at] as number) & 0x80) !== 0;
}

/** Positive numbers get their sign bit set, negative ones all bits turned. */
function flipScore(bytes: Buffer, at: number): void {
  if (isNegative(bytes, at)) turnAll(bytes, at);
  else bytes[at] = (bytes[at] as number) | 0x80;
}

function unflipScore(bytes: Buffer, at: number): void {
  if (isNegative(bytes, at)) bytes[at] = (bytes[at] as number) & 0x7f;
  else turnAll(bytes, at);
}

function turnAll(bytes: Buffer, at: number): void {
  for (let i = at; i < at + 8; i++) bytes[i] = ~(bytes[i] as number) & 0xff;
}
