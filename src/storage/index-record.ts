import { checksum32 } from '../base/checksum.js';
import { parseSortedSetKey, SORTED_SET_PREFIX } from '../proofs/index.js';
import { corrupted } from './errors.js';

/** Where an entry stands in the log. */
export interface Location {
  readonly tx: number;
  /** Number of the entry in its transaction. */
  readonly index: number;
  /** Segment of the log record that holds it. */
  readonly segment: number;
}

/** What the index keeps of the newest version of a key. */
export interface IndexEntry extends Location {
  readonly deleted: boolean;
  readonly isReference: boolean;
  /** Unix seconds. */
  readonly expiresAt?: number;
  /** Number of this version, from 1. */
  readonly revision: number;
  /** The first version: names the key in the history table. */
  readonly firstTx: number;
  readonly firstIndex: number;
}

const FLAG_DELETED = 1;
const FLAG_EXPIRES = 2;
const FLAG_LATER_VERSION = 4;
const FLAG_REFERENCE = 8;

const LOCATION_BYTES = 10;
const FIRST_BYTES = 14;

function writeLocation(out: Buffer, at: number, location: Location): void {
  out.writeUIntBE(location.tx, at, 6);
  out.writeUInt16BE(location.index, at + 6);
  out.writeUInt16BE(location.segment, at + 8);
}

function readU48(bytes: Buffer, at: number): number {
  return bytes.readUInt16BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 2);
}

function readLocation(bytes: Buffer, at: number): Location {
  return {
    tx: readU48(bytes, at),
    index: bytes.readUInt16BE(at + 6),
    segment: bytes.readUInt16BE(at + 8),
  };
}

export function encodeIndexEntry(key: Uint8Array, entry: IndexEntry): Buffer {
  const later = entry.revision > 1;
  const expires = entry.expiresAt !== undefined;
  const size = 1 + LOCATION_BYTES + (later ? FIRST_BYTES : 0) + (expires ? 8 : 0) + 4;
  const out = Buffer.allocUnsafe(size);
  out[0] =
    (entry.deleted ? FLAG_DELETED : 0) |
    (expires ? FLAG_EXPIRES : 0) |
    (later ? FLAG_LATER_VERSION : 0) |
    (entry.isReference ? FLAG_REFERENCE : 0);
  writeLocation(out, 1, entry);
  let at = 1 + LOCATION_BYTES;
  if (later) {
    out.writeUIntBE(entry.firstTx, at, 6);
    out.writeUInt16BE(entry.firstIndex, at + 6);
    out.writeUIntBE(entry.revision, at + 8, 6);
    at += FIRST_BYTES;
  }
  if (entry.expiresAt !== undefined) {
    out.writeBigInt64BE(BigInt(entry.expiresAt), at);
    at += 8;
  }
  out.writeUInt32BE(checksum32(out, 0, at, checksum32(key, 0, key.length)), at);
  return out;
}

/** @param bytes with `size` counts only up to there @throws StorageError `corrupted` */
export function decodeIndexEntry(key: Uint8Array, bytes: Buffer, size = bytes.length): IndexEntry {
  const flags = bytes[0] ?? 0;
  const later = (flags & FLAG_LATER_VERSION) !== 0;
  const expires = (flags & FLAG_EXPIRES) !== 0;
  const end = 1 + LOCATION_BYTES + (later ? FIRST_BYTES : 0) + (expires ? 8 : 0);
  if (
    size !== end + 4 ||
    bytes.readUInt32BE(end) !== checksum32(bytes, 0, end, checksum32(key, 0, key.length))
  ) {
    throw corrupted('index entry');
  }
  const tx = readU48(bytes, 1);
  const index = bytes.readUInt16BE(7);
  const expiresAtAt = 1 + LOCATION_BYTES + (later ? FIRST_BYTES : 0);
  const entry: { -readonly [K in keyof IndexEntry]: IndexEntry[K] } = {
    tx,
    index,
    segment: bytes.readUInt16BE(9),
    firstTx: later ? readU48(bytes, 11) : tx,
    firstIndex: later ? bytes.readUInt16BE(17) : index,
    revision: later ? readU48(bytes, 19) : 1,
    deleted: (flags & FLAG_DELETED) !== 0,
    isReference: (flags & FLAG_REFERENCE) !== 0,
  };
  if (expires) entry.expiresAt = Number(bytes.readBigInt64BE(expiresAtAt));
  return entry;
}

export function encodeHistoryRow(key: Uint8Array, location: Location): Buffer {
  const out = Buffer.allocUnsafe(LOCATION_BYTES + 4);
  writeLocation(out, 0, location);
  const seed = checksum32(key, 0, key.length);
  out.writeUInt32BE(checksum32(out, 0, LOCATION_BYTES, seed), LOCATION_BYTES);
  return out;
}

/** @throws StorageError `corrupted` */
export function decodeHistoryRow(key: Uint8Array, bytes: Buffer): Location {
  const seed = checksum32(key, 0, key.length);
  if (
    bytes.length !== LOCATION_BYTES + 4 ||
    bytes.readUInt32BE(LOCATION_BYTES) !== checksum32(bytes, 0, LOCATION_BYTES, seed)
  ) {
    throw corrupted('history row');
  }
  return readLocation(bytes, 0);
}

/**
 * The key under which the index keeps a raw key: itself, but for a sorted-set entry, whose score bits are
 * turned so that bytewise order is numeric order, negative scores first.
 */
export function indexKeyOf(rawKey: Buffer): Buffer {
  if (rawKey[0] !== SORTED_SET_PREFIX) return rawKey;
  const parsed = parseSortedSetKey(rawKey);
  if (parsed === undefined) throw corrupted('sorted-set key');
  const key = Buffer.from(rawKey);
  flipScore(key, 1 + 8 + parsed.set.length);
  return key;
}

/** The raw key of an index key. */
export function rawKeyOfIndexKey(indexKey: Buffer): Buffer {
  if (indexKey[0] !== SORTED_SET_PREFIX) return indexKey;
  const rawKey = Buffer.from(indexKey);
  unflipScore(rawKey, 1 + 8 + readLength(indexKey, 1));
  return rawKey;
}

function readLength(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

/** Positive numbers get their sign bit set, negative ones all bits turned. */
function flipScore(bytes: Buffer, at: number): void {
  const negative = ((bytes[at] as number) & 0x80) !== 0;
  if (negative) for (let i = at; i < at + 8; i++) bytes[i] = ~(bytes[i] as number) & 0xff;
  else bytes[at] = (bytes[at] as number) | 0x80;
}

function unflipScore(bytes: Buffer, at: number): void {
  const positive = ((bytes[at] as number) & 0x80) !== 0;
  if (positive) bytes[at] = (bytes[at] as number) & 0x7f;
  else for (let i = at; i < at + 8; i++) bytes[i] = ~(bytes[i] as number) & 0xff;
}

/** The order-preserving form of a score, as it stands in an index key. */
export function sortableScore(score: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleBE(score);
  flipScore(bytes, 0);
  return bytes;
}
