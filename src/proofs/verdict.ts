import type { State } from './types.js';

export interface Invalid {
  readonly ok: false;
  /** For people: what does not hold. */
  readonly reason: string;
}

export type Verdict = { readonly ok: true } | Invalid;

/** The new state to trust, or why there is none. */
export type StateVerdict = { readonly ok: true; readonly state: State } | Invalid;

export const VALID: Verdict = { ok: true };

export function invalid(reason: string): Invalid {
  return { ok: false, reason };
}
