import { messageOf, SteleError } from '../base/errors.js';

export const AUDITOR_ERROR_CODES = [
  // a file in which the auditor keeps what it saw was changed, cut, removed, or cannot be used
  'stateUnusable',
] as const;

export type AuditorErrorCode = (typeof AUDITOR_ERROR_CODES)[number];

export class AuditorError extends SteleError<AuditorErrorCode> {}

/** Whatever goes wrong with a file of the auditor is an alarm: without it the auditor knows nothing. */
export async function guarded<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AuditorError) throw error;
    throw new AuditorError('stateUnusable', `${file}: ${messageOf(error)}`, { cause: error });
  }
}
