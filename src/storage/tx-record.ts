import type { TxHeader } from '../proofs/index.js';

/** An entry as the log keeps it. */
export interface LogEntry {
  readonly rawKey: Buffer;
  /** Encoded entry metadata; empty when there is none. */
  readonly metadata: Buffer;
  readonly hValue: Buffer;
  /** Bytes of the raw value. */
  readonly vLen: number;
  /** The raw value when it stands in the log; else it is the blob `blobId`, or truncated. */
  readonly inline?: Buffer | undefined;
  /** 0 when the value does not stand in a blob. */
  readonly blobId: number;
  /** The value was removed; its digest and length are kept. */
  readonly truncated: boolean;
}

/** An entry that was read. What is asked of each one has a way without a slice of its own. */
export interface StoredLogEntry extends LogEntry {
  /** First byte of a raw value that stands in the log. */
  readonly inlineKind: number | undefined;
  /** Bytes of its record. */
  readonly bytes: number;
  readonly txId: number;
  readonly index: number;
  /** The value without its first byte, once it was found to match its digest. */
  content: Buffer | undefined;
  /** The key without its first byte. */
  readonly key: Buffer;
  hasRawKey(rawKey: Uint8Array): boolean;
  hasDigest(digest: Uint8Array): boolean;
}

export interface LogHead {
  readonly header: TxHeader;
  readonly alh: Buffer;
  /** Number of the first entry of each segment. */
  readonly segmentStarts: readonly number[];
}

export interface EncodedTx {
  readonly segments: readonly Buffer[];
  /** Segment of each entry, by entry number. */
  readonly segmentOf: Uint16Array;
  readonly bytes: number;
}

/** First byte of every segment. */
export const RECORD_FORMAT = 1;
/** Record format, flags, number of entries, number of the first entry. */
export const PREFIX_BYTES = 6;
/** Flag of the segment with the header. */
export const FLAG_HEAD = 1;
/** ts, version, metadata length, nentries, blTxId. */
export const HEAD_NUMBERS_BYTES = 8 + 1 + 2 + 4 + 8;
/** prevAlh, eH, blRoot, Alh. */
export const HEAD_DIGESTS_BYTES = 4 * 32;
/** The head without metadata and segment starts: with the number of segments and the checksum. */
export const HEAD_BYTES = HEAD_NUMBERS_BYTES + HEAD_DIGESTS_BYTES + 2 + 4;
/** Checksum, kind, metadata length, key length, vLen. */
export const ENTRY_HEAD_BYTES = 4 + 1 + 1 + 2 + 4;

/** Where the value of an entry is. */
export const KIND_INLINE = 0;
export const KIND_BLOB = 1;
export const KIND_TRUNCATED = 2;

export function kindOf(entry: LogEntry): number {
  if (entry.truncated) return KIND_TRUNCATED;
  return entry.inline === undefined ? KIND_BLOB : KIND_INLINE;
}
