import { equalBytes } from '../base/bytes.js';
import {
  type SignedState,
  type SteleClient,
  type TrustScope,
  VerificationError,
} from '../client/index.js';
import { SigningKeyError, StateVerifier } from '../proofs/index.js';
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
  /** Whether the client holds states against a configured key. */
  readonly hasKey: boolean;
  /** Transactions of each kind whose values are looked at; 0 for none. */
  readonly sampleSize: number;
  /** Told how many were looked at. */
  readonly sampled: (transactions: number) => void;
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
    if (!options.hasKey) checkSigner(scope, await store.signer(scope), current);
    if (sampleSize > 0) {
      const chosen = chooseTransactions(sampleSize, previous?.txId ?? 0, current.txId);
      await checkValues(client, chosen, signal);
      options.sampled(chosen.length);
    }
    await store.keep(scope, current);
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

/** Without a configured key the one of the first signature is trusted, and no other. */
function checkSigner(
  { server, database }: TrustScope,
  signer: Uint8Array | undefined,
  state: SignedState,
): void {
  const { signature } = state;
  const fail = (reason: string, expected: string, found: string): never => {
    throw new VerificationError({ check: 'signature', reason, expected, found, server, database });
  };
  if (signature === undefined) {
    if (signer === undefined) return;
    fail('the state is not signed any more', `a signature of ${hexOf(signer)}`, 'none');
    return;
  }
  const found = hexOf(signature.publicKey);
  if (signer !== undefined && !equalBytes(signer, signature.publicKey)) {
    fail('states are signed with another key than before', hexOf(signer), found);
  }
  try {
    const verifier = StateVerifier.fromPoint(signature.publicKey);
    if (verifier.verify(database, state, signature.signature)) return;
  } catch (error) {
    if (!(error instanceof SigningKeyError)) throw error;
  }
  fail('the signature of the state does not hold', 'one of the key beside it', found);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Of the transactions since the last time, and of all before. */
function chooseTransactions(count: number, previous: number, current: number): number[] {
  return [...sample(1, previous, count), ...sample(previous + 1, current, count)];
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
