import { StorageError } from '../storage/index.js';
import { DatabaseError } from './errors.js';

/** What a storage error means for a caller; anything else passes through. */
export function asDatabaseError(error: unknown): unknown {
  if (!(error instanceof StorageError)) return error;
  switch (error.code) {
    case 'diskFull':
      return new DatabaseError('diskFull', error.message, { cause: error });
    case 'truncated':
      return new DatabaseError('illegalStateExplained', `illegal state: ${error.message}`, {
        cause: error,
      });
    case 'closed':
      return new DatabaseError('databaseClosed', 'already closed', { cause: error });
    case 'storageFailed':
      return new DatabaseError('databaseFailed', error.message, { cause: error });
    case 'corrupted':
    case 'unknownFormat':
    case 'behindAcknowledged':
      return new DatabaseError('corrupted', `data is corrupted: ${error.message}`, {
        cause: error,
      });
  }
}

export const illegalArguments = () => new DatabaseError('illegalArguments', 'illegal arguments');
export const keyNotFound = () => new DatabaseError('keyNotFound', 'key not found');
export const keyExpired = () => new DatabaseError('keyExpired', 'key not found: expired entry');
export const txNotFound = () => new DatabaseError('txNotFound', 'tx not found');
export const illegalState = () => new DatabaseError('illegalState', 'illegal state');
