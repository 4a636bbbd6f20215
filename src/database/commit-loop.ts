import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, unixSeconds } from '../base/clock.js';
import type { HeaderVersion, TxHeader } from '../proofs/index.js';
import type { DraftEntry, Store, StoreBatch } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { asDatabaseError, illegalState } from './failures.js';
import type { Generation, HeaderVersionSetting } from './types.js';
import type { WriteContext } from './write-context.js';

/** Turns what a caller asked for into entries, on the state that holds when its turn comes. */
export type Prepare = (context: WriteContext) => readonly DraftEntry[];

interface Job {
  readonly prepare: Prepare;
  readonly generation: Generation;
  readonly bytes: number;
  resolve(header: TxHeader): void;
  reject(error: unknown): void;
}

export interface CommitLoopOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** Writes that may wait at once. */
  readonly waitersMax: number;
  readonly excludeCommitTime: boolean;
  readonly headerVersion: HeaderVersionSetting;
  /** Told after the commit that fixed an `auto` header version. */
  onHeaderVersion(version: HeaderVersion): void;
  makeContext(batch: StoreBatch, nowSeconds: number): WriteContext;
}

/** Transactions, and bytes of requests, that one commit takes. */
const BATCH_JOBS_MAX = 2048;
const BATCH_BYTES_MAX = 64 << 20;
/** Without a write for this long, what waits for the index tables is merged, in milliseconds. */
const MERGE_IDLE_MS = 300;

/**
 * The one writer of a database. Takes all that has gathered, builds consecutive transactions, commits
 * once, answers in order; meanwhile the next batch gathers. A refused job leaves no trace and does not
 * touch the others; a failed commit ends all writing.
 */
export class CommitLoop {
  readonly #options: CommitLoopOptions;
  #headerVersion: HeaderVersionSetting;
  #queue: Job[] = [];
  #running: Promise<void> | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #merging = false;
  #closed = false;
  lastCompletedAt = 0;

  constructor(options: CommitLoopOptions) {
    this.#options = options;
    this.#headerVersion = options.headerVersion;
    this.#mergeWhenIdle();
  }

  get pending(): number {
    return this.#queue.length;
  }

  get headerVersion(): HeaderVersionSetting {
    return this.#headerVersion;
  }

  /** Resolves when the transaction is durable. @param bytes about the size of the request */
  submit(prepare: Prepare, generation: Generation, bytes: number): Promise<TxHeader> {
    const { failure } = this.#options.store.environment;
    if (failure !== undefined) throw asDatabaseError(failure);
    if (this.#closed) throw new DatabaseError('databaseClosed', 'already closed');
    if (this.#queue.length >= this.#options.waitersMax) {
      throw new DatabaseError(
        'tooManyWaiters',
        `max waiting limit exceeded: ${this.#options.waitersMax} writes are waiting`,
      );
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ prepare, generation, bytes, resolve, reject });
      this.#start();
    });
  }

  #start(): void {
    clearTimeout(this.#idleTimer);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      this.#mergeWhenIdle();
    });
  }

  async #run(): Promise<void> {
    // All requests of this turn of the event loop join the first batch.
    await nextTurn();
    for (;;) {
      if (this.#queue.length > 0) await this.#commitNext();
      else if (this.#merging && !this.#closed) await this.#mergeNext();
      else return;
    }
  }

  #mergeWhenIdle(): void {
    const { index, environment } = this.#options.store;
    if (this.#closed || !index.hasMergeWork || environment.failure !== undefined) return;
    this.#idleTimer = setTimeout(() => {
      this.#merging = true;
      this.#start();
    }, MERGE_IDLE_MS);
    this.#idleTimer.unref();
  }

  /** A step that fails is tried again later, or the whole environment has failed. */
  async #mergeNext(): Promise<void> {
    const { store } = this.#options;
    try {
      await store.mergeIndexStep();
      this.#merging = store.index.hasMergeWork;
    } catch {
      this.#merging = false;
    }
  }

  #take(): Job[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && count < BATCH_JOBS_MAX) {
      bytes += (this.#queue[count] as Job).bytes;
      if (count > 0 && bytes > BATCH_BYTES_MAX) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #commitNext(): Promise<void> {
    const { store } = this.#options;
    this.#merging = false;
    const batch = store.begin();
    const accepted: { job: Job; header: TxHeader }[] = [];
    for (const job of this.#take()) {
      try {
        accepted.push({ job, header: this.#build(job, batch) });
      } catch (error) {
        job.reject(asDatabaseError(error));
      }
    }
    if (accepted.length === 0) return;
    try {
      await store.commit(batch);
    } catch (error) {
      const failure = asDatabaseError(error);
      for (const { job } of accepted) job.reject(failure);
      return;
    }
    this.lastCompletedAt = this.#options.clock.now();
    if (batch.headerVersion !== undefined) {
      this.#headerVersion = batch.headerVersion;
      this.#options.onHeaderVersion(batch.headerVersion);
    }
    for (const { job, header } of accepted) job.resolve(header);
  }

  #build(job: Job, batch: StoreBatch): TxHeader {
    const { store, clock } = this.#options;
    const now = unixSeconds(clock);
    const entries = job.prepare(this.#options.makeContext(batch, now));
    this.#checkStaged(entries, batch);
    const setting = batch.headerVersion ?? this.#headerVersion;
    const fixed = setting === 'auto' ? (job.generation === 'session' ? 1 : 0) : setting;
    const tx = batch.append({
      entries,
      version: versionFor(entries, fixed),
      ts: this.#options.excludeCommitTime ? 0 : now,
      allocateBlob: () => store.blobs.allocate(),
    });
    if (setting === 'auto') batch.setHeaderVersion(fixed as HeaderVersion);
    return tx.header;
  }

  /** A staged value belongs to one transaction, and to none once it was discarded. */
  #checkStaged(entries: readonly DraftEntry[], batch: StoreBatch): void {
    const seen = new Set<number>();
    for (const { value } of entries) {
      if (Buffer.isBuffer(value)) continue;
      const { blobId } = value;
      const isFree = this.#options.store.blobs.isStaged(blobId) && !batch.adopts(blobId);
      if (!isFree || seen.has(blobId)) throw illegalState();
      seen.add(blobId);
    }
  }

  /** Refuses new writes and waits for those that were taken. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idleTimer);
    while (this.#running !== undefined) await this.#running;
  }
}

function versionFor(
  entries: readonly DraftEntry[],
  setting: Exclude<HeaderVersionSetting, 'auto'>,
): HeaderVersion {
  if (setting === 1) return 1;
  if (entries.every(({ metadata }) => metadata === undefined)) return 0;
  if (setting === 0) return 1;
  throw new DatabaseError(
    'metadataUnsupported',
    'metadata is unsupported when in 1.1 compatibility mode, do not use metadata-related ' +
      'features such as expiration and logical deletion',
  );
}
