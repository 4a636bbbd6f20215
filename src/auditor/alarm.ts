import { CallError, ClientError, VerificationError } from '../client/index.js';
import { AuditorError } from './errors.js';

/** What each alarm says of a server; also the label of the metrics and a field of notifications. */
export const ALARM_KINDS = {
  rolledBack: 'the history of the server ends before the state that was verified',
  emptied: 'a database that had transactions is empty, or not there any more',
  tampered: 'the history is another one, or a proof does not hold',
  otherServer: 'another server answers at the address',
  signature: 'a state is not signed with the key of before, or with the configured one',
  value: 'a value, or the history of its key, is not what was written',
  damaged: 'the server itself finds its data damaged',
  stateUnusable: 'what the auditor keeps was changed, removed or cannot be read or written',
  outage: 'nothing could be audited for several cycles',
} as const;

export type AlarmKind = keyof typeof ALARM_KINDS;

export interface Alarm {
  readonly kind: AlarmKind;
  /** For people: what does not hold. */
  readonly reason: string;
  readonly expected: string;
  readonly found: string;
}

/** What an error says of the server; undefined for one that says nothing, such as a broken connection. */
export function alarmOf(error: unknown): Alarm | undefined {
  if (error instanceof AuditorError || isUnusable(error)) {
    const expected = 'the states that were kept';
    return { kind: 'stateUnusable', reason: error.message, expected, found: 'others or none' };
  }
  if (error instanceof VerificationError) {
    const { reason, expected, found } = error;
    return { kind: kindOf(error), reason, expected, found };
  }
  if (error instanceof CallError && reportsDamage(error)) {
    const reason = 'the server cannot give what was verified before';
    return { kind: 'damaged', reason, expected: 'sound data', found: error.details };
  }
  return undefined;
}

function isUnusable(error: unknown): error is ClientError {
  return error instanceof ClientError && error.code === 'trustUnusable';
}

/** Or trips over them. */
function reportsDamage({ details }: CallError): boolean {
  return /corrupt|damaged|can ?not be opened|does not match|^internal error$/i.test(details);
}

function kindOf({ check, found }: VerificationError): AlarmKind {
  switch (check) {
    case 'identity':
      return 'otherServer';
    case 'rollback':
      return /^transaction 0 /.test(found) ? 'emptied' : 'rolledBack';
    case 'signature':
    case 'value':
      return check;
    case 'serverReport':
      return 'damaged';
    default:
      return 'tampered';
  }
}
