import { equalBytes } from '../base/bytes.js';
import { messageOf } from '../base/errors.js';
import { type CheckedCounts, type Problem, StoreCheck } from './check-steps.js';
import { StorageError } from './errors.js';
import { Pace, type PaceTimer } from './pace.js';
import type { Progress } from './recovery.js';
import type { Store } from './store.js';

export interface CheckOptions {
  /** Told now and then: transactions done, and how many there are. */
  readonly onProgress?: Progress;
  /** Ends the check early; what was found until then is reported. */
  readonly signal?: AbortSignal;
  /** At most this many bytes are read in a second; by default as fast as it goes. */
  readonly bytesPerSecond?: number;
  /** By default that of the process. */
  readonly timer?: PaceTimer;
}

export interface CheckReport extends CheckedCounts {
  /** The last transaction of the store when the check began. */
  readonly txId: number;
  /** False when it was ended early. */
  readonly finished: boolean;
  /** All of them; the first are in `problems`. */
  readonly problemCount: number;
  readonly problems: readonly Problem[];
}

const PROBLEMS_KEPT_MAX = 20;

/**
 * Recomputes everything that a store holds: entries, values, headers, Alhs, tree, index and history against
 * the log in both directions, and the acknowledged state. May run beside reads and writes; what is
 * committed meanwhile is not looked at.
 */
export async function checkStore(store: Store, options: CheckOptions = {}): Promise<CheckReport> {
  const { onProgress = () => {}, signal, bytesPerSecond } = options;
  const problems: Problem[] = [];
  let problemCount = 0;
  const { txId } = store.state;
  const check = new StoreCheck(store, txId, (problem) => {
    if (problems.length < PROBLEMS_KEPT_MAX) problems.push(problem);
    problemCount++;
  });
  const pace = new Pace(bytesPerSecond, signal, options.timer);
  let finished = true;
  try {
    for (const bytes of check.steps()) {
      if (await pace.after(bytes)) onProgress(check.counts.transactions, txId);
    }
    await pace.end();
    checkAcknowledged(store, check);
    onProgress(txId, txId);
  } catch (error) {
    if (signal?.aborted !== true) throw error;
    finished = false;
  }
  return { txId, finished, problemCount, problems, ...check.counts };
}

function checkAcknowledged(store: Store, check: StoreCheck): void {
  check.attempt('acknowledged state', () => {
    const state = store.acknowledgedState();
    if (state === undefined) return;
    const isPart =
      state.txId <= store.state.txId && equalBytes(store.log.alh(state.txId), state.txHash);
    if (!isPart) throw new StorageError('behindAcknowledged', 'it is not part of the history');
  });
}

/** For a person. */
export function describeProblem({ where, what }: Problem): string {
  return `${where}: ${messageOf(what)}`;
}
