import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import {
  firstNotBefore,
  type Store,
  type TruncationReport,
  truncateValues,
  truncationOf,
} from '../storage/index.js';
import { DatabaseError } from './errors.js';
import type { Guard } from './guard.js';
import type { Uses } from './uses.js';

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 5000;

/** Removes the values of old transactions of one database, one removal after the other. */
export class ValueTruncation {
  readonly #store: Store;
  readonly #uses: Uses;
  readonly #guard: Guard;
  readonly #log: Log;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(store: Store, uses: Uses, guard: Guard, log: Log) {
    this.#store = store;
    this.#uses = uses;
    this.#guard = guard;
    this.#log = log;
  }

  /**
   * Removes all values that were committed before that second (Unix).
   * @throws DatabaseError `retentionPeriodNotReached` when not even the first transaction is that old,
   * `databaseClosed` when the database is closed meanwhile (the rest goes at the next opening), `diskFull`,
   * `corrupted`, `databaseFailed`
   */
  before(seconds: number): Promise<TruncationReport> {
    return this.#next(async () => {
      const end = await firstNotBefore(this.#store, seconds, this.#stop.signal);
      if (end === 1) {
        throw new DatabaseError(
          'retentionPeriodNotReached',
          'retention period has not been reached',
        );
      }
      return this.#upTo(end);
    });
  }

  /** Takes up what an earlier process or opening did not finish, in the background. */
  resume(): void {
    const work = async () => {
      const { next, end } = truncationOf(this.#store);
      if (next >= end) return;
      this.#log.info('the removal of old values goes on', { from: next, of: end - 1 });
      await this.#upTo(end);
    };
    this.#next(work).catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#log.warn('old values were not removed', { reason: messageOf(error) });
    });
  }

  /** Ends what is under way between two steps. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this.#stop;
    const result = this.#uses.during(async () => {
      await this.#running;
      try {
        signal.throwIfAborted();
        return await work();
      } catch (error) {
        if (signal.aborted) throw new DatabaseError('databaseClosed', 'already closed');
        throw this.#guard.failure(error);
      }
    });
    this.#running = result.catch(() => undefined);
    return result;
  }

  async #upTo(end: number): Promise<TruncationReport> {
    let toldAt = performance.now();
    const report = await truncateValues(this.#store, end, {
      signal: this.#stop.signal,
      onProgress: (next, goal) => {
        if (performance.now() < toldAt + PROGRESS_MS) return;
        toldAt = performance.now();
        this.#log.info('removing old values', { transaction: next, of: goal - 1 });
      },
    });
    const { values, bytes, next } = report;
    if (values > 0) {
      this.#log.info('old values were removed', { values, bytes, before: next });
    }
    return report;
  }
}
