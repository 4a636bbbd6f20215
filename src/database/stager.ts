import { createSha256 } from '../base/sha256.js';
import { PLAIN_VALUE_PREFIX } from '../proofs/index.js';
import { BLOB_PIECE_BYTES, PIECE_CHECK_BYTES, type Store } from '../storage/index.js';
import type { ValueStager } from './api.js';
import { DatabaseError } from './errors.js';
import { asDatabaseError } from './failures.js';
import type { StagedValue } from './types.js';
import type { Uses } from './uses.js';

function newPiece(): Buffer {
  return Buffer.allocUnsafeSlow(BLOB_PIECE_BYTES + PIECE_CHECK_BYTES);
}

/**
 * Writes one value to the blob table. One piece is written while the next one is filled, so that disk and
 * sender do not wait for each other; memory holds two.
 */
export class BlobStager implements ValueStager {
  readonly #store: Store;
  readonly #blobId: number;
  readonly #valueLenMax: number;
  readonly #hash = createSha256();
  readonly #uses: Uses;
  #use: Disposable | undefined;
  /** With room for its check. */
  #piece = newPiece();
  /** The one that is not being filled: it is written, or waits for the next turn. */
  #other = newPiece();
  #filled = 0;
  #pieces = 0;
  #length = 0;
  #state: 'new' | 'open' | 'ended' = 'new';
  #writing: Promise<void> = Promise.resolve();

  /** @param valueLenMax bytes, the prefix byte included */
  constructor(store: Store, valueLenMax: number, uses: Uses) {
    this.#store = store;
    this.#blobId = store.blobs.allocate();
    this.#valueLenMax = valueLenMax;
    this.#uses = uses;
  }

  async write(piece: Uint8Array): Promise<void> {
    await this.#begin();
    this.#length += piece.length;
    if (this.#length + 1 > this.#valueLenMax) {
      throw new DatabaseError('valueTooLong', 'max value length exceeded');
    }
    await this.#add(piece);
  }

  async finish(): Promise<StagedValue> {
    await this.#begin();
    if (this.#filled > 0) await this.#flush();
    await this.#writing;
    this.#end();
    return { blobId: this.#blobId, length: this.#length, hValue: this.#hash.digest() };
  }

  async discard(): Promise<void> {
    if (this.#state === 'new') return;
    this.#end();
    await this.#writing.catch(() => undefined);
    if (!this.#store.blobs.isStaged(this.#blobId)) return;
    await this.#run(() => this.#store.blobs.discard([this.#blobId]));
  }

  #end(): void {
    this.#state = 'ended';
    this.#use?.[Symbol.dispose]();
  }

  async #begin(): Promise<void> {
    if (this.#state === 'open') return;
    if (this.#state === 'ended') throw new DatabaseError('illegalState', 'illegal state');
    this.#state = 'open';
    this.#use = this.#uses.hold();
    await this.#run(() => this.#store.blobs.stage(this.#blobId));
    await this.#add(Buffer.from([PLAIN_VALUE_PREFIX]));
  }

  async #add(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes);
    for (let at = 0; at < bytes.length; ) {
      const count = Math.min(bytes.length - at, BLOB_PIECE_BYTES - this.#filled);
      this.#piece.set(bytes.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled === BLOB_PIECE_BYTES) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const whole = this.#piece;
    const record = whole.subarray(0, this.#filled + PIECE_CHECK_BYTES);
    const piece = this.#pieces++;
    this.#piece = this.#other;
    this.#other = whole;
    this.#filled = 0;
    this.#writing = this.#run(() => this.#store.blobs.putStaged(this.#blobId, piece, record));
    // Whoever waits for it next learns of a failure.
    this.#writing.catch(() => undefined);
  }

  async #run(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw asDatabaseError(error);
    }
  }
}
