import type { Clock } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import type { Metrics } from '../metrics.js';
import { ConnectionGate } from './connection-gate.js';
import { CountedLog } from './counted-log.js';
import type { FrontFigures, FrontLimits, LimitName } from './limits.js';
import { MemoryReturn } from './memory-return.js';

/** Of the bytes in flight, what connections without a login may hold together. */
const SHARE_BEFORE_LOGIN = 1 / 4;

export interface FrontDependencies {
  readonly limits: FrontLimits;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Log;
}

/** The accounts that all connections share, and what is said when one is refused. */
export class Front {
  readonly limits: FrontLimits;
  readonly gate: ConnectionGate;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #log: CountedLog;
  readonly #memory = new MemoryReturn();
  #heldBytes = 0;
  #heldBeforeLogin = 0;
  #unsentBytes = 0;
  #streams = 0;

  constructor({ limits, metrics, clock, log }: FrontDependencies) {
    this.limits = limits;
    this.gate = new ConnectionGate(limits);
    this.#metrics = metrics;
    this.#clock = clock;
    this.#log = new CountedLog(log);
    metrics.observeFront(() => this.figures());
  }

  /** Unix milliseconds. */
  now(): number {
    return this.#clock.now();
  }

  figures(): FrontFigures {
    return {
      connections: this.gate.open,
      streams: this.#streams,
      requestBytes: this.#heldBytes,
      unsentBytes: this.#unsentBytes,
    };
  }

  /** Whether so many more bytes of requests may be held; if so they are, and `release` is owed. */
  hold(bytes: number, loggedIn: boolean): boolean {
    const max = this.limits.inflightBytesMax;
    if (this.#heldBytes + bytes > max) return false;
    if (!loggedIn) {
      if (this.#heldBeforeLogin + bytes > max * SHARE_BEFORE_LOGIN) return false;
      this.#heldBeforeLogin += bytes;
    }
    this.#heldBytes += bytes;
    return true;
  }

  release(bytes: number, loggedIn: boolean): void {
    this.#heldBytes -= bytes;
    if (!loggedIn) this.#heldBeforeLogin -= bytes;
  }

  /** A connection has logged in: what it holds is no longer held before login. */
  promote(bytes: number): void {
    this.#heldBeforeLogin -= bytes;
  }

  /** @returns whether clients leave more answers lying than there may be */
  unsent(bytes: number): boolean {
    this.#unsentBytes += bytes;
    return this.#unsentBytes > this.limits.unsentBytesMax;
  }

  streamOpened(): void {
    this.#streams++;
  }

  streamClosed(): void {
    this.#streams--;
  }

  connectionAccepted(): void {
    this.#metrics.connectionAccepted();
  }

  /** Counts, and writes to the log what an operator may want to act upon. */
  reached(limit: LimitName, what: string, address: string | undefined): void {
    this.#metrics.limitReached(limit);
    this.#log.warn(what, limit, { limit: `--${limit}`, address }, this.now());
  }

  /** Counts what happens every day. */
  counted(limit: LimitName): void {
    this.#metrics.limitReached(limit);
  }

  warn(message: string, reason: string, address: string | undefined): void {
    this.#log.warn(message, reason, { reason, address }, this.now());
  }

  sweep(now: number): void {
    this.gate.sweep(now);
    this.#log.sweep(now);
    this.#memory.sweep(this.#streams, this.#heldBytes + this.#unsentBytes, now);
  }
}
