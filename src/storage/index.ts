// For the database layer.
export { PIECE_CHECK_BYTES } from './blob-store.js';
export { type CheckOptions, type CheckReport, checkStore, describeProblem } from './check.js';
export type { CheckedCounts, Problem } from './check-steps.js';
export { type Disk, realDisk, type Space } from './disk.js';
export { EntryCache } from './entry-cache.js';
export { fileSize } from './environment.js';
export { StorageError, type StorageErrorCode, StorageHangs } from './errors.js';
export { indexKeyOf, rawKeyOfIndexKey, sortableScore } from './index-key.js';
export type { IndexEntry, Location } from './index-record.js';
export type { IndexLimits, IndexRow } from './index-store.js';
export { BLOB_PIECE_BYTES, INDEX_KEY_BYTES_MAX, TX_ENTRIES_MAX } from './layout.js';
export type { PaceTimer } from './pace.js';
export { type Progress, rebuildIndex } from './recovery.js';
export { readStateFile } from './state-file.js';
export { Store, StoreBatch, type StoreOptions } from './store.js';
export {
  firstNotBefore,
  type Truncation,
  type TruncationReport,
  truncateValues,
  truncationOf,
} from './truncation.js';
export type { BuiltTx, DraftEntry, StagedRawValue, TxDraft } from './tx-builder.js';
export type { LogEntry, LogHead, StoredLogEntry } from './tx-record.js';
