import path from 'node:path';
import { systemErrorCode } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import { EMPTY_HASH, type HeaderVersion, type State, TreeAppender } from '../proofs/index.js';
import { BlobStore } from './blob-store.js';
import { EntryCache } from './entry-cache.js';
import { type Batch, Environment, type EnvironmentOptions } from './environment.js';
import { StorageError, unlessDiskFull } from './errors.js';
import type { IndexChanges } from './index-changes.js';
import { type IndexLimits, IndexStore } from './index-store.js';
import { META_HEADER_VERSION, PAGE_SIZE } from './layout.js';
import { LogStore } from './log-store.js';
import { recoverIndex, verifyTail } from './recovery.js';
import { StateFile } from './state-file.js';
import { TreeStore } from './tree-store.js';
import { type BuiltTx, buildTx, type TxDraft } from './tx-builder.js';

export interface StoreOptions extends EnvironmentOptions {
  /** File of the last acknowledged state, outside of that folder. */
  readonly stateFile: string;
  readonly indexLimits?: Partial<IndexLimits>;
  /** Shared by all databases of a process. */
  readonly entryCache?: EntryCache;
}

/** Bytes that a transaction costs beyond its log record: index, history and tree entries. */
const BYTES_PER_ENTRY = 256;
const DISK_FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/** The durable content of one database: log, blobs, tree and index, committed together. */
export class Store {
  readonly environment: Environment;
  readonly blobs: BlobStore;
  readonly log: LogStore;
  readonly tree: TreeStore;
  readonly index: IndexStore;
  readonly #stateFile: StateFile;
  #appender: TreeAppender;
  #state: State;
  #closing: Promise<void> | undefined;

  private constructor(environment: Environment, options: StoreOptions, stateFile: StateFile) {
    this.environment = environment;
    this.blobs = new BlobStore(environment);
    this.log = new LogStore(environment, this.blobs, options.entryCache ?? new EntryCache(0));
    this.tree = new TreeStore(environment);
    this.index = new IndexStore(environment, options.log, options.indexLimits);
    this.#stateFile = stateFile;
    const txId = this.log.lastTxId();
    this.#appender = TreeAppender.restore(this.tree, txId);
    this.#state = { txId, txHash: txId === 0 ? EMPTY_HASH : this.log.alh(txId) };
  }

  /**
   * Opens an environment and re-verifies its tail: the newest transaction from its entries to its Alh, its
   * place in the tree, and that nothing acknowledged is missing. Makes the index complete.
   * @throws StorageError `unknownFormat`, `corrupted`, `behindAcknowledged`
   */
  static async open(options: StoreOptions): Promise<Store> {
    const { log, stateFile: file } = options;
    const environment = await Environment.open(options);
    try {
      const stateFile = new StateFile(file, options.commitTimeoutMs, (error) => {
        // A full disk leaves the older state, and gets better; nothing else is known to be harmless.
        if (!DISK_FULL.has(systemErrorCode(error) ?? '')) {
          environment.fail(error);
          return;
        }
        const reason = messageOf(error);
        log.warn('the last acknowledged state could not be written', { file, reason });
      });
      const store = new Store(environment, options, stateFile);
      verifyTail(store.#state, store.log, store.tree);
      store.#checkAcknowledged(store.acknowledgedState());
      await unlessDiskFull(async () => {
        const count = await store.blobs.removeOrphans();
        if (count > 0) log.info('removed values of unfinished writes', { count });
      });
      await recoverIndex(store, log);
      return store;
    } catch (error) {
      await environment.close();
      throw error;
    }
  }

  #checkAcknowledged(acknowledged: State | undefined): void {
    if (acknowledged === undefined) return;
    const { txId, txHash } = acknowledged;
    const name = path.basename(this.environment.path);
    if (txId > this.#state.txId) {
      throw new StorageError(
        'behindAcknowledged',
        `${name} ends with transaction ${this.#state.txId}, but ${txId} was acknowledged: ` +
          'the directory was rolled back or replaced',
      );
    }
    if (!this.log.alh(txId).equals(txHash)) {
      throw new StorageError(
        'behindAcknowledged',
        `${name} has another transaction ${txId} than the one acknowledged: the directory was replaced`,
      );
    }
  }

  /** The header version that was fixed by the first write of a database made with `auto`. */
  get headerVersion(): HeaderVersion | undefined {
    const stored = this.environment.table('meta').get(Buffer.from(META_HEADER_VERSION));
    return stored === undefined ? undefined : stored[0] === 1 ? 1 : 0;
  }

  /** What was last noted outside of the environment as answered. @throws StorageError `corrupted` */
  acknowledgedState(): State | undefined {
    return this.#stateFile.read();
  }

  /** The newest transaction. */
  get state(): State {
    return this.#state;
  }

  begin(): StoreBatch {
    return new StoreBatch(this.#state, this.#appender.clone(), this.index.changes());
  }

  /**
   * Makes the transactions of a batch durable, all or none.
   * @throws StorageError `diskFull` (nothing happened), `storageFailed`
   */
  async commit(batch: StoreBatch): Promise<void> {
    const last = batch.txs.at(-1);
    if (last === undefined) return;
    let indexed = false;
    const indexBytes = this.index.rowsOfCommit(batch.changes) * PAGE_SIZE;
    await this.environment.commit(batch.bytes + indexBytes, (writes) => {
      for (const tx of batch.txs) {
        this.log.append(writes, tx.header.id, tx.encoded);
        this.tree.append(writes, tx.header.id, tx.treeNodes);
        for (const { blobId, rawValue } of tx.blobs) this.blobs.put(writes, blobId, rawValue);
        for (const blobId of tx.adopted) this.blobs.adopt(writes, blobId);
      }
      if (batch.headerVersion !== undefined) {
        const version = Buffer.from([batch.headerVersion]);
        writes.put('meta', Buffer.from(META_HEADER_VERSION), version);
      }
      indexed = this.index.write(writes, batch.changes);
    });
    this.index.committed(batch.changes, last.header.id, indexed);
    this.#appender = batch.appender;
    this.#state = { txId: last.header.id, txHash: last.alh };
    this.#stateFile.acknowledge(this.#state);
  }

  /**
   * Brings a part of the waiting index changes into the tables.
   * @throws StorageError `diskFull` (they wait on), `storageFailed`
   */
  async mergeIndexStep(): Promise<void> {
    const keys = this.index.stepKeys(Math.floor(this.environment.upkeepBytes / PAGE_SIZE));
    const write = (batch: Batch) => this.index.writeMergeStep(batch, keys);
    await this.environment.commit(keys * PAGE_SIZE, write, true);
    this.index.mergeCommitted();
  }

  /**
   * Writes what waits for the index, if the disk takes it; else the next opening reads it from the log.
   * Not to be called beside a commit under way.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      if (this.environment.failure !== undefined) return;
      await unlessDiskFull(async () => {
        while (this.index.hasMergeWork) await this.mergeIndexStep();
      });
      await this.#stateFile.close();
    } finally {
      this.log.close();
      await this.environment.close();
    }
  }
}

/** Consecutive transactions on top of the committed ones, not durable yet. */
export class StoreBatch {
  readonly txs: BuiltTx[] = [];
  readonly changes: IndexChanges;
  readonly appender: TreeAppender;
  bytes = 0;
  headerVersion: HeaderVersion | undefined;
  readonly #adopted = new Set<number>();
  #state: State;

  constructor(state: State, appender: TreeAppender, changes: IndexChanges) {
    this.#state = state;
    this.appender = appender;
    this.changes = changes;
  }

  get nextTxId(): number {
    return this.#state.txId + 1;
  }

  /** Fixes, in the same commit, the header version of a database that had none. */
  setHeaderVersion(version: HeaderVersion): void {
    this.headerVersion = version;
  }

  /** Whether one of the transactions owns this staged blob. */
  adopts(blobId: number): boolean {
    return this.#adopted.has(blobId);
  }

  /** Builds the next transaction. One that cannot be built leaves the batch as it was. */
  append(draft: TxDraft): BuiltTx {
    const tx = buildTx(draft, this.#state, this.appender);
    this.txs.push(tx);
    this.#state = { txId: tx.header.id, txHash: tx.alh };
    this.changes.addTx(tx.header.id, tx.indexed, tx.encoded.segmentOf);
    for (const blobId of tx.adopted) this.#adopted.add(blobId);
    this.bytes += tx.bytes + draft.entries.length * BYTES_PER_ENTRY;
    return tx;
  }
}
