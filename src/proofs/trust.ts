import { equalBytes } from '../base/bytes.js';
import { isDigest, isIntegerFrom, isObject } from './checks.js';
import { verifyDualProof } from './dual.js';
import { alhOf, isHeader } from './header.js';
import type { DualProof, State, TxHeader } from './types.js';
import { invalid, type StateVerdict } from './verdict.js';

export interface Trust {
  /** The newest verified state of the database; with txId 0 the first answer is trusted. */
  readonly state: State;
  /** Present when a public key is configured: every answer must then be signed. */
  readonly signing?: {
    /** The database as the server signs it. */
    readonly db: string;
    readonly verifier: { verify(db: string, state: State, signature: Uint8Array): boolean };
  };
}

/** A transaction with its link to the trusted state that the request named. */
export interface ProvedTx {
  readonly header: TxHeader;
  /** Between this transaction and the trusted state, the older one as the source. */
  readonly dualProof: DualProof;
  /** DER, over the state of the target. */
  readonly signature?: Uint8Array | undefined;
}

function isTrust(trust: Trust): boolean {
  if (!isObject(trust) || !isObject(trust.state)) return false;
  const { state, signing } = trust;
  if (signing !== undefined && !(isObject(signing) && isObject(signing.verifier))) return false;
  return isIntegerFrom(0, state.txId) && isDigest(state.txHash);
}

/** Links a transaction, of which nothing but its header is known to be right, to the trusted state. */
export function linkToTrust(answer: ProvedTx, trust: Trust): StateVerdict {
  const { header, dualProof, signature } = answer;
  const { state: trusted, signing } = trust;
  const proved: State = { txId: header.id, txHash: alhOf(header) };
  const [source, target] = proved.txId < trusted.txId ? [proved, trusted] : [trusted, proved];
  if (trusted.txId > 0) {
    const verdict = verifyDualProof(
      dualProof,
      source.txId,
      target.txId,
      source.txHash,
      target.txHash,
    );
    if (!verdict.ok) return verdict;
  } else {
    const shown = isObject(dualProof) ? dualProof.targetTxHeader : undefined;
    if (!isHeader(shown) || !equalBytes(alhOf(shown), proved.txHash)) {
      return invalid('the dual proof is about another transaction');
    }
  }
  if (signing !== undefined) {
    if (!(signature instanceof Uint8Array)) return invalid('the state is not signed');
    if (!signing.verifier.verify(signing.db, target, signature)) {
      return invalid('the signature of the state does not hold');
    }
  }
  return { ok: true, state: target };
}

/** Why an answer cannot be looked at, if so. */
export function checkAnswer(answer: ProvedTx, trust: Trust): string | undefined {
  if (!isTrust(trust)) return 'the trusted state is malformed';
  if (!isObject(answer) || !isHeader(answer.header)) return 'the header is malformed';
  return undefined;
}
