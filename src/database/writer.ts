import type { TxHeader } from '../proofs/index.js';
import type { Store } from '../storage/index.js';
import type { CommitLoop, Prepare } from './commit-loop.js';
import { DatabaseError } from './errors.js';
import { execAllEntries, validateOperations, validateSelfContained } from './exec-all.js';
import { illegalArguments, txNotFound } from './failures.js';
import type { Guard } from './guard.js';
import { checkPreconditions, validatePreconditions } from './preconditions.js';
import type { DatabaseSettings } from './settings.js';
import type { KeyValue, Operation, ReferenceOp, WriteOptions, ZAddOp } from './types.js';
import type { Uses } from './uses.js';
import {
  bytesOf,
  checkDistinct,
  checkEntryCount,
  checkKeyLength,
  checkReference,
  checkReferenceKey,
  checkTarget,
  checkZAdd,
  checkZAddBinding,
  deleteEntries,
  kvEntry,
  rawKeys,
  referenceEntry,
  zAddEntry,
} from './writes.js';

/** About the size of a request that asks for entries of no value. */
const SMALL_REQUEST_BYTES = 256;

/** Checks what can be checked at once, and hands the rest to the commit loop. */
export class Writer {
  readonly #store: Store;
  readonly #loop: CommitLoop;
  readonly #settings: DatabaseSettings;
  readonly #uses: Uses;
  readonly #guard: Guard;

  constructor(
    store: Store,
    loop: CommitLoop,
    settings: DatabaseSettings,
    uses: Uses,
    guard: Guard,
  ) {
    this.#store = store;
    this.#loop = loop;
    this.#settings = settings;
    this.#uses = uses;
    this.#guard = guard;
  }

  async set(kvs: readonly KeyValue[], options: WriteOptions): Promise<TxHeader> {
    checkEntryCount(kvs.length, this.#settings);
    const entries = kvs.map((kv) => kvEntry(kv, this.#settings));
    checkDistinct(entries);
    return this.#write(options, bytesOf(entries), () => entries);
  }

  async delete(
    keys: readonly Uint8Array[],
    sinceTx: number,
    options: WriteOptions,
  ): Promise<TxHeader> {
    checkEntryCount(keys.length, this.#settings);
    if (keys.some((key) => key.length === 0)) throw illegalArguments();
    if (sinceTx > this.#store.state.txId) throw txNotFound();
    const raw = rawKeys(keys);
    return this.#write(options, SMALL_REQUEST_BYTES * keys.length, (context) =>
      deleteEntries(raw, context),
    );
  }

  async setReference(ref: ReferenceOp, options: WriteOptions): Promise<TxHeader> {
    checkReference(ref);
    checkKeyLength(ref.key, this.#settings);
    const entry = referenceEntry(ref, ref.atTx);
    return this.#write(options, SMALL_REQUEST_BYTES, (context) => {
      checkReferenceKey(entry.rawKey, context);
      checkTarget(ref.referencedKey, ref.atTx, context);
      return [entry];
    });
  }

  async zAdd(zAdd: ZAddOp, options: WriteOptions): Promise<TxHeader> {
    checkZAdd(zAdd, this.#settings);
    checkZAddBinding(zAdd);
    const entry = zAddEntry(zAdd, zAdd.atTx);
    return this.#write(options, SMALL_REQUEST_BYTES, (context) => {
      checkTarget(zAdd.key, zAdd.atTx, context);
      return [entry];
    });
  }

  async execAll(operations: readonly Operation[], options: WriteOptions): Promise<TxHeader> {
    validateOperations(operations, this.#settings);
    if (options.noWait === true) validateSelfContained(operations);
    let bytes = SMALL_REQUEST_BYTES * operations.length;
    for (const op of operations) if (op.kind === 'kv') bytes += op.kv.value.length;
    return this.#write(options, bytes, (context) => execAllEntries(operations, context));
  }

  async #write(options: WriteOptions, bytes: number, prepare: Prepare): Promise<TxHeader> {
    if (this.#settings.readOnly) {
      throw new DatabaseError('databaseReadOnly', 'database is read-only');
    }
    const preconditions = options.preconditions ?? [];
    validatePreconditions(preconditions, this.#settings);
    const checked: Prepare = (context) => {
      checkPreconditions(preconditions, context);
      return prepare(context);
    };
    using _use = this.#uses.hold();
    try {
      return await this.#loop.submit(checked, options.generation, bytes);
    } catch (error) {
      throw this.#guard.failure(error);
    }
  }
}
