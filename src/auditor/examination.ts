import type { SignedState, SteleClient, TrustScope } from '../client/index.js';
import { type Alarm, alarmOf } from './alarm.js';
import type { AuditStateStore } from './state-store.js';
import { checkValues, sample } from './values.js';

/** What one look at a database found. */
export type Outcome =
  | { readonly kind: 'first'; readonly current: SignedState }
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'consistent';
      readonly previous: SignedState;
      readonly current: SignedState;
    }
  | {
      readonly kind: 'alarm';
      readonly alarm: Alarm;
      readonly previous: SignedState | undefined;
      /** As far as the server told. */
      readonly current: SignedState | undefined;
    }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface ExaminationOptions {
  readonly client: SteleClient;
  readonly store: AuditStateStore;
  readonly scope: TrustScope;
  /** Transactions of each kind whose values are looked at; 0 for none. */
  readonly sampleSize: number;
  readonly signal: AbortSignal;
}

/** Holds the current state of the selected database against the one that was verified before. */
export async function examine(options: ExaminationOptions): Promise<Outcome> {
  const { client, store, scope, sampleSize, signal } = options;
  let previous: SignedState | undefined;
  let current: SignedState | undefined;
  try {
    previous = await store.kept(scope);
    current = await client.verifiedState({ signal });
    if (current.txId === 0) return { kind: 'empty' };
    if (sampleSize > 0) await checkValues(client, sampled(options, previous, current), signal);
    await store.keep(scope);
  } catch (error) {
    const alarm = alarmOf(error);
    if (alarm === undefined) return { kind: 'failed', error };
    current ??= await told(client, signal);
    return { kind: 'alarm', alarm, previous, current };
  } finally {
    store.drop(scope);
  }
  if (previous === undefined) return { kind: 'first', current };
  return { kind: 'consistent', previous, current };
}

/** Of the transactions since the last time, and of all before. */
function sampled(
  { sampleSize }: ExaminationOptions,
  previous: SignedState | undefined,
  current: SignedState,
): number[] {
  const before = previous?.txId ?? 0;
  return [...sample(1, before, sampleSize), ...sample(before + 1, current.txId, sampleSize)];
}

/** What the server says its state is, believed or not. */
async function told(client: SteleClient, signal: AbortSignal): Promise<SignedState | undefined> {
  try {
    const { txId, txHash, signature } = await client.call('CurrentState', {}, { signal });
    if (signature === undefined || signature.signature.length === 0) return { txId, txHash };
    const { signature: bytes, publicKey } = signature;
    return { txId, txHash, signature: { signature: bytes, publicKey } };
  } catch {
    return undefined;
  }
}
