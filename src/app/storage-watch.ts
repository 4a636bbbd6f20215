import { setTimeout as delay } from 'node:timers/promises';
import { systemErrorCode } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { DatabaseManager } from '../database/index.js';
import { StorageError, StorageHangs } from '../storage/index.js';
import { EXIT_STORAGE } from './exit-codes.js';

/** How long those are waited for, in milliseconds. */
const COMMITS_MS_MAX = 1000;
const POLL_MS = 10;

/**
 * Ends the process after a storage failure: what is on disk is not known then, and only the verification
 * at the next start finds out.
 */
export class StorageWatch {
  readonly #log: Log;
  readonly #failure = new AbortController();
  #hangs = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Aborted by the first failure. */
  get signal(): AbortSignal {
    return this.#failure.signal;
  }

  failed(database: string, error: Error): void {
    this.#hangs ||= error.cause instanceof StorageHangs;
    this.#log.error('no more writes: the process ends', { database, reason: error.message });
    this.#failure.abort(error);
  }

  /** When the data could not be opened because of its disk, ends the process; otherwise returns. */
  openingFailed(error: unknown): void {
    if (!this.signal.aborted && !isDiskError(error)) return;
    this.#log.error('the data cannot be opened', { reason: messageOf(error) });
    this.#exit();
  }

  /**
   * Exits once all commits have ended, that of the database that failed too: LMDB's thread may be waiting
   * for a turn of ours in the middle of one, and an exit waits for that thread.
   */
  async endProcess(databases: DatabaseManager): Promise<void> {
    const environments = databases.opened().map(({ store }) => store.environment);
    const busy = () => environments.some((one) => one.hasUnfinishedCommit);
    const deadline = performance.now() + COMMITS_MS_MAX;
    while (busy() && performance.now() < deadline) await delay(POLL_MS);
    this.#hangs ||= busy();
    this.#exit();
  }

  /**
   * Exits with 74. A write that hangs in its thread keeps `process.exit` from leaving, so then the process
   * is killed.
   */
  #exit(): never {
    if (this.#hangs) {
      this.#log.error('the disk hangs: the process kills itself');
      process.kill(process.pid, 'SIGKILL');
    }
    process.exit(EXIT_STORAGE);
  }
}

/** A call that failed, or writes that did, perhaps told by another error. */
function isDiskError(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (systemErrorCode(at) === 'EIO') return true;
    if (at instanceof StorageError && at.code === 'storageFailed') return true;
  }
  return false;
}
