import { SteleError } from '../../base/errors.js';

export type AdminErrorCode =
  | 'notLoggedIn'
  | 'notFound'
  | 'exists'
  | 'passwordMissing'
  | 'passwordWeak'
  | 'passwordsDiffer'
  | 'notConfirmed'
  | 'notSupported'
  | 'notYet'
  | 'noMetrics'
  // exits with 3
  | 'notVerified';

/** Something that the program itself found, before or after it asked the server. */
export class AdminError extends SteleError<AdminErrorCode> {}
