import { decodeKvMetadata } from '../proofs/index.js';
import type { IndexEntry, Store, StoreBatch } from '../storage/index.js';
import type { DatabaseSettings } from './settings.js';

/** The state a write is checked against: everything committed, and what its batch adds before it. */
export class WriteContext {
  /** Id of the transaction being built. */
  readonly txId: number;
  /** Unix seconds. */
  readonly nowSeconds: number;
  readonly settings: DatabaseSettings;
  readonly #store: Store;
  readonly #batch: StoreBatch;

  constructor(store: Store, batch: StoreBatch, settings: DatabaseSettings, nowSeconds: number) {
    this.#store = store;
    this.#batch = batch;
    this.txId = batch.nextTxId;
    this.settings = settings;
    this.nowSeconds = nowSeconds;
  }

  /** Newest version of a raw key, whatever it is. */
  newest(rawKey: Buffer): IndexEntry | undefined {
    return this.#store.index.lookupWith(this.#batch.changes, rawKey);
  }

  /** Newest version unless it is deleted or expired. */
  live(rawKey: Buffer): IndexEntry | undefined {
    const entry = this.newest(rawKey);
    return entry !== undefined && isLive(entry, this.nowSeconds) ? entry : undefined;
  }

  isExpired(entry: IndexEntry): boolean {
    return !entry.deleted && !isLive(entry, this.nowSeconds);
  }

  /** First byte of the raw value that a committed transaction wrote for a raw key, and whether it is expired. */
  kindAt(
    txId: number,
    rawKey: Buffer,
  ): { readonly kind: number | undefined; readonly expired: boolean } | undefined {
    const entry = this.#store.log.findEntry(txId, rawKey)?.entry;
    if (entry === undefined) return undefined;
    const { expiresAt } = decodeKvMetadata(entry.metadata) ?? {};
    const expired = !isLive({ deleted: false, expiresAt }, this.nowSeconds);
    return { kind: this.#store.log.valueKind(entry), expired };
  }

  /** Whether a transaction with this id is committed. */
  isCommitted(txId: number): boolean {
    return txId >= 1 && txId <= this.#store.state.txId;
  }
}

/** An entry is expired from the second `expiresAt` on. */
export function isLive(
  entry: { readonly deleted: boolean; readonly expiresAt?: number | undefined },
  nowSeconds: number,
): boolean {
  return !entry.deleted && (entry.expiresAt === undefined || entry.expiresAt > nowSeconds);
}
