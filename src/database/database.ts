import type { Clock } from '../base/clock.js';
import type { HeaderVersion, State, TxHeader } from '../proofs/index.js';
import { Store, type StoreOptions } from '../storage/index.js';
import type { Database, DatabaseHealth, ValueStager } from './api.js';
import { CommitLoop } from './commit-loop.js';
import type { DatabaseError } from './errors.js';
import { exportTx } from './export.js';
import { illegalArguments } from './failures.js';
import { Guard } from './guard.js';
import { Queries, type QueryLimits } from './queries.js';
import { Reader } from './reader.js';
import type { DatabaseSettings } from './settings.js';
import { BlobStager } from './stager.js';
import { Transactions } from './transactions.js';
import { ValueTruncation } from './truncation.js';
import type {
  HeaderVersionSetting,
  HistoryRequest,
  KeyRequest,
  KeyValue,
  Operation,
  ReferenceOp,
  ScanRequest,
  TxRequest,
  TxScanRequest,
  VerifiableTx,
  WriteOptions,
  ZAddOp,
  ZScanRequest,
} from './types.js';
import { Uses } from './uses.js';
import { WriteContext } from './write-context.js';
import { Writer } from './writer.js';

/** Limits of the server, not of one database. */
export interface DatabaseLimits extends QueryLimits {
  /** Writes of one database that wait for their commit. */
  readonly waitersMax: number;
}

export interface StoredDatabaseOptions extends StoreOptions {
  readonly name: string;
  readonly settings: DatabaseSettings;
  readonly limits: DatabaseLimits;
  readonly clock: Clock;
  /** Told after the first write fixed an `auto` header version. */
  onHeaderVersion(version: HeaderVersion): void;
  /** Told of every read that met damaged data. */
  onCorruption(error: DatabaseError): void;
}

/** A database over its store. */
export class StoredDatabase implements Database {
  readonly name: string;
  /** What is under way; who closes databases by itself leaves one in use alone. */
  readonly uses = new Uses();
  readonly truncation: ValueTruncation;
  readonly #settings: DatabaseSettings;
  readonly #store: Store;
  readonly #loop: CommitLoop;
  readonly #guard: Guard;
  readonly #writer: Writer;
  readonly #queries: Queries;
  readonly #transactions: Transactions;

  private constructor(options: StoredDatabaseOptions, store: Store) {
    const { settings, clock, limits } = options;
    this.name = options.name;
    this.#settings = settings;
    this.#store = store;
    const { headerVersion: fixed } = store;
    const asked = settings.writeTxHeaderVersion;
    this.#loop = new CommitLoop({
      store,
      clock,
      waitersMax: limits.waitersMax,
      excludeCommitTime: settings.excludeCommitTime,
      // What the first write fixed may become 1, and 1 never becomes anything else.
      headerVersion: fixed !== undefined && (asked === 'auto' || fixed === 1) ? fixed : asked,
      onHeaderVersion: (version) => options.onHeaderVersion(version),
      makeContext: (batch, now) => new WriteContext(store, batch, settings, now),
    });
    this.#guard = new Guard(this.uses, (error) => options.onCorruption(error));
    this.#writer = new Writer(store, this.#loop, settings, this.uses, this.#guard);
    this.truncation = new ValueTruncation(store, this.uses, this.#guard, options.log);
    const reader = new Reader(store, clock);
    this.#transactions = new Transactions(store, reader);
    this.#queries = new Queries(store, reader, this.#transactions, this.#guard, settings, limits);
  }

  /** @throws StorageError for an environment that is not to be used */
  static async open(options: StoredDatabaseOptions): Promise<StoredDatabase> {
    const database = new StoredDatabase(options, await Store.open(options));
    database.truncation.resume();
    return database;
  }

  /** The settings, with the header version as it was fixed. */
  get settings(): DatabaseSettings {
    this.uses.touch();
    const writeTxHeaderVersion = this.headerVersion;
    return writeTxHeaderVersion === this.#settings.writeTxHeaderVersion
      ? this.#settings
      : { ...this.#settings, writeTxHeaderVersion };
  }

  get headerVersion(): HeaderVersionSetting {
    return this.#loop.headerVersion;
  }

  retain(): Disposable {
    return this.uses.hold();
  }

  /** For the maintenance of what is stored: check, rebuild, backup. */
  get store(): Store {
    return this.#store;
  }

  set(kvs: readonly KeyValue[], options: WriteOptions): Promise<TxHeader> {
    return this.#writer.set(kvs, options);
  }

  delete(keys: readonly Uint8Array[], sinceTx: number, options: WriteOptions): Promise<TxHeader> {
    return this.#writer.delete(keys, sinceTx, options);
  }

  setReference(ref: ReferenceOp, options: WriteOptions): Promise<TxHeader> {
    return this.#writer.setReference(ref, options);
  }

  zAdd(zAdd: ZAddOp, options: WriteOptions): Promise<TxHeader> {
    return this.#writer.zAdd(zAdd, options);
  }

  execAll(operations: readonly Operation[], options: WriteOptions): Promise<TxHeader> {
    return this.#writer.execAll(operations, options);
  }

  async verifiableSet(
    kvs: readonly KeyValue[],
    proveSinceTx: number,
    options: WriteOptions,
  ): Promise<VerifiableTx> {
    this.#transactions.checkProveSince(proveSinceTx);
    return this.#proved(() => this.#writer.set(kvs, options), proveSinceTx);
  }

  async verifiableSetReference(
    ref: ReferenceOp,
    proveSinceTx: number,
    options: WriteOptions,
  ): Promise<VerifiableTx> {
    if (proveSinceTx > this.#store.state.txId) throw illegalArguments();
    return this.#proved(() => this.#writer.setReference(ref, options), proveSinceTx);
  }

  async verifiableZAdd(
    zAdd: ZAddOp,
    proveSinceTx: number,
    options: WriteOptions,
  ): Promise<VerifiableTx> {
    if (proveSinceTx > this.#store.state.txId) throw illegalArguments();
    return this.#proved(() => this.#writer.zAdd(zAdd, options), proveSinceTx);
  }

  #proved(write: () => Promise<TxHeader>, proveSinceTx: number): Promise<VerifiableTx> {
    return this.uses.during(async () => {
      const { id } = await write();
      return this.#guard.read(() => this.#transactions.verifiable(id, proveSinceTx));
    });
  }

  get(request: KeyRequest) {
    return this.#queries.get(request);
  }

  getStreamed(request: KeyRequest) {
    return this.#queries.getStreamed(request);
  }

  getAll(keys: readonly Uint8Array[], sinceTx: number) {
    return this.#queries.getAll(keys, sinceTx);
  }

  verifiableGet(request: KeyRequest, proveSinceTx: number) {
    return this.#queries.verifiableGet(request, proveSinceTx);
  }

  verifiableGetStreamed(request: KeyRequest, proveSinceTx: number) {
    return this.#queries.verifiableGetStreamed(request, proveSinceTx);
  }

  async scan(request: ScanRequest) {
    return this.#queries.scan(request);
  }

  async zScan(request: ZScanRequest) {
    return this.#queries.zScan(request);
  }

  history(request: HistoryRequest) {
    return this.#queries.history(request);
  }

  scanStreamed(request: ScanRequest) {
    return this.#queries.scanStreamed(request);
  }

  zScanStreamed(request: ZScanRequest) {
    return this.#queries.zScanStreamed(request);
  }

  historyStreamed(request: HistoryRequest) {
    return this.#queries.historyStreamed(request);
  }

  count(prefix: Uint8Array): Promise<number> {
    return this.uses.during(() => this.#queries.count(prefix));
  }

  txById(request: TxRequest) {
    return this.#queries.txById(request);
  }

  verifiableTxById(request: TxRequest, proveSinceTx: number) {
    return this.#queries.verifiableTxById(request, proveSinceTx);
  }

  txScan(request: TxScanRequest) {
    return this.#queries.txScan(request);
  }

  state(): State {
    return this.#store.state;
  }

  stageValue(): ValueStager {
    return new BlobStager(this.#store, this.#settings.maxValueLen, this.uses);
  }

  exportTx(txId: number) {
    const { length, pieces } = this.#guard.read(() => exportTx(this.#store, txId));
    return { length, pieces: () => this.#guard.pieces(pieces()) };
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
    const written = this.#loop.close();
    await this.truncation.close();
    await written;
    await this.#store.close();
  }
}
