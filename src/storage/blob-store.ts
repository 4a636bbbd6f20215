import { crc32 } from 'node:zlib';
import { readU64 } from '../base/bytes.js';
import { createSha256 } from '../base/sha256.js';
import type { Batch, Environment } from './environment.js';
import { corrupted } from './errors.js';
import { BLOB_PIECE_BYTES, blobKey, u64Key } from './layout.js';
import type { Table } from './table.js';

/** CRC-32 behind each piece. */
export const PIECE_CHECK_BYTES = 4;
/** Orphans looked up at once. */
const ORPHANS_PAGE = 1024;
/** Their removal keeps the event loop for about a millisecond. */
const DISCARDED_A_COMMIT = 128;

/**
 * Values too large for the log, in pieces that each carry a CRC-32. A streamed value is staged: written
 * piece by piece before its transaction, and noted in `staging` until a transaction owns it, so that an
 * opening after a crash removes what nobody owns.
 */
export class BlobStore {
  readonly #environment: Environment;
  readonly #blobs: Table;
  readonly #staging: Table;
  #nextId: number;
  /** Staged blobs whose removal is under way. */
  readonly #discarded = new Set<number>();

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#blobs = environment.table('blobs');
    this.#staging = environment.table('staging');
    let last = 0;
    for (const key of [this.#blobs.lastKey(), this.#staging.lastKey()]) {
      if (key !== undefined) last = Math.max(last, readU64(key, 0));
    }
    this.#nextId = last + 1;
  }

  allocate(): number {
    return this.#nextId++;
  }

  /** Puts a whole raw value into a commit. */
  put(batch: Batch, blobId: number, rawValue: Buffer): void {
    for (let piece = 0, at = 0; at < rawValue.length; piece++, at += BLOB_PIECE_BYTES) {
      putPiece(batch, blobId, piece, rawValue.subarray(at, at + BLOB_PIECE_BYTES));
    }
  }

  /** A commit of its own: marks the blob as staged. */
  async stage(blobId: number): Promise<void> {
    await this.#environment.commit(64, (batch) =>
      batch.put('staging', u64Key(blobId), Buffer.from([1])),
    );
  }

  /**
   * A commit of its own. All pieces but the last have `BLOB_PIECE_BYTES`.
   * @param record the piece and `PIECE_CHECK_BYTES` of room, which are filled; not to be changed meanwhile
   */
  async putStaged(blobId: number, piece: number, record: Buffer): Promise<void> {
    seal(record, blobId, piece);
    const put = (batch: Batch) => batch.put('blobs', blobKey(blobId, piece), record);
    await this.#environment.commit(record.length, put);
  }

  /** In the commit of the transaction that owns the blob from now on. */
  adopt(batch: Batch, blobId: number): void {
    batch.remove('staging', u64Key(blobId));
  }

  /** The reverse, in the commit that takes the blob from its transaction: it is to be discarded. */
  release(batch: Batch, blobId: number): void {
    batch.put('staging', u64Key(blobId), Buffer.from([1]));
  }

  /** Whether a transaction may own this blob: it is written, and neither owned nor being discarded. */
  isStaged(blobId: number): boolean {
    return !this.#discarded.has(blobId) && this.#staging.has(u64Key(blobId));
  }

  /** Removes staged blobs, but those that a transaction which is committed before this is owns. */
  async discard(blobIds: readonly number[]): Promise<void> {
    for (let at = 0; at < blobIds.length; at += DISCARDED_A_COMMIT) {
      await this.#discardAtOnce(blobIds.slice(at, at + DISCARDED_A_COMMIT));
    }
  }

  async #discardAtOnce(blobIds: readonly number[]): Promise<void> {
    for (const blobId of blobIds) this.#discarded.add(blobId);
    const remove = (batch: Batch) => {
      for (const blobId of blobIds) this.#removeStaged(batch, blobId);
    };
    try {
      await this.#environment.commit(64 * blobIds.length, remove, true);
    } finally {
      for (const blobId of blobIds) this.#discarded.delete(blobId);
    }
  }

  #removeStaged(batch: Batch, blobId: number): void {
    if (!this.#staging.has(u64Key(blobId))) return;
    this.remove(batch, blobId);
    batch.remove('staging', u64Key(blobId));
  }

  /** Takes the pieces of a blob away, staged or old. */
  remove(batch: Batch, blobId: number): void {
    const range = { start: blobKey(blobId, 0), end: u64Key(blobId + 1) };
    for (const key of this.#blobs.keys(range)) batch.remove('blobs', key);
  }

  /** What a crash left staged goes. */
  async removeOrphans(): Promise<number> {
    for (let count = 0; ; ) {
      const orphans = this.#staging.keys({ limit: ORPHANS_PAGE });
      if (orphans.length === 0) return count;
      await this.discard(orphans.map((key) => readU64(key, 0)));
      count += orphans.length;
    }
  }

  /**
   * The pieces of a raw value, each checked. The last one is handed out only after the digest of the
   * whole was found right.
   * @throws StorageError `corrupted`
   */
  *pieces(blobId: number, vLen: number, hValue: Buffer): Generator<Buffer> {
    const hash = createSha256();
    let held: Buffer | undefined;
    let length = 0;
    for (let piece = 0; length < vLen; piece++) {
      const bytes = this.#piece(blobId, piece);
      hash.update(bytes);
      length += bytes.length;
      if (held !== undefined) yield held;
      held = bytes;
    }
    if (length !== vLen || !hash.digest().equals(hValue)) throw corrupted(`blob ${blobId}`);
    if (held !== undefined) yield held;
  }

  /** The whole raw value; its digest is checked. */
  read(blobId: number, vLen: number, hValue: Buffer): Buffer {
    return Buffer.concat([...this.pieces(blobId, vLen, hValue)], vLen);
  }

  /** The first bytes of a raw value. */
  head(blobId: number, bytes: number): Buffer {
    return this.#piece(blobId, 0).subarray(0, bytes);
  }

  #piece(blobId: number, piece: number): Buffer {
    const record = this.#blobs.get(blobKey(blobId, piece));
    if (record === undefined || record.length <= PIECE_CHECK_BYTES) {
      throw corrupted(`blob ${blobId}, piece ${piece} is missing`);
    }
    const bytes = record.subarray(0, -PIECE_CHECK_BYTES);
    if (record.readUInt32BE(bytes.length) !== pieceCheck(blobId, piece, bytes)) {
      throw corrupted(`blob ${blobId}, piece ${piece}`);
    }
    return bytes;
  }
}

function pieceCheck(blobId: number, piece: number, bytes: Buffer): number {
  return crc32(bytes, crc32(blobKey(blobId, piece)));
}

/** Writes the check of a piece behind it. */
function seal(record: Buffer, blobId: number, piece: number): void {
  const bytes = record.subarray(0, -PIECE_CHECK_BYTES);
  record.writeUInt32BE(pieceCheck(blobId, piece, bytes), bytes.length);
}

function putPiece(batch: Batch, blobId: number, piece: number, bytes: Buffer): void {
  const record = Buffer.allocUnsafe(bytes.length + PIECE_CHECK_BYTES);
  record.set(bytes);
  seal(record, blobId, piece);
  batch.put('blobs', blobKey(blobId, piece), record);
}
