import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { DatabaseError } from './errors.js';

export interface Retained {
  /** Tells apart databases that had the same name one after the other. */
  readonly directory: string;
  readonly name: string;
  /** Milliseconds; values that are older are removed. */
  readonly retentionPeriodMs: number;
  readonly truncationFrequencyMs: number;
}

export interface RetentionOptions {
  readonly log: Log;
  /** Milliseconds between two looks; by default a minute. */
  readonly intervalMs?: number;
  /** Loaded databases with a retention period. */
  databases(): readonly Retained[];
  truncate(name: string, retentionPeriodMs: number): Promise<unknown>;
}

const INTERVAL_MS = 60_000;

/**
 * Removes what is older than the retention period of its database, in the background: once soon after the
 * start, so that a server that is often restarted does it at all, and then as often as the settings say.
 */
export class RetentionJob {
  readonly #options: RetentionOptions;
  /** When each was last looked at, by directory. */
  readonly #lastMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#running = this.run().finally(() => this.start());
    }, this.#options.intervalMs ?? INTERVAL_MS);
    this.#timer.unref();
  }

  /** Looks at all that are due, one after the other. Never rejects. */
  async run(): Promise<void> {
    const databases = this.#options.databases();
    const known = new Set(databases.map(({ directory }) => directory));
    for (const directory of this.#lastMs.keys()) {
      if (!known.has(directory)) this.#lastMs.delete(directory);
    }
    for (const { directory, name, retentionPeriodMs, truncationFrequencyMs } of databases) {
      if (this.#closed) return;
      const last = this.#lastMs.get(directory);
      if (last !== undefined && performance.now() < last + truncationFrequencyMs) continue;
      this.#lastMs.set(directory, performance.now());
      await this.#truncate(name, retentionPeriodMs);
    }
  }

  async #truncate(name: string, retentionPeriodMs: number): Promise<void> {
    try {
      await this.#options.truncate(name, retentionPeriodMs);
    } catch (error) {
      if (error instanceof DatabaseError && error.code === 'retentionPeriodNotReached') return;
      if (this.#closed) return;
      const reason = messageOf(error);
      this.#options.log.warn('old values were not removed', { database: name, reason });
    }
  }

  /** What is under way ends when its database is closed. */
  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    return this.#running;
  }
}
