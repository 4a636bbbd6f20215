// For the database layer.
export { StorageError, type StorageErrorCode, StorageHangs } from './errors.js';
export {
  type IndexEntry,
  indexKeyOf,
  type Location,
  rawKeyOfIndexKey,
  sortableScore,
} from './index-record.js';
export type { IndexChanges } from './index-store.js';
export { BLOB_PIECE_BYTES, INDEX_KEY_BYTES_MAX, TX_ENTRIES_MAX } from './layout.js';
export { rebuildIndex, verifyTxDigests, verifyTxLinks } from './recovery.js';
export { Store, StoreBatch, type StoreOptions } from './store.js';
export type { BuiltTx, DraftEntry, StagedRawValue, TxDraft } from './tx-builder.js';
export type { LogEntry, LogHead } from './tx-record.js';
