import type { State, TxHeader } from '../proofs/index.js';
import type { DatabaseSettings, DatabaseSettingsUpdate } from './settings.js';
import type {
  Entry,
  HistoryRequest,
  KeyRequest,
  KeyValue,
  Operation,
  ReferenceOp,
  ScanRequest,
  StagedValue,
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

/** Writes one large value to disk, piece by piece, before its transaction. */
export interface ValueStager {
  /** Resolves when more may be written. */
  write(piece: Uint8Array): Promise<void>;
  finish(): Promise<StagedValue>;
  /** Gives up what was staged; safe at any time before the value is part of a transaction. */
  discard(): Promise<void>;
}

/**
 * One open database. Every write is durable before its promise resolves, and everything refused leaves
 * no trace. All methods throw `DatabaseError`.
 */
export interface Database {
  readonly name: string;
  readonly settings: DatabaseSettings;

  /**
   * Keeps the database open until what is returned is disposed of. Who works with it across awaits
   * holds on to it: one that is idle may be closed to make room for others.
   */
  retain(): Disposable;

  set(kvs: readonly KeyValue[], options: WriteOptions): Promise<TxHeader>;
  delete(keys: readonly Uint8Array[], sinceTx: number, options: WriteOptions): Promise<TxHeader>;
  setReference(ref: ReferenceOp, options: WriteOptions): Promise<TxHeader>;
  zAdd(zAdd: ZAddOp, options: WriteOptions): Promise<TxHeader>;
  execAll(operations: readonly Operation[], options: WriteOptions): Promise<TxHeader>;

  verifiableSet(
    kvs: readonly KeyValue[],
    proveSinceTx: number,
    options: WriteOptions,
  ): Promise<VerifiableTx>;
  verifiableSetReference(
    ref: ReferenceOp,
    proveSinceTx: number,
    options: WriteOptions,
  ): Promise<VerifiableTx>;
  verifiableZAdd(zAdd: ZAddOp, proveSinceTx: number, options: WriteOptions): Promise<VerifiableTx>;

  get(request: KeyRequest): Entry;
  getStreamed(request: KeyRequest): StreamedEntry;
  /** In request order; keys that are missing, deleted or expired are left out. */
  getAll(keys: readonly Uint8Array[], sinceTx: number): Entry[];
  verifiableGet(request: KeyRequest, proveSinceTx: number): VerifiableEntry;
  verifiableGetStreamed(request: KeyRequest, proveSinceTx: number): VerifiableStreamedEntry;
  /** Pages are full unless the range ends. */
  scan(request: ScanRequest): Promise<Entry[]>;
  zScan(request: ZScanRequest): Promise<ZEntry[]>;
  history(request: HistoryRequest): Entry[];
  /** The same, one element at a time, each value read when it is its turn. */
  scanStreamed(request: ScanRequest): AsyncIterable<StreamedEntry>;
  zScanStreamed(request: ZScanRequest): AsyncIterable<ZEntry & { streamed: StreamedEntry }>;
  historyStreamed(request: HistoryRequest): AsyncIterable<StreamedEntry>;
  /** Live keys that start with the prefix. */
  count(prefix: Uint8Array): Promise<number>;
  txById(request: TxRequest): Tx;
  verifiableTxById(request: TxRequest, proveSinceTx: number): VerifiableTx;
  txScan(request: TxScanRequest): Tx[];
  state(): State;

  stageValue(): ValueStager;
  /** One transaction in the export layout, in pieces. */
  exportTx(txId: number): { readonly length: number; pieces(): AsyncIterable<Uint8Array> };

  health(): DatabaseHealth;
}

export interface DatabaseHealth {
  /** Writes that wait for their commit. */
  readonly pendingRequests: number;
  /** Unix milliseconds; 0 before the first. */
  readonly lastRequestCompletedAt: number;
  /** False after a storage failure: no writes until the process is started again. */
  readonly ok: boolean;
  /** Set while writes are refused because the disk is nearly full. */
  readonly diskFull: boolean;
}

export interface DatabaseInfo {
  readonly name: string;
  readonly settings: DatabaseSettings;
  readonly loaded: boolean;
  /** Bytes. */
  readonly diskSize: number;
  /** Id of the last transaction (of one that is not open: the last one noted); 0 when not loaded. */
  readonly numTransactions: number;
  /** Unix seconds. */
  readonly createdAt: number;
  readonly createdBy: string;
}

/**
 * All databases of the server. The catalog in `systemdb` says which exist. Names are looked up as given;
 * `create` alone lower-cases.
 */
export interface Databases {
  readonly system: Database;
  exists(name: string): boolean;
  /** In the order of their creation, without `systemdb`. */
  list(): DatabaseInfo[];
  info(name: string): DatabaseInfo;
  /**
   * The database, opened when it is not yet; a promise only then.
   * @throws databaseNotFound, databaseClosed (unloaded), databaseDamaged
   */
  open(name: string): Database | Promise<Database>;
  /** @returns whether it existed already (only with `ifNotExists`) */
  create(
    name: string,
    update: DatabaseSettingsUpdate,
    options: { createdBy: string; ifNotExists: boolean },
  ): Promise<{ readonly info: DatabaseInfo; readonly alreadyExisted: boolean }>;
  /** Of one that is not open the last state that was noted; undefined when there is none. */
  lastState(name: string): State | undefined;
  load(name: string): Promise<void>;
  unload(name: string): Promise<void>;
  delete(name: string): Promise<void>;
  updateSettings(name: string, update: DatabaseSettingsUpdate): Promise<DatabaseInfo>;
  /** @returns id of the first transaction whose values are left */
  truncate(name: string, retentionPeriodMs: number): Promise<number>;
  close(): Promise<void>;
}
