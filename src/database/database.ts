import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { HeaderVersion, State, TxHeader } from '../proofs/index.js';
import { Store, type StoreOptions } from '../storage/index.js';
import type { Database, DatabaseHealth, ValueStager } from './api.js';
import { CommitLoop, type Prepare } from './commit-loop.js';
import { DatabaseError } from './errors.js';
import { execAllEntries, validateOperations, validateSelfContained } from './exec-all.js';
import { exportTx } from './export.js';
import { asDatabaseError, illegalArguments, txNotFound } from './failures.js';
import { Lists } from './lists.js';
import { checkPreconditions, validatePreconditions } from './preconditions.js';
import { Reader, type Resolved } from './reader.js';
import { ResultBudget } from './result-budget.js';
import type { DatabaseSettings } from './settings.js';
import { BlobStager } from './stager.js';
import { Transactions } from './transactions.js';
import type {
  Entry,
  HistoryRequest,
  KeyRequest,
  KeyValue,
  Operation,
  ReferenceOp,
  ScanRequest,
  StreamedEntry,
  Tx,
  TxRequest,
  TxScanRequest,
  VerifiableEntry,
  VerifiableStreamedEntry,
  VerifiableTx,
  WriteOptions,
  ZAddOp,
  ZEntry,
  ZScanRequest,
} from './types.js';
import { WriteContext } from './write-context.js';
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

/** Limits of the server, not of one database. */
export interface DatabaseLimits {
  /** Elements of one page. */
  readonly resultEntriesMax: number;
  /** Bytes of keys and values of one unary answer. */
  readonly resultBytesMax: number;
  /** Writes of one database that wait for their commit. */
  readonly waitersMax: number;
}

export interface StoredDatabaseOptions extends StoreOptions {
  readonly name: string;
  readonly settings: DatabaseSettings;
  readonly limits: DatabaseLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** Told after the first write fixed an `auto` header version. */
  onHeaderVersion(version: HeaderVersion): void;
  /** Told of every read that met damaged data. */
  onCorruption(error: DatabaseError): void;
}

function notWithAtTx(field: string): DatabaseError {
  return new DatabaseError(
    'illegalArgumentsExplained',
    `illegal arguments: ${field} should not be specified when AtTx is used`,
  );
}

/** About the size of a request that asks for entries of no value. */
const SMALL_REQUEST_BYTES = 256;

/** A database over its store. */
export class StoredDatabase implements Database {
  readonly name: string;
  readonly #settings: DatabaseSettings;
  readonly #options: StoredDatabaseOptions;
  readonly #store: Store;
  readonly #loop: CommitLoop;
  readonly #reader: Reader;
  readonly #lists: Lists;
  readonly #transactions: Transactions;

  private constructor(options: StoredDatabaseOptions, store: Store) {
    this.name = options.name;
    this.#options = options;
    this.#settings = options.settings;
    this.#store = store;
    const fixed = store.headerVersion;
    const asked = options.settings.writeTxHeaderVersion;
    this.#loop = new CommitLoop({
      store,
      clock: options.clock,
      waitersMax: options.limits.waitersMax,
      excludeCommitTime: options.settings.excludeCommitTime,
      headerVersion: asked === 'auto' ? (fixed ?? 'auto') : asked,
      onHeaderVersion: (version) => options.onHeaderVersion(version),
      makeContext: (batch, now) => new WriteContext(store, batch, this.#settings, now),
    });
    this.#reader = new Reader(store, options.clock);
    this.#lists = new Lists(store, this.#reader, options.limits.resultEntriesMax);
    this.#transactions = new Transactions(store, this.#reader);
  }

  /** @throws DatabaseError `corrupted`; StorageError for an environment that is not to be used */
  static async open(options: StoredDatabaseOptions): Promise<StoredDatabase> {
    return new StoredDatabase(options, await Store.open(options));
  }

  /** The settings, with the header version as it was fixed. */
  get settings(): DatabaseSettings {
    const writeTxHeaderVersion = this.#loop.headerVersion;
    return writeTxHeaderVersion === this.#settings.writeTxHeaderVersion
      ? this.#settings
      : { ...this.#settings, writeTxHeaderVersion };
  }

  /** For the maintenance of what is stored: scrub, rebuild, backup. */
  get store(): Store {
    return this.#store;
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
    for (const key of keys) checkKeyLength(key, this.#settings);
    if (sinceTx > this.#store.state.txId) throw txNotFound();
    const raw = rawKeys(keys);
    return this.#write(options, SMALL_REQUEST_BYTES * keys.length, (context) => {
      return deleteEntries(raw, context);
    });
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
    return this.#loop.submit(
      (context) => {
        checkPreconditions(preconditions, context);
        return prepare(context);
      },
      options.generation,
      bytes,
    );
  }

  async verifiableSet(
    kvs: readonly KeyValue[],
    proveSinceTx: number,
    options: WriteOptions,
  ): Promise<VerifiableTx> {
    this.#transactions.checkProveSince(proveSinceTx);
    return this.#proved(await this.set(kvs, options), proveSinceTx);
  }

  async verifiableSetReference(
    ref: ReferenceOp,
    proveSinceTx: number,
    options: WriteOptions,
  ): Promise<VerifiableTx> {
    if (proveSinceTx > this.#store.state.txId) throw illegalArguments();
    return this.#proved(await this.setReference(ref, options), proveSinceTx);
  }

  async verifiableZAdd(
    zAdd: ZAddOp,
    proveSinceTx: number,
    options: WriteOptions,
  ): Promise<VerifiableTx> {
    if (proveSinceTx > this.#store.state.txId) throw illegalArguments();
    return this.#proved(await this.zAdd(zAdd, options), proveSinceTx);
  }

  #proved(header: TxHeader, proveSinceTx: number): VerifiableTx {
    return this.#read(() => this.#transactions.verifiable(header.id, proveSinceTx));
  }

  /** Turns storage errors into ours and raises the alarm for damaged data. */
  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    const converted = asDatabaseError(error);
    if (converted instanceof DatabaseError && converted.code === 'corrupted') {
      this.#options.onCorruption(converted);
    }
    return converted;
  }

  get(request: KeyRequest): Entry {
    return this.#read(() => this.#reader.toEntry(this.#resolve(request)));
  }

  getStreamed(request: KeyRequest): StreamedEntry {
    return this.#read(() => this.#guard(this.#reader.toStreamed(this.#resolve(request))));
  }

  #resolve(request: KeyRequest): Resolved {
    if (request.key.length === 0) {
      throw new DatabaseError('emptyKey', 'illegal arguments: empty key');
    }
    if (request.atTx > 0) {
      if (request.sinceTx > 0) throw notWithAtTx('SinceTx');
      if (request.atRevision !== 0) throw notWithAtTx('AtRevision');
    }
    if (request.sinceTx > this.#store.state.txId && !request.noWait) {
      throw new DatabaseError(
        'sinceTxInFuture',
        'illegal arguments: SinceTx must not be greater than the current transaction ID',
      );
    }
    return this.#reader.resolve(request);
  }

  /** @throws illegalArguments when a list asks for a transaction that does not exist yet */
  #checkSince(sinceTx: number, noWait = false): void {
    if (sinceTx > this.#store.state.txId && !noWait) throw illegalArguments();
  }

  getAll(keys: readonly Uint8Array[], sinceTx: number): Entry[] {
    return this.#read(() => {
      this.#checkSince(sinceTx);
      const budget = this.#budget('streamGet');
      const entries: Entry[] = [];
      for (const key of keys) {
        const resolved = this.#reader.tryFind(key);
        if (resolved !== undefined) entries.push(budget.entry(resolved, this.#reader));
      }
      return entries;
    });
  }

  #budget(streamingMethod: string): ResultBudget {
    return new ResultBudget(this.#options.limits.resultBytesMax, streamingMethod);
  }

  verifiableGet(request: KeyRequest, proveSinceTx: number): VerifiableEntry {
    return this.#read(() => {
      const resolved = this.#provable(request, proveSinceTx);
      return { entry: this.#reader.toEntry(resolved), ...this.#proofOf(resolved, proveSinceTx) };
    });
  }

  verifiableGetStreamed(request: KeyRequest, proveSinceTx: number): VerifiableStreamedEntry {
    return this.#read(() => {
      const resolved = this.#provable(request, proveSinceTx);
      const entry = this.#guard(this.#reader.toStreamed(resolved));
      return { entry, ...this.#proofOf(resolved, proveSinceTx) };
    });
  }

  #provable(request: KeyRequest, proveSinceTx: number): Resolved {
    this.#transactions.checkProveSince(proveSinceTx);
    return this.#resolve(request);
  }

  #proofOf({ version, referencedBy }: Resolved, proveSinceTx: number) {
    const txId = referencedBy === undefined ? version.tx : referencedBy.tx;
    const key = referencedBy === undefined ? version.key : referencedBy.key;
    return {
      verifiableTx: this.#transactions.verifiable(txId, proveSinceTx),
      inclusionProof: this.#transactions.inclusion(txId, key),
    };
  }

  async scan(request: ScanRequest): Promise<Entry[]> {
    this.#checkSince(request.sinceTx, request.noWait);
    await this.#loop.settled();
    return this.#read(() => {
      const budget = this.#budget('streamScan');
      const entries: Entry[] = [];
      for (const resolved of this.#lists.scan(request, this.#settings)) {
        entries.push(budget.entry(resolved, this.#reader));
      }
      return entries;
    });
  }

  async zScan(request: ZScanRequest): Promise<ZEntry[]> {
    this.#checkSince(request.sinceTx, request.noWait);
    await this.#loop.settled();
    return this.#read(() => {
      const budget = this.#budget('streamZScan');
      const entries: ZEntry[] = [];
      for (const { resolved, ...element } of this.#lists.zScan(request, this.#settings)) {
        entries.push({ ...element, entry: budget.entry(resolved, this.#reader) });
      }
      return entries;
    });
  }

  history(request: HistoryRequest): Entry[] {
    return this.#read(() => {
      this.#checkSince(request.sinceTx);
      const budget = this.#budget('streamHistory');
      const entries: Entry[] = [];
      for (const { version, expired } of this.#lists.history(request)) {
        if (expired || version.metadata?.deleted === true) {
          entries.push({ ...this.#reader.withoutValue(version), ...(expired ? { expired } : {}) });
        } else entries.push(budget.entry({ version }, this.#reader));
      }
      return entries;
    });
  }

  async *scanStreamed(request: ScanRequest): AsyncGenerator<StreamedEntry> {
    this.#checkSince(request.sinceTx, request.noWait);
    await this.#loop.settled();
    for (const resolved of this.#each(this.#lists.scan(request, this.#settings))) {
      yield this.#guard(this.#reader.toStreamed(resolved));
    }
  }

  async *zScanStreamed(
    request: ZScanRequest,
  ): AsyncGenerator<ZEntry & { streamed: StreamedEntry }> {
    this.#checkSince(request.sinceTx, request.noWait);
    await this.#loop.settled();
    for (const { resolved, ...element } of this.#each(
      this.#lists.zScan(request, this.#settings),
    )) {
      yield { ...element, streamed: this.#guard(this.#reader.toStreamed(resolved)) };
    }
  }

  async *historyStreamed(request: HistoryRequest): AsyncGenerator<StreamedEntry> {
    this.#checkSince(request.sinceTx);
    for (const { version, expired } of this.#each(this.#lists.history(request))) {
      const streamed = this.#guard(this.#reader.toStreamed({ version }));
      if (expired) yield { ...streamed, expired, valueLength: 0, value: () => [] };
      else yield streamed;
    }
  }

  *#each<T>(source: Generator<T>): Generator<T> {
    for (;;) {
      const next = this.#read(() => source.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** Errors of a value that is read later are ours too. */
  #guard(entry: StreamedEntry): StreamedEntry {
    const failure = (error: unknown) => this.#failure(error);
    return {
      ...entry,
      async *value() {
        try {
          yield* entry.value();
        } catch (error) {
          throw failure(error);
        }
      },
    };
  }

  async count(prefix: Uint8Array): Promise<number> {
    await this.#loop.settled();
    const steps = this.#lists.countSteps(prefix);
    for (;;) {
      const step = this.#read(() => steps.next());
      if (step.done === true) return step.value;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  txById(request: TxRequest): Tx {
    return this.#read(() => {
      this.#checkSince(request.sinceTx);
      return this.#transactions.byId(request);
    });
  }

  verifiableTxById(request: TxRequest, proveSinceTx: number): VerifiableTx {
    return this.#read(() => {
      const last = this.#store.state.txId;
      if (proveSinceTx > last) {
        throw new DatabaseError(
          'illegalStateExplained',
          `illegal state: latest txID=${last} is lower than specified as initial tx=${proveSinceTx}`,
        );
      }
      this.#checkSince(request.sinceTx);
      const tx = this.#transactions.byId(request);
      return { tx, dualProof: this.#transactions.dualProof(request.tx, proveSinceTx) };
    });
  }

  txScan(request: TxScanRequest): Tx[] {
    return this.#read(() => {
      this.#checkSince(request.sinceTx);
      const limit = this.#lists.limit(request.limit);
      const budget = this.#budget('exportTx');
      const txs: Tx[] = [];
      for (const tx of this.#transactions.scan(request, limit)) txs.push(budget.tx(tx));
      return txs;
    });
  }

  state(): State {
    return this.#store.state;
  }

  stageValue(): ValueStager {
    return new BlobStager(this.#store, this.#settings.maxValueLen);
  }

  exportTx(txId: number) {
    return this.#read(() => exportTx(this.#store, txId));
  }

  health(): DatabaseHealth {
    const { environment } = this.#store;
    const { free, reserve } = environment.space();
    return {
      pendingRequests: this.#loop.pending,
      lastRequestCompletedAt: this.#loop.lastCompletedAt,
      ok: environment.failure === undefined,
      diskFull: free < reserve,
    };
  }

  /** Finishes what was taken, then closes the files. */
  async close(): Promise<void> {
    await this.#loop.close();
    await this.#store.close();
  }
}
