import { SteleError } from '../base/errors.js';

/**
 * Every way in which a database operation is refused or fails. The text of an error is what a person
 * reads; `rpc/errors.ts` maps each code to the status and wording that SDKs compare.
 */
export const DATABASE_ERROR_CODES = [
  // arguments
  'illegalArguments',
  'illegalArgumentsExplained',
  'emptyKey',
  'emptyRequest',
  'noEntries',
  'emptySet',
  'operationNotSet',
  'duplicateKey',
  'duplicateZAdd',
  'duplicateReference',
  'keyTooLong',
  'seekKeyTooLong',
  'valueTooLong',
  'tooManyEntries',
  'resultLimitExceeded',
  'invalidPrecondition',
  'invalidScore',
  'notSelfContained',
  'metadataUnsupported',
  'sinceTxInFuture',
  // what is not there, or not so
  'keyNotFound',
  'keyExpired',
  'txNotFound',
  'noMoreEntries',
  'invalidRevision',
  'illegalState',
  'illegalStateExplained',
  'preconditionFailed',
  'keyIsNotReference',
  'referencedKeyIsReference',
  'resolutionLimit',
  'readConflict',
  'noNewTransactions',
  'txAlreadyCommitted',
  // state of the database
  'databaseClosed',
  'databaseReadOnly',
  'databaseFailed',
  'diskFull',
  'tooManyWaiters',
  'corrupted',
  // databases
  'databaseNotFound',
  'databaseExists',
  'databaseReserved',
  'databaseNameLength',
  'databaseNameCharacter',
  'databaseNamePunctuation',
  'databaseAlreadyLoaded',
  'databaseStillLoaded',
  'databaseDamaged',
  'invalidSettings',
  'retentionPeriodTooShort',
  'retentionPeriodNotReached',
  'notAReplica',
] as const;

export type DatabaseErrorCode = (typeof DATABASE_ERROR_CODES)[number];

export class DatabaseError extends SteleError<DatabaseErrorCode> {}
