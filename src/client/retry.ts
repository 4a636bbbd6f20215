import { setTimeout as delay } from 'node:timers/promises';
import type { MethodName } from '../wire/index.js';
import { CallError } from './errors.js';

/** Methods that change nothing, so that asking again after silence is safe. */
const READ_ONLY: ReadonlySet<MethodName> = new Set<MethodName>([
  'Health',
  'ServerInfo',
  'ListUsers',
  'Get',
  'VerifiableGet',
  'GetAll',
  'Scan',
  'ZScan',
  'History',
  'Count',
  'CountAll',
  'TxById',
  'VerifiableTxById',
  'TxScan',
  'CurrentState',
  'DatabaseHealth',
  'DatabaseList',
  'DatabaseListV2',
  'GetDatabaseSettings',
  'GetDatabaseSettingsV2',
  'KeepAlive',
]);

const FIRST_DELAY_MS = 100;

export interface RetryPolicy {
  /** Further tries after the first. */
  readonly retries: number;
  readonly signal?: AbortSignal | undefined;
}

/** Tries a call that changes nothing again when nobody answered; any other is made once. */
export async function withRetries<T>(
  method: MethodName,
  policy: RetryPolicy,
  attempt: () => Promise<T>,
): Promise<T> {
  const { retries, signal } = policy;
  const isAborted = () => signal?.aborted === true;
  for (let failed = 0; ; failed++) {
    try {
      return await attempt();
    } catch (error) {
      const again = READ_ONLY.has(method) && failed < retries && isSilence(error);
      if (!again || isAborted()) throw error;
      const wait = FIRST_DELAY_MS * 2 ** failed * (0.5 + Math.random());
      await delay(wait, undefined, signal === undefined ? {} : { signal }).catch(() => {});
      if (isAborted()) throw error;
    }
  }
}

function isSilence(error: unknown): boolean {
  return error instanceof CallError && error.code === 'unreachable';
}
