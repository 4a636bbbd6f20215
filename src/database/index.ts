// For users of a database.
export type {
  Database,
  DatabaseHealth,
  DatabaseInfo,
  Databases,
  ValueStager,
} from './api.js';
// For the assembly of a server.
export { type DatabaseLimits, StoredDatabase } from './database.js';
export { DATABASE_ERROR_CODES, DatabaseError, type DatabaseErrorCode } from './errors.js';
export { DatabaseManager } from './manager.js';
export { DEFAULT_DATABASE, SYSTEM_DATABASE } from './names.js';
export { readRecords, type StoredRecord } from './records.js';
export type { ScrubStatus } from './scrub.js';
export type { DatabaseSettings, DatabaseSettingsUpdate } from './settings.js';
export type { DatabasesOptions } from './stored-files.js';
export type * from './types.js';
