// The stream.
export { auditKeyFile } from './audit-key.js';
export { AuditLog } from './audit-log.js';
export {
  type AuditClass,
  isAlwaysWritten,
  isPreset,
  PRESETS,
  type Preset,
  SERVER_EVENTS,
} from './catalogue.js';
export { AUDIT_ERROR_CODES, AuditError, type AuditErrorCode } from './errors.js';
export {
  type AuditEvent,
  type EventData,
  type JsonValue,
  NONE,
  type SealedEvent,
} from './event.js';
export type { EventFilter, FilterCompiler, Selection } from './event-filter.js';
// Filters and formats.
export { compileFilter } from './filter/compile.js';
export { FilterError, type FilterErrorCode } from './filter/errors.js';
export {
  AUDIT_FORMATS,
  type AuditFormat,
  EXPORT_FORMATS,
  type ExportFormat,
  formatEvent,
  lineFormat,
  parseNativeEvent,
} from './formats/convert.js';
export type { FormatOptions } from './formats/ocsf.js';
export { jsonNumber, type LineFormat, nativeFormat } from './line.js';
export {
  type AuditLogOptions,
  type AuditSettings,
  type AuditStats,
  FAILURE_POLICIES,
  type FailurePolicy,
} from './options.js';
export type { AuditQuery, AuditReader } from './reader.js';
// For those who read the files of a stream.
export {
  CHECKPOINT_PREFIX,
  checkpointKey,
  parseCheckpoint,
  SEAL_PREFIX,
  sealKey,
} from './records.js';
export { selectionRules } from './rules.js';
export type { EventKind, SelectionRules } from './selection.js';
// Second places for the lines of the stream.
export { makeSink } from './sinks/make.js';
export type { Sink, SinkLine } from './sinks/sink.js';
export type { NamedSink } from './sinks/sinks.js';
export type { RotationReason } from './stream-files.js';
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
export type { AuditedTx } from './writer.js';
