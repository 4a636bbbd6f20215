import { equalBytes } from '../base/bytes.js';
import {
  consistencyTerms,
  inclusionTerms,
  lastInclusionTerms,
  verifyConsistency,
  verifyInclusion,
  verifyLastInclusion,
} from './accumulative-tree.js';
import { isDigest, isIntegerFrom, isObject } from './checks.js';
import { ZERO_HASH } from './hashes.js';
import { alhOf, isHeader } from './header.js';
import {
  type History,
  makeLinearAdvanceProof,
  makeLinearProof,
  verifyLinearAdvanceProof,
  verifyLinearProof,
} from './linear.js';
import type { DualProof, TxHeader } from './types.js';
import { invalid, VALID, type Verdict } from './verdict.js';

/**
 * Proof that the history up to `target` continues the one up to `source`.
 * @throws RangeError for headers that cannot be of one history
 */
export function makeDualProof(source: TxHeader, target: TxHeader, history: History): DualProof {
  if (source.id > target.id) {
    throw new RangeError(`source must not be newer than target, got ${source.id} > ${target.id}`);
  }
  const size = target.blTxId;
  const advance = makeLinearAdvanceProof(history, source, target);
  return {
    sourceTxHeader: source,
    targetTxHeader: target,
    inclusionProof: source.id < size ? inclusionTerms(history.nodes, source.id, size) : [],
    consistencyProof: source.blTxId > 0 ? consistencyTerms(history.nodes, source.blTxId, size) : [],
    targetBlTxAlh: size > 0 ? history.alh(size) : ZERO_HASH,
    lastInclusionProof: size > 0 ? lastInclusionTerms(history.nodes, size) : [],
    linearProof: makeLinearProof(history, Math.max(source.id, size), target.id),
    ...(advance === undefined ? {} : { linearAdvanceProof: advance }),
  };
}

/**
 * Checks a dual proof against the states that a client knows. Takes hostile input and never throws.
 * Parts that the two transactions do not need are not looked at.
 */
export function verifyDualProof(
  proof: DualProof,
  sourceTxId: number,
  targetTxId: number,
  sourceAlh: Uint8Array,
  targetAlh: Uint8Array,
): Verdict {
  if (!isObject(proof)) return invalid('there is no dual proof');
  const { sourceTxHeader: source, targetTxHeader: target } = proof;
  if (!isHeader(source) || !isHeader(target)) return invalid('a header is malformed');
  if (!isIntegerFrom(1, sourceTxId) || !isIntegerFrom(sourceTxId, targetTxId)) {
    return invalid('the expected ids are not in order');
  }
  if (!isDigest(sourceAlh) || !isDigest(targetAlh)) return invalid('an expected Alh is malformed');
  if (source.id !== sourceTxId) return invalid(`source is ${source.id}, not ${sourceTxId}`);
  if (target.id !== targetTxId) return invalid(`target is ${target.id}, not ${targetTxId}`);
  if (!equalBytes(alhOf(source), sourceAlh)) return invalid('source header does not give its Alh');
  if (!equalBytes(alhOf(target), targetAlh)) return invalid('target header does not give its Alh');
  return verifyTreeParts(proof, sourceAlh, targetAlh);
}

function verifyTreeParts(proof: DualProof, sourceAlh: Uint8Array, targetAlh: Uint8Array): Verdict {
  const { sourceTxHeader: source, targetTxHeader: target, targetBlTxAlh } = proof;
  const size = target.blTxId;
  const inTree = source.id < size;
  if (inTree && !verifyInclusion(proof.inclusionProof, source.id, size, sourceAlh, target.blRoot)) {
    return invalid('inclusion proof does not hold');
  }
  if (
    source.blTxId > 0 &&
    !verifyConsistency(proof.consistencyProof, source.blTxId, size, source.blRoot, target.blRoot)
  ) {
    return invalid('consistency proof does not hold');
  }
  if (
    size > 0 &&
    !verifyLastInclusion(proof.lastInclusionProof, size, targetBlTxAlh, target.blRoot)
  ) {
    return invalid('last-inclusion proof does not hold');
  }
  const [from, fromAlh] = inTree ? [size, targetBlTxAlh] : [source.id, sourceAlh];
  if (!verifyLinearProof(proof.linearProof, from, target.id, fromAlh, targetAlh)) {
    return invalid('linear proof does not hold');
  }
  const endAlh = inTree ? sourceAlh : targetBlTxAlh;
  if (!verifyLinearAdvanceProof(proof.linearAdvanceProof, source, target, endAlh)) {
    return invalid('linear advance proof does not hold');
  }
  return VALID;
}
