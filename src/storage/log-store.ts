import { readU64 } from '../base/bytes.js';
import { SHA256_BYTES, sha256Into } from '../base/sha256.js';
import type { TxHeader } from '../proofs/index.js';
import type { BlobStore } from './blob-store.js';
import type { CachedEntries, EntryCache } from './entry-cache.js';
import type { Batch, Environment } from './environment.js';
import { corrupted, StorageError } from './errors.js';
import { logKey, writeLogKey } from './layout.js';
import type { Table } from './table.js';
import { decodeEntries, decodeEntry, decodeHead } from './tx-decoder.js';
import type { EncodedTx, LogHead, StoredLogEntry } from './tx-record.js';

/** Filled and compared in one go. */
const digest = Buffer.alloc(SHA256_BYTES);
/** LMDB copies a key that it looks for. */
const soughtKey = Buffer.alloc(10);

/**
 * The transactions: the truth from which everything else in an environment can be made again. Ids are
 * gapless from 1, so one up to the last that is missing is damage.
 */
export class LogStore {
  readonly #log: Table;
  readonly #blobs: BlobStore;
  readonly #cache: CachedEntries;

  constructor(environment: Environment, blobs: BlobStore, cache: EntryCache) {
    this.#cache = cache.scope();
    this.#log = environment.table('log');
    this.#blobs = blobs;
  }

  /** Forgets what was read; nothing is read any more. */
  close(): void {
    this.#cache.close();
  }

  /** After a commit that rewrote records. */
  forgetRead(): void {
    this.#cache.clear();
  }

  /** 0 when there is none. */
  lastTxId(): number {
    const key = this.#log.lastKey();
    return key === undefined ? 0 : readU64(key, 0);
  }

  append(batch: Batch, txId: number, tx: EncodedTx): void {
    tx.segments.forEach((segment, number) => {
      batch.put('log', logKey(txId, number), segment);
    });
  }

  /** @param txId up to the last one @throws StorageError `corrupted` */
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
  entry(txId: number, segment: number, index: number): StoredLogEntry {
    const cached = this.#cache.get(txId, index);
    if (cached !== undefined) return cached;
    const entry = decodeEntry(txId, index, this.#segment(txId, segment), this.#cache.allocate);
    this.#cache.put(entry);
    return entry;
  }

  /** All entries in commit order. */
  entries(txId: number, head: LogHead = this.head(txId)): StoredLogEntry[] {
    const entries: StoredLogEntry[] = [];
    head.segmentStarts.forEach((start, segment) => {
      if (entries.length !== start) throw corrupted(`transaction ${txId}`);
      entries.push(...decodeEntries(txId, this.#segment(txId, segment)));
    });
    if (entries.length !== head.header.nentries) {
      throw corrupted(`transaction ${txId}: ${entries.length} entries of ${head.header.nentries}`);
    }
    return entries;
  }

  /** The entry of a transaction with this raw key, and its number. */
  findEntry(
    txId: number,
    rawKey: Uint8Array,
  ): { entry: StoredLogEntry; index: number } | undefined {
    const entries = this.entries(txId);
    const index = entries.findIndex((entry) => entry.hasRawKey(rawKey));
    const entry = entries[index];
    return entry === undefined ? undefined : { entry, index };
  }

  /** The raw value of an entry, found to match its digest. @throws StorageError `corrupted`, `truncated` */
  value(entry: StoredLogEntry, txId: number): Buffer {
    const { inline } = entry;
    if (inline === undefined) {
      if (entry.truncated) throw truncated(txId);
      try {
        return this.#blobs.read(entry.blobId, entry.vLen, entry.hValue);
      } catch (error) {
        throw this.#blobError(error, entry, txId);
      }
    }
    sha256Into(digest, 0, inline);
    if (!entry.hasDigest(digest)) {
      throw corrupted(`a value of transaction ${txId} does not match its digest`);
    }
    return inline;
  }

  /** The same without its first byte, which tells the kind. */
  content(entry: StoredLogEntry, txId: number): Buffer {
    const { content } = entry;
    if (content !== undefined) return content;
    const found = this.value(entry, txId).subarray(1);
    if (entry.inlineKind !== undefined) entry.content = found;
    return found;
  }

  /** The same in pieces. */
  *valuePieces(entry: StoredLogEntry, txId: number): Generator<Buffer> {
    if (entry.blobId === 0) {
      yield this.value(entry, txId);
      return;
    }
    try {
      yield* this.#blobs.pieces(entry.blobId, entry.vLen, entry.hValue);
    } catch (error) {
      throw this.#blobError(error, entry, txId);
    }
  }

  /** A blob may have been removed after its entry was read, which is no damage. */
  #blobError(error: unknown, entry: StoredLogEntry, txId: number): unknown {
    return this.findEntry(txId, entry.rawKey)?.entry.truncated === true ? truncated(txId) : error;
  }

  /** The first byte of a raw value, which tells its kind; undefined for an empty or truncated one. */
  valueKind(entry: StoredLogEntry): number | undefined {
    const { inlineKind } = entry;
    if (inlineKind !== undefined) return inlineKind;
    return entry.truncated || entry.vLen === 0 ? undefined : this.#blobs.head(entry.blobId, 1)[0];
  }

  /** A view that is valid until the next read. */
  #segment(txId: number, segment: number): Buffer {
    const bytes = this.#log.view(writeLogKey(soughtKey, txId, segment));
    if (bytes === undefined) throw corrupted(`transaction ${txId}, segment ${segment} is missing`);
    return bytes;
  }
}

function truncated(txId: number): StorageError {
  return new StorageError(
    'truncated',
    `the value was removed from transaction ${txId} when its retention period was over`,
  );
}
