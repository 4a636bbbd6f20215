import { writeU64 } from '../base/bytes.js';

/**
 * Every table of an environment, its key and the format version that added it. The records are
 * described to the byte in FORMAT.md.
 */
export const FORMAT_VERSION = 1;

export const TABLES = {
  /** Names and values of the environment itself. Key: ASCII name. Since 1. */
  meta: 'meta',
  /** The transactions. Key: u64 txId, u16 segment. Since 1. */
  log: 'log',
  /** Values too large for the log. Key: u64 blobId, u32 piece. Since 1. */
  blobs: 'blobs',
  /** Blobs that are not part of a transaction yet. Key: u64 blobId. Since 1. */
  staging: 'staging',
  /** Nodes of the accumulative tree. Key: u64 leaf number. Since 1. */
  tree: 'tree',
  /** Newest version of each key and the sorted-set entries. Key: index key. Since 1. */
  index: 'index',
  /** Older versions. Key: u64 firstTx, u16 firstEntry, u48 revision. Since 1. */
  history: 'history',
} as const;

export type TableName = keyof typeof TABLES;

export const META_FORMAT = 'format';
export const META_INDEXED_TO = 'indexedTo';
export const META_INDEX_DAMAGED = 'indexDamaged';
export const META_HEADER_VERSION = 'headerVersion';
export const META_TRUNCATION = 'truncation';

/** Names of the files of an environment. */
export const DATA_FILE = 'data.mdb';
export const LOCK_FILE = 'lock.mdb';
/** Bytes; an LMDB page. */
export const PAGE_SIZE = 4096;
/** Bytes of a log segment; with the page header it fills one overflow page. */
export const SEGMENT_BYTES_TARGET = 4000;
/** Raw values up to this many bytes stand in the log itself. */
export const INLINE_VALUE_BYTES_MAX = 2048;
/** Bytes of one piece of a blob. */
export const BLOB_PIECE_BYTES = 1 << 20;
/** Bytes; LMDB takes keys of 1,978 bytes with pages of 4,096. */
export const INDEX_KEY_BYTES_MAX = 1978;
/** Entries of one transaction, by the 16-bit entry number of the records. */
export const TX_ENTRIES_MAX = 65_535;

export function u64Key(value: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  writeU64(key, 0, value);
  return key;
}

export function logKey(txId: number, segment: number): Buffer {
  return writeLogKey(Buffer.allocUnsafe(10), txId, segment);
}

/** The same into a buffer that is used again and again. */
export function writeLogKey(out: Buffer, txId: number, segment: number): Buffer {
  writeU64(out, 0, txId);
  out.writeUInt16BE(segment, 8);
  return out;
}

export function blobKey(blobId: number, piece: number): Buffer {
  const key = Buffer.allocUnsafe(12);
  writeU64(key, 0, blobId);
  key.writeUInt32BE(piece, 8);
  return key;
}

export function historyKey(firstTx: number, firstIndex: number, revision: number): Buffer {
  const key = Buffer.allocUnsafe(16);
  writeU64(key, 0, firstTx);
  key.writeUInt16BE(firstIndex, 8);
  key.writeUIntBE(revision, 10, 6);
  return key;
}
