import { readI64, writeI64 } from '../base/bytes.js';
import { checksum32 } from '../base/checksum.js';
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
  readonly expiresAt: number | undefined;
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
    writeI64(out, at, entry.expiresAt);
    at += 8;
  }
  out.writeUInt32BE(checksum32(out, 0, at, checksum32(key, 0, key.length)), at);
  return out;
}

/** @throws StorageError `corrupted` */
export function decodeIndexEntry(key: Uint8Array, bytes: Buffer): IndexEntry {
  const flags = bytes[0] ?? 0;
  const later = (flags & FLAG_LATER_VERSION) !== 0;
  const expires = (flags & FLAG_EXPIRES) !== 0;
  const expiresAtAt = 1 + LOCATION_BYTES + (later ? FIRST_BYTES : 0);
  const end = expiresAtAt + (expires ? 8 : 0);
  if (
    bytes.length !== end + 4 ||
    bytes.readUInt32BE(end) !== checksum32(bytes, 0, end, checksum32(key, 0, key.length))
  ) {
    throw corrupted('index entry');
  }
  const tx = readU48(bytes, 1);
  const index = bytes.readUInt16BE(7);
  return {
    tx,
    index,
    segment: bytes.readUInt16BE(9),
    deleted: (flags & FLAG_DELETED) !== 0,
    isReference: (flags & FLAG_REFERENCE) !== 0,
    expiresAt: expires ? readI64(bytes, expiresAtAt) : undefined,
    revision: later ? readU48(bytes, 19) : 1,
    firstTx: later ? readU48(bytes, 11) : tx,
    firstIndex: later ? bytes.readUInt16BE(17) : index,
  };
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
