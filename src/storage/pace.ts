import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';

/** Time as a parameter, so that a test can own it. */
export interface PaceTimer {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** @throws AbortError */
  wait(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

/** Milliseconds of work in one turn of the event loop. */
const TURN_MS = 3;
/** Milliseconds: what is less ahead of its time goes on, because a timer is not finer than that. */
const AHEAD_MS = 5;

const processTimer: PaceTimer = {
  now: () => performance.now(),
  wait: (ms, signal) => delay(ms, undefined, signal && { signal }),
};

/** Gives way to others, and keeps to a rate: n bytes never take less than n / rate seconds. */
export class Pace {
  readonly #bytesPerMs: number | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: PaceTimer;
  readonly #start: number;
  #turnEnd: number;
  #bytes = 0;

  constructor(
    bytesPerSecond: number | undefined,
    signal: AbortSignal | undefined,
    timer: PaceTimer = processTimer,
  ) {
    this.#bytesPerMs = bytesPerSecond === undefined ? undefined : bytesPerSecond / 1000;
    this.#signal = signal;
    this.#timer = timer;
    this.#start = timer.now();
    this.#turnEnd = this.#start + TURN_MS;
  }

  /** @returns whether others had their turn @throws AbortError */
  async after(bytes: number): Promise<boolean> {
    this.#bytes += bytes;
    const aheadMs = this.#aheadMs();
    if (aheadMs < AHEAD_MS && this.#timer.now() < this.#turnEnd) return false;
    this.#signal?.throwIfAborted();
    if (aheadMs >= AHEAD_MS) await this.#timer.wait(aheadMs, this.#signal);
    else await nextTurn();
    this.#signal?.throwIfAborted();
    this.#turnEnd = this.#timer.now() + TURN_MS;
    return true;
  }

  /** Waits until all that was read has had its time. @throws AbortError */
  async end(): Promise<void> {
    const aheadMs = this.#aheadMs();
    if (aheadMs > 0) await this.#timer.wait(aheadMs, this.#signal);
  }

  #aheadMs(): number {
    if (this.#bytesPerMs === undefined) return 0;
    return this.#start + this.#bytes / this.#bytesPerMs - this.#timer.now();
  }
}
