import { SteleError } from '../../base/errors.js';

export type AuditFileErrorCode =
  | 'lineUnreadable'
  /** There is no such event, or it has no proof yet. */
  | 'notProvable'
  /** Seals that cannot be read, or whose proofs do not hold. */
  | 'sealsNotVerified'
  | 'proofMalformed';

/** What reading the files of a stream can come to. */
export class AuditFileError extends SteleError<AuditFileErrorCode> {}
