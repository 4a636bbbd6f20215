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

export function corrupted(what: string): StorageError {
  return new StorageError('corrupted', `stored data is damaged: ${what}`);
}
