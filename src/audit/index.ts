// The stream.
export { AuditLog } from './audit-log.js';
export {
  type AuditClass,
  isAlwaysWritten,
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
export { jsonNumber, type LineFormat, nativeFormat } from './line.js';
export {
  type AuditLogOptions,
  type AuditStats,
  FAILURE_POLICIES,
  type FailurePolicy,
} from './options.js';
export type { EventKind, SelectionRules } from './selection.js';
export type { RotationReason } from './stream-files.js';
export type { AuditedTx } from './writer.js';
