import { asBuffer, readU64, writeU64 } from '../base/bytes.js';
import { checkBytes, checkInteger } from './checks.js';

/** First byte of a raw key (proofs reference, section 1). */
export const PLAIN_KEY_PREFIX = 0;
export const SORTED_SET_PREFIX = 1;
/** First byte of a raw value. */
export const PLAIN_VALUE_PREFIX = 0;
export const REFERENCE_VALUE_PREFIX = 1;

function prefixed(prefix: number, name: string, bytes: Uint8Array): Buffer {
  checkBytes(name, bytes);
  const out = Buffer.allocUnsafe(1 + bytes.length);
  out[0] = prefix;
  out.set(bytes, 1);
  return out;
}

/** `00 || key`, of plain values and references. */
export function rawKeyOf(key: Uint8Array): Buffer {
  return prefixed(PLAIN_KEY_PREFIX, 'key', key);
}

/** `00 || value` */
export function rawValueOf(value: Uint8Array): Buffer {
  return prefixed(PLAIN_VALUE_PREFIX, 'value', value);
}

/** `01 || u64(atTx) || 00 || referencedKey`; atTx 0 is unbound. */
export function rawReferenceValue(referencedKey: Uint8Array, atTx: number): Buffer {
  checkBytes('referencedKey', referencedKey);
  checkInteger('atTx', atTx, 0);
  const out = Buffer.allocUnsafe(10 + referencedKey.length);
  out[0] = REFERENCE_VALUE_PREFIX;
  writeU64(out, 1, atTx);
  out[9] = PLAIN_KEY_PREFIX;
  out.set(referencedKey, 10);
  return out;
}

export interface ReferenceValue {
  readonly atTx: number;
  readonly referencedKey: Uint8Array;
}

/** Undefined for bytes that are no reference. */
export function parseReferenceValue(rawValue: Uint8Array): ReferenceValue | undefined {
  const bytes = asBuffer(rawValue);
  if (bytes.length < 10 || bytes[0] !== REFERENCE_VALUE_PREFIX || bytes[9] !== PLAIN_KEY_PREFIX) {
    return undefined;
  }
  const atTx = readU64(bytes, 1);
  return Number.isSafeInteger(atTx) ? { atTx, referencedKey: bytes.subarray(10) } : undefined;
}

export interface SortedSetKey {
  readonly set: Uint8Array;
  readonly score: number;
  readonly key: Uint8Array;
  readonly atTx: number;
}

/**
 * `01 || u64(len set) || set || f64(score) || u64(1 + len key) || 00 || key || u64(atTx)`
 * @throws RangeError for a score that is not a number: its bits would not survive
 */
export function rawSortedSetKey(
  set: Uint8Array,
  score: number,
  key: Uint8Array,
  atTx: number,
): Buffer {
  checkBytes('set', set);
  checkBytes('key', key);
  checkInteger('atTx', atTx, 0);
  if (typeof score !== 'number') throw new TypeError(`score must be a number, got ${typeof score}`);
  if (Number.isNaN(score)) throw new RangeError('score must be a number, got NaN');
  const out = Buffer.allocUnsafe(34 + set.length + key.length);
  out[0] = SORTED_SET_PREFIX;
  writeU64(out, 1, set.length);
  out.set(set, 9);
  let at = 9 + set.length;
  out.writeDoubleBE(score, at);
  writeU64(out, at + 8, 1 + key.length);
  out[at + 16] = PLAIN_KEY_PREFIX;
  out.set(key, at + 17);
  at += 17 + key.length;
  writeU64(out, at, atTx);
  return out;
}

/** Undefined for bytes that are no raw key of a sorted-set entry. */
export function parseSortedSetKey(rawKey: Uint8Array): SortedSetKey | undefined {
  const bytes = asBuffer(rawKey);
  if (bytes.length < 34 || bytes[0] !== SORTED_SET_PREFIX) return undefined;
  const setLength = readU64(bytes, 1);
  if (setLength > bytes.length - 34) return undefined;
  const at = 9 + setLength;
  const keyLength = readU64(bytes, at + 8) - 1;
  if (keyLength < 0 || keyLength !== bytes.length - 34 - setLength) return undefined;
  if (bytes[at + 16] !== PLAIN_KEY_PREFIX) return undefined;
  const atTx = readU64(bytes, bytes.length - 8);
  if (!Number.isSafeInteger(atTx)) return undefined;
  return {
    set: bytes.subarray(9, at),
    score: bytes.readDoubleBE(at),
    key: bytes.subarray(at + 17, at + 17 + keyLength),
    atTx,
  };
}
