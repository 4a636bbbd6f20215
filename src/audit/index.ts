// For those who read the files of a stream.

export type { AuditEvent, SealedEvent } from './event.js';
export type { EventFilter } from './event-filter.js';
export { compileFilter } from './filter/compile.js';
export { FilterError, type FilterErrorCode } from './filter/errors.js';
export {
  AUDIT_FORMATS,
  EXPORT_FORMATS,
  type ExportFormat,
  formatEvent,
  parseNativeEvent,
} from './formats/convert.js';
export type { FormatOptions } from './formats/ocsf.js';
export { CHECKPOINT_PREFIX, parseCheckpoint, SEAL_PREFIX } from './records.js';
export { databaseSeals, storedSeal } from './verify/database-seals.js';
export { AuditFileError, type AuditFileErrorCode } from './verify/errors.js';
export { listAuditFiles } from './verify/files.js';
export {
  checkEventProof,
  type EventProof,
  parseProof,
  proveEvent,
  renderProof,
} from './verify/prove.js';
export { followEvents, streamEvents, streamLines } from './verify/read.js';
export { describeProblem, type Problem, type VerifyReport } from './verify/report.js';
export type { SealSource, StoredSeal } from './verify/seal-source.js';
export { verifyAudit } from './verify/verify.js';
