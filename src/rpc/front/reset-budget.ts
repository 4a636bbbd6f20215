/** What the HTTP/2 server of Node takes of resets before it ends a connection: at once, and a second. */
const BURST = 1000;
const A_SECOND = 33;
/** Calls under way when the connection is given up may be reset too; some resets are seen late. */
const RESERVE = 500;

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
 * Counts the resets of a connection, so that its client can be sent to a new one in good order before
 * this one is ended under its calls. Of a client that resets each call, calls are counted instead.
 */
export class ResetBudget {
  #left = BURST - RESERVE;
  #at: number;

  /** @param now Unix milliseconds */
  constructor(now: number) {
    this.#at = now;
  }

  /** @returns whether the connection is used up */
  spend(now: number): boolean {
    // Whole seconds, as it is counted there.
    const seconds = Math.floor(Math.max(0, now - this.#at) / 1000);
    this.#at += seconds * 1000;
    this.#left = Math.min(BURST - RESERVE, this.#left + seconds * A_SECOND) - 1;
    return this.#left <= 0;
  }
}
