import { setTimeout as delay } from 'node:timers/promises';
import { type Clock, unixSeconds } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type CheckReport, checkStore, describeProblem } from '../storage/index.js';
import type { StoredDatabase } from './database.js';

export interface ScrubOptions {
  /** Milliseconds within which everything is looked at once. */
  readonly periodMs: number;
  /**
   * Bytes a second; more when the period asks for it. 0 turns scrubbing off, as a period of 0
   * does: what is asked for then goes as fast as it can.
   */
  readonly rateBytes: number;
  /** Milliseconds after the start before it begins; what a server does first is not slowed down. */
  readonly delayMs?: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Names of the databases to look at, with their size in bytes. */
  databases(): { readonly name: string; readonly bytes: number }[];
  open(name: string): Promise<StoredDatabase>;
  /** Told of every database in which something is damaged. */
  onDamage(name: string, report: CheckReport): void;
}

const START_DELAY_MS = 60_000;

/** Since the start of the process. */
export interface ScrubStatus {
  /** Times that everything was looked at. */
  readonly finished: number;
  /** Unix seconds of the last time; 0 before the first. */
  readonly lastFinishedAt: number;
  readonly bytes: number;
  /** Places that were found damaged, each as often as it was found. */
  readonly problems: number;
}

/** Reads everything again in the background, all the time or in turns, so that damage is found in time. */
export class Scrubber {
  readonly #options: ScrubOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #status: ScrubStatus = { finished: 0, lastFinishedAt: 0, bytes: 0, problems: 0 };

  constructor(options: ScrubOptions) {
    this.#options = options;
  }

  get status(): ScrubStatus {
    return this.#status;
  }

  start(): void {
    const { periodMs, rateBytes } = this.#options;
    if (periodMs > 0 && rateBytes > 0) this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const wait = (ms: number) =>
      delay(ms, undefined, { ref: false, signal }).catch(() => undefined);
    await wait(this.#options.delayMs ?? START_DELAY_MS);
    while (!signal.aborted) {
      const began = performance.now();
      await this.scrub();
      await wait(Math.max(0, began + this.#options.periodMs - performance.now()));
    }
  }

  /** Looks at everything once. */
  async scrub(): Promise<void> {
    const { periodMs, rateBytes, log } = this.#options;
    const databases = this.#options.databases();
    const total = databases.reduce((sum, { bytes }) => sum + bytes, 0);
    const needed = periodMs > 0 ? (1000 * total) / periodMs : 0;
    const bytesPerSecond = rateBytes > 0 ? Math.max(rateBytes, needed) : undefined;
    for (const { name } of databases) {
      if (this.#stop.signal.aborted) return;
      try {
        await this.#scrubOne(name, bytesPerSecond);
      } catch (error) {
        // Unloaded, deleted or not to be opened, which its users are told.
        log.warn('a database was not scrubbed', { database: name, reason: messageOf(error) });
      }
    }
    if (this.#stop.signal.aborted) return;
    const lastFinishedAt = unixSeconds(this.#options.clock);
    this.#status = { ...this.#status, finished: this.#status.finished + 1, lastFinishedAt };
  }

  async #scrubOne(name: string, bytesPerSecond: number | undefined): Promise<void> {
    const { log, onDamage } = this.#options;
    const { signal } = this.#stop;
    const database = await this.#options.open(name);
    using _use = database.retain();
    const report = await checkStore(database.store, {
      signal,
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    });
    const { problemCount, transactions, bytes } = report;
    this.#status = {
      ...this.#status,
      bytes: this.#status.bytes + bytes,
      problems: this.#status.problems + problemCount,
    };
    if (problemCount > 0) {
      const first = report.problems.map(describeProblem)[0];
      log.error('the scrub found damage', { database: name, problems: problemCount, first });
      onDamage(name, report);
    } else if (report.finished) log.info('scrubbed', { database: name, transactions, bytes });
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
