import type { Log } from '../base/log.js';
import type { DatabaseManager } from '../database/index.js';
import { EXIT_STORAGE } from './exit-codes.js';

/**
 * Ends the process after a storage failure: what is on disk is not known then, and only the verification
 * at the next start finds out.
 */
export class StorageWatch {
  readonly #log: Log;
  readonly #failure = new AbortController();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Aborted by the first failure. */
  get signal(): AbortSignal {
    return this.#failure.signal;
  }

  failed(database: string, error: Error): void {
    this.#log.error('no more writes: the process ends', { database, reason: error.message });
    this.#failure.abort(error);
  }

  /**
   * A commit that hangs in its thread keeps `process.exit` from leaving, so that process is killed;
   * otherwise it exits with 74.
   */
  endProcess(databases: DatabaseManager): void {
    const hangs = databases.opened().some(({ store }) => store.environment.hasUnfinishedCommit);
    if (hangs) {
      this.#log.error('a commit hangs: the process kills itself');
      process.kill(process.pid, 'SIGKILL');
    }
    process.exit(EXIT_STORAGE);
  }
}
