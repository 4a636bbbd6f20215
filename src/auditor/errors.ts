import { SteleError } from '../base/errors.js';

export const AUDITOR_ERROR_CODES = [
  // a file in which the auditor keeps what it saw was changed, cut or removed
  'stateUnusable',
  // a server cannot be reached, or refuses the login, when the auditor starts
  'startFailed',
] as const;

export type AuditorErrorCode = (typeof AUDITOR_ERROR_CODES)[number];

export class AuditorError extends SteleError<AuditorErrorCode> {}
