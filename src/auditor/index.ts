// The auditor: holds the states of servers against those of before, and raises the alarm.

export { ALARM_KINDS, type Alarm, type AlarmKind } from './alarm.js';
export { Auditor } from './auditor.js';
export { AuditorMonitor } from './monitor.js';
export type {
  AuditedServer,
  AuditLevel,
  AuditorOptions,
  NotificationOptions,
} from './options.js';
export { durationText, logLine, parseDuration } from './text.js';
