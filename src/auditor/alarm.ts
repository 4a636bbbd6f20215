import { VerificationError } from '../client/index.js';
import { AuditorError } from './errors.js';

export const ALARM_KINDS = [
  // the history of the server ends before the state that was verified
  'rolledBack',
  // the database is empty, or not there any more
  'emptied',
  // another history, or a proof that does not hold
  'tampered',
  // another server answers at the address
  'otherServer',
  // a state is not signed with the key
  'signature',
  // a value or its history does not fit what was proved
  'value',
  // what the auditor kept was changed
  'stateUnusable',
  // nobody answered for too long
  'outage',
] as const;

export type AlarmKind = (typeof ALARM_KINDS)[number];

export interface Alarm {
  readonly kind: AlarmKind;
  /** For people: what does not hold. */
  readonly reason: string;
  readonly expected: string;
  readonly found: string;
}

/** What an error says of the server; undefined for one that says nothing, such as a broken connection. */
export function alarmOf(error: unknown): Alarm | undefined {
  if (isUnusable(error)) {
    const expected = 'the states that were kept';
    return { kind: 'stateUnusable', reason: error.message, expected, found: 'others' };
  }
  if (!(error instanceof VerificationError)) return undefined;
  const { reason, expected, found } = error;
  return { kind: kindOf(error), reason, expected, found };
}

function isUnusable(error: unknown): error is AuditorError {
  return error instanceof AuditorError && error.code === 'stateUnusable';
}

function kindOf({ check, reason, found }: VerificationError): AlarmKind {
  switch (check) {
    case 'identity':
      return 'otherServer';
    case 'signature':
      return 'signature';
    case 'value':
    case 'serverReport':
      return 'value';
    default:
      if (/^transaction 0 /.test(found)) return 'emptied';
      return /rolled back|does not know/.test(reason) ? 'rolledBack' : 'tampered';
  }
}
