import { SteleError } from '../base/errors.js';

export const AUDITOR_ERROR_CODES = [
  // a file in which the auditor keeps what it saw was changed, cut or removed
  'stateUnusable',
] as const;

export type AuditorErrorCode = (typeof AUDITOR_ERROR_CODES)[number];

export class AuditorError extends SteleError<AuditorErrorCode> {}
