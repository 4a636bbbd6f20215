import { equalBytes } from '../base/bytes.js';
import { inclusionTerms, verifyInclusion } from './accumulative-tree.js';
import { areDigests, checkInteger, isDigest, isIntegerFrom, isObject } from './checks.js';
import { alhFrom, innerHash, isHeader } from './header.js';
import type { LinearAdvanceProof, LinearProof, TreeNodes, TxHeader } from './types.js';

/** Where makers of proofs find the history. */
export interface History {
  readonly nodes: TreeNodes;
  header(txId: number): TxHeader;
  alh(txId: number): Uint8Array;
}

/** From transaction a to b: the Alh of a, then the inner hashes of a+1 .. b. */
export function makeLinearProof(history: History, a: number, b: number): LinearProof {
  checkInteger('b', b, 1);
  checkInteger('a', a, 1, b);
  const terms = [history.alh(a)];
  for (let id = a + 1; id <= b; id++) terms.push(innerHash(history.header(id)));
  return { sourceTxId: a, targetTxId: b, terms };
}

/** Takes hostile input. */
export function verifyLinearProof(
  proof: LinearProof,
  sourceTxId: number,
  targetTxId: number,
  sourceAlh: Uint8Array,
  targetAlh: Uint8Array,
): boolean {
  if (!isObject(proof)) return false;
  const { terms } = proof;
  if (proof.sourceTxId !== sourceTxId || proof.targetTxId !== targetTxId) return false;
  if (!isIntegerFrom(1, sourceTxId) || !isIntegerFrom(sourceTxId, targetTxId)) return false;
  if (!isDigest(sourceAlh) || !isDigest(targetAlh) || !areDigests(terms)) return false;
  if (terms.length !== targetTxId - sourceTxId + 1) return false;
  let alh = terms[0] as Uint8Array;
  if (!equalBytes(alh, sourceAlh)) return false;
  for (let k = 1; k < terms.length; k++) {
    alh = alhFrom(sourceTxId + k, alh, terms[k] as Uint8Array);
  }
  return equalBytes(alh, targetAlh);
}

/**
 * The part of the chain that the tree of the target covers and the one of the source does not. A proof is
 * needed when it has two transactions or more, which blTxId = id - 1 never leaves.
 */
function advanceRange(source: TxHeader, target: TxHeader): { start: number; end: number } {
  return { start: source.blTxId, end: Math.min(source.id, target.blTxId) };
}

/** Undefined when no proof is needed. */
export function makeLinearAdvanceProof(
  history: History,
  source: TxHeader,
  target: TxHeader,
): LinearAdvanceProof | undefined {
  const { start, end } = advanceRange(source, target);
  if (end < start) {
    throw new RangeError(`target must have blTxId ${start} or more, got ${target.blTxId}`);
  }
  if (end <= start + 1) return undefined;
  const linearProofTerms = [history.alh(start + 1)];
  const inclusionProofs: Uint8Array[][] = [];
  for (let x = start + 1; x < end; x++) {
    inclusionProofs.push(inclusionTerms(history.nodes, x, target.blTxId));
    linearProofTerms.push(innerHash(history.header(x + 1)));
  }
  return { linearProofTerms, inclusionProofs };
}

/**
 * Takes hostile input. The headers must be those whose Alhs the caller knows.
 * @param endAlh Alh of the last transaction of the range: of the source, or of target.blTxId if lower
 */
export function verifyLinearAdvanceProof(
  proof: LinearAdvanceProof | undefined,
  source: TxHeader,
  target: TxHeader,
  endAlh: Uint8Array,
): boolean {
  if (!isHeader(source) || !isHeader(target)) return false;
  const { start, end } = advanceRange(source, target);
  if (end < start) return false;
  if (end <= start + 1) return true;
  if (!isObject(proof) || !isDigest(endAlh)) return false;
  const { linearProofTerms, inclusionProofs } = proof;
  if (!areDigests(linearProofTerms) || !Array.isArray(inclusionProofs)) return false;
  if (linearProofTerms.length !== end - start || inclusionProofs.length !== end - start - 1) {
    return false;
  }
  let alh = linearProofTerms[0] as Uint8Array;
  for (let x = start + 1; x < end; x++) {
    const terms = inclusionProofs[x - start - 1] as readonly Uint8Array[];
    if (!verifyInclusion(terms, x, target.blTxId, alh, target.blRoot)) return false;
    alh = alhFrom(x + 1, alh, linearProofTerms[x - start] as Uint8Array);
  }
  return equalBytes(alh, endAlh);
}
