// The auditor: holds the states of servers against those of before, and raises the alarm.

export { ALARM_KINDS, type Alarm, type AlarmKind } from './alarm.js';
export { Auditor } from './auditor.js';
export { AUDITOR_ERROR_CODES, AuditorError, type AuditorErrorCode } from './errors.js';
export { forget } from './forget.js';
export { AuditorMonitor } from './monitor.js';
export { signatureOf } from './notifier.js';
export type {
  AuditedServer,
  AuditLevel,
  AuditLog,
  AuditorOptions,
  NotificationOptions,
  SeriesPrefix,
} from './options.js';
export type { CycleResult } from './server-auditor.js';
export { durationText, logLine, parseDuration } from './text.js';
