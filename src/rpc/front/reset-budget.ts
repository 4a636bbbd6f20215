import type { FrontLimits } from './limits.js';

/** Of the burst: calls under way when the connection is given up may be reset too, and are seen late. */
const RESERVE_SHARE = 0.5;

/** The first version of grpc-js that does not reset a stream after its end. */
const WITHOUT_RESETS = [1, 10, 4] as const;

/** Whether a client resets every call after its answer. */
export function resetsEachCall(userAgent: string | undefined): boolean {
  const match = /grpc-node-js\/(\d+)\.(\d+)\.(\d+)/.exec(userAgent ?? '');
  if (match === null) return false;
  for (const [at, limit] of WITHOUT_RESETS.entries()) {
    const part = Number(match[at + 1]);
    if (part !== limit) return part < limit;
  }
  return false;
}

/**
 * Counts the calls of a connection that its client gives up, as the HTTP/2 server of Node does, so that
 * the client can be sent to a new connection in good order before this one is ended under its calls.
 */
export class ResetBudget {
  readonly #burst: number;
  readonly #rate: number;
  #left: number;
  #at: number;

  /** @param now Unix milliseconds */
  constructor(
    {
      streamResetBurst,
      streamResetRate,
    }: Pick<FrontLimits, 'streamResetBurst' | 'streamResetRate'>,
    now: number,
  ) {
    this.#burst = streamResetBurst * RESERVE_SHARE;
    this.#rate = streamResetRate;
    this.#left = this.#burst;
    this.#at = now;
  }

  /** @returns whether the connection is used up */
  spend(now: number): boolean {
    // Whole seconds, as it is counted there.
    const seconds = Math.floor(Math.max(0, now - this.#at) / 1000);
    this.#at += seconds * 1000;
    this.#left = Math.min(this.#burst, this.#left + seconds * this.#rate) - 1;
    return this.#left <= 0;
  }
}
