import type { Log } from '../../base/log.js';
import { AuditError } from '../errors.js';
import { SinkRunner } from './runner.js';
import type { Sink } from './sink.js';

export interface NamedSink {
  /** Letters, digits and `-`. */
  readonly name: string;
  readonly sink: Sink;
}

export interface SinksOptions {
  readonly sinks: readonly NamedSink[];
  /** The one that must have taken an event before its call is answered. */
  readonly required: string | undefined;
  /** Of the live file. */
  readonly path: string;
  /** The last line on disk. */
  readonly newestSeq: number;
  /** Milliseconds for which a call waits for the required sink. */
  readonly blockTimeoutMs: number;
  readonly log: Log;
}

/** Milliseconds that the last lines have at the end. */
const LAST_LINES_MS_MAX = 1000;

/** All second places of a stream. */
export class Sinks {
  readonly #runners: ReadonlyMap<string, SinkRunner>;
  readonly #required: SinkRunner | undefined;
  readonly #options: SinksOptions;

  private constructor(options: SinksOptions, runners: ReadonlyMap<string, SinkRunner>) {
    this.#options = options;
    this.#runners = runners;
    this.#required = options.required === undefined ? undefined : runners.get(options.required);
  }

  /** @throws AuditError invalidSetting, unusable */
  static async open(options: SinksOptions): Promise<Sinks> {
    const { sinks, required, path, newestSeq, log } = options;
    const names = new Set(sinks.map(({ name }) => name));
    if (names.size < sinks.length) {
      throw new AuditError('invalidSetting', 'two audit sinks have the same name');
    }
    if (required !== undefined && !names.has(required)) {
      throw new AuditError('invalidSetting', `there is no audit sink ${required} to wait for`);
    }
    const runners = new Map<string, SinkRunner>();
    try {
      for (const { name, sink } of sinks) {
        runners.set(name, await SinkRunner.open({ name, sink, path, newestSeq, log }));
      }
    } catch (error) {
      for (const runner of runners.values()) await runner.close();
      throw error;
    }
    return new Sinks(options, runners);
  }

  /** There are lines up to this one on disk. */
  notify(seq: number): void {
    for (const runner of this.#runners.values()) runner.notify(seq);
  }

  /** Whether a sink is required and does not take lines: what asks for its events would only wait. */
  get requiredFails(): boolean {
    return this.#required?.failure !== undefined;
  }

  /**
   * Resolves with the number of the line that `written` gave, when the required sink has taken it, too.
   * @throws AuditError suspended after `blockTimeoutMs`
   */
  taken(written: Promise<number>): Promise<number> {
    const runner = this.#required;
    if (runner === undefined) return written;
    return written.then(async (seq) => {
      if (!(await inTime(runner.delivered(seq), this.#options.blockTimeoutMs))) {
        throw new AuditError('suspended', 'the required audit sink did not take the event');
      }
      return seq;
    });
  }

  /** Lines on disk that each has not taken. */
  lags(): ReadonlyMap<string, number> {
    return new Map([...this.#runners].map(([name, { lagEvents }]) => [name, lagEvents]));
  }

  /** The last line that all have taken; undefined when there is no sink. */
  get takenByAll(): number | undefined {
    if (this.#runners.size === 0) return undefined;
    return Math.min(...[...this.#runners.values()].map(({ deliveredSeq }) => deliveredSeq));
  }

  /** Gives the last lines a moment; what is left comes after the next start. */
  async close(lastSeq: number): Promise<void> {
    await Promise.all(
      [...this.#runners.values()].map(async (runner) => {
        if (runner.failure === undefined) {
          await inTime(runner.delivered(lastSeq), LAST_LINES_MS_MAX);
        }
        await runner.close();
      }),
    );
  }
}

/** @returns whether the work was done in time; a failure of it is a no */
function inTime(work: Promise<void>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    work
      .then(
        () => resolve(true),
        () => resolve(false),
      )
      .finally(() => clearTimeout(timer));
  });
}
