import { SteleError } from '../base/errors.js';

/** Why the stream refuses a call, a setting, or its own start. */
export const AUDIT_ERROR_CODES = [
  /** The stream cannot be written; calls whose events it must hold are refused. */
  'suspended',
  /** Space runs out; writes are refused before the stream has to stop. */
  'spaceLow',
  'closed',
  /** A file or folder of the stream is not fit for use. */
  'unusable',
  /** A setting that cannot be. */
  'invalidSetting',
  'locked',
] as const;

export type AuditErrorCode = (typeof AUDIT_ERROR_CODES)[number];

export class AuditError extends SteleError<AuditErrorCode> {}
