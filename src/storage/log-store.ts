import { SHA256_BYTES, sha256Into } from '../base/sha256.js';
import type { TxHeader } from '../proofs/index.js';
import type { BlobStore } from './blob-store.js';
import type { Batch, Environment, Table } from './environment.js';
import { corrupted, StorageError } from './errors.js';
import { logKey, readU64, u64Key } from './layout.js';
import {
  decodeEntries,
  decodeEntry,
  decodeHead,
  type EncodedTx,
  type LogEntry,
  type LogHead,
} from './tx-record.js';

/** Filled and compared in one go. */
const digest = Buffer.alloc(SHA256_BYTES);

/** The transactions: the truth from which everything else in an environment can be made again. */
export class LogStore {
  readonly #log: Table;
  readonly #blobs: BlobStore;

  constructor(environment: Environment, blobs: BlobStore) {
    this.#log = environment.table('log');
    this.#blobs = blobs;
  }

  /** 0 when there is none. */
  lastTxId(): number {
    for (const key of this.#log.getKeys({ reverse: true, limit: 1 })) return readU64(key, 0);
    return 0;
  }

  append(batch: Batch, txId: number, tx: EncodedTx): void {
    tx.segments.forEach((segment, number) => {
      batch.put('log', logKey(txId, number), segment);
    });
  }

  /** @throws StorageError `notFound`, `corrupted` */
  head(txId: number): LogHead {
    return decodeHead(txId, this.#segment(txId, 0));
  }

  header(txId: number): TxHeader {
    return this.head(txId).header;
  }

  alh(txId: number): Buffer {
    return this.head(txId).alh;
  }

  /** Entry `index`, known to stand in `segment`. */
  entry(txId: number, segment: number, index: number): LogEntry {
    return decodeEntry(txId, index, this.#segment(txId, segment));
  }

  /** All entries in commit order. */
  entries(txId: number, head: LogHead = this.head(txId)): LogEntry[] {
    const entries: LogEntry[] = [];
    for (let segment = 0; segment < head.segmentStarts.length; segment++) {
      const found = decodeEntries(txId, this.#segment(txId, segment));
      if (entries.length !== head.segmentStarts[segment]) throw corrupted(`transaction ${txId}`);
      entries.push(...found);
    }
    if (entries.length !== head.header.nentries) {
      throw corrupted(`transaction ${txId}: ${entries.length} entries of ${head.header.nentries}`);
    }
    return entries;
  }

  /** The entry of a transaction with this raw key, and its number. */
  findEntry(txId: number, rawKey: Uint8Array): { entry: LogEntry; index: number } | undefined {
    const entries = this.entries(txId);
    const index = entries.findIndex((entry) => entry.rawKey.equals(rawKey));
    const entry = entries[index];
    return entry === undefined ? undefined : { entry, index };
  }

  /** The raw value of an entry, found to match its digest. */
  value(entry: LogEntry, txId: number): Buffer {
    if (entry.blobId !== 0) return this.#blobs.read(entry.blobId, entry.vLen, entry.hValue);
    const inline = entry.inline as Buffer;
    sha256Into(digest, 0, inline);
    if (!digest.equals(entry.hValue)) {
      throw corrupted(`a value of transaction ${txId} does not match its digest`);
    }
    return inline;
  }

  /** The same in pieces. */
  *valuePieces(entry: LogEntry, txId: number): Generator<Buffer> {
    if (entry.blobId === 0) yield this.value(entry, txId);
    else yield* this.#blobs.pieces(entry.blobId, entry.vLen, entry.hValue);
  }

  /** The first byte of a raw value, which tells its kind. */
  valueKind(entry: LogEntry): number | undefined {
    return (entry.inline ?? this.#blobs.head(entry.blobId, 1))[0];
  }

  /** Ids of the transactions in [from, to] that have a record. */
  *ids(from: number, to: number): Generator<number> {
    for (const key of this.#log.getKeys({ start: logKey(from, 0), end: u64Key(to + 1) })) {
      if (key.readUInt16BE(8) === 0) yield readU64(key, 0);
    }
  }

  /** A view that is valid until the next read. */
  #segment(txId: number, segment: number): Buffer {
    const bytes = this.#log.getBinaryFast(logKey(txId, segment));
    if (bytes === undefined) {
      if (segment === 0) throw new StorageError('notFound', `no transaction ${txId}`);
      throw corrupted(`transaction ${txId}, segment ${segment} is missing`);
    }
    const size = (this.#log as unknown as { lastSize: number }).lastSize;
    return Buffer.from(bytes.buffer, bytes.byteOffset, size);
  }
}
