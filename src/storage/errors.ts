import { messageOf, SteleError } from '../base/errors.js';

export type StorageErrorCode =
  /** A commit failed or hung: nothing is written any more until the process is started again. */
  | 'storageFailed'
  /** Free space is below the reserve; comes back by itself. */
  | 'diskFull'
  /** What was read is not what was written. */
  | 'corrupted'
  /** The value was removed on request; its digest is kept. */
  | 'truncated'
  | 'unknownFormat'
  | 'closed'
  /** The store is older than what was acknowledged: a rolled back or replaced directory. */
  | 'behindAcknowledged';

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

/** For work that can be done later. */
export async function unlessDiskFull(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StorageError && error.code === 'diskFull')) throw error;
  }
}

export function corrupted(what: string): StorageError {
  return new StorageError('corrupted', `stored data is damaged: ${what}`);
}

/** What LMDB says of pages that it cannot make sense of is damage, like any other. */
export function asCorrupted(error: unknown, what: string): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError('corrupted', `stored data is damaged: ${what}: ${messageOf(error)}`, {
    cause: error,
  });
}
