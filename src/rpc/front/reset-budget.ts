/** What the HTTP/2 server of Node takes of resets before it ends a connection: at once, and a second. */
const BURST = 1000;
const A_SECOND = 33;
/** Calls under way when the connection is given up may be reset too. */
const RESERVE = 200;

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
 * Counts calls of such a client, so that it can be sent to a new connection in good order before the old
 * one is ended under its calls.
 */
export class ResetBudget {
  #left = BURST - RESERVE;
  #at: number;

  /** @param now Unix milliseconds */
  constructor(now: number) {
    this.#at = now;
  }

  /** A call begins. @returns whether the connection is used up */
  spend(now: number): boolean {
    // Whole seconds, as it is counted there.
    const seconds = Math.floor(Math.max(0, now - this.#at) / 1000);
    this.#at += seconds * 1000;
    this.#left = Math.min(BURST - RESERVE, this.#left + seconds * A_SECOND) - 1;
    return this.#left <= 0;
  }
}
