/** What every program of Stele exits with. */
export const EXIT_SUCCESS = 0;
/** The operation failed. */
export const EXIT_FAILURE = 1;
/** Wrong arguments or configuration. */
export const EXIT_USAGE = 2;
/** Data or proofs do not verify: tampering. */
export const EXIT_NOT_VERIFIED = 3;
/** Storage or the audit stream failed, so that nothing more can be promised. */
export const EXIT_STORAGE = 74;

export type ExitCode =
  | typeof EXIT_SUCCESS
  | typeof EXIT_FAILURE
  | typeof EXIT_USAGE
  | typeof EXIT_NOT_VERIFIED
  | typeof EXIT_STORAGE;
