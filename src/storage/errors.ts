import { SteleError } from '../base/errors.js';

export type StorageErrorCode =
  /** A commit failed or hung: nothing is written any more until the process is started again. */
  | 'storageFailed'
  /** Free space is below the reserve; comes back by itself. */
  | 'diskFull'
  /** What was read is not what was written. */
  | 'corrupted'
  | 'unknownFormat'
  | 'closed'
  /** The store is older than what was acknowledged: a rolled back or replaced directory. */
  | 'behindAcknowledged'
  | 'notFound';

export class StorageError extends SteleError<StorageErrorCode> {}

/** The cause of a `storageFailed`: a write that does not come back, whose thread is stuck in the system. */
export class StorageHangs extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`${what} did not finish within ${timeoutMs} ms`);
    this.name = new.target.name;
  }
}

/** Rejects when the work takes longer than that. @throws StorageHangs, and what the work throws */
export async function withinTime<T>(what: string, timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StorageHangs(what, timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function corrupted(what: string): StorageError {
  return new StorageError('corrupted', `stored data is damaged: ${what}`);
}
