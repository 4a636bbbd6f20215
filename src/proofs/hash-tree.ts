import { verifyInclusion } from './accumulative-tree.js';
import { checkBytes, checkInteger, DIGEST_BYTES, isIntegerFrom, isObject } from './checks.js';
import { EMPTY_HASH, leafHashInto, nodeHashInto } from './hashes.js';
import type { InclusionProof } from './types.js';

/**
 * The tree over the entry digests of one transaction (proofs reference, section 4). Its root and paths are
 * those of RFC 6962, as are those of the accumulative tree; it is built in one piece.
 */

/** @throws TypeError, RangeError */
function widthOf(digests: Buffer): number {
  checkBytes('digests', digests);
  if (digests.length % DIGEST_BYTES !== 0) {
    throw new RangeError(`digests must be whole digests, got ${digests.length} bytes`);
  }
  return digests.length / DIGEST_BYTES;
}

function leavesOf(digests: Buffer): Buffer {
  const nodes = Buffer.allocUnsafe(digests.length);
  for (let at = 0; at < digests.length; at += DIGEST_BYTES) leafHashInto(nodes, at, digests, at);
  return nodes;
}

/**
 * Joins neighbours in place: a parent lands on nodes that were read before.
 * @returns the number of nodes of the next level; an odd last node has moved up unchanged
 */
function joinLevel(nodes: Buffer, count: number): number {
  const pairs = count >>> 1;
  for (let i = 0; i < pairs; i++) {
    nodeHashInto(nodes, i * DIGEST_BYTES, nodes, i * 2 * DIGEST_BYTES);
  }
  if (count % 2 === 0) return pairs;
  nodes.copyWithin(pairs * DIGEST_BYTES, (count - 1) * DIGEST_BYTES, count * DIGEST_BYTES);
  return pairs + 1;
}

function digestAt(nodes: Buffer, index: number): Buffer {
  return Buffer.from(nodes.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES));
}

/**
 * eH: the root of the tree over the entry digests of a transaction.
 * @param digests 32 bytes for each entry, in commit order; none gives the hash of nothing
 */
export function hashTreeRoot(digests: Buffer): Buffer {
  let count = widthOf(digests);
  if (count === 0) return EMPTY_HASH;
  const nodes = leavesOf(digests);
  while (count > 1) count = joinLevel(nodes, count);
  return digestAt(nodes, 0);
}

/** Proof for leaf `index`, from 0. */
export function hashTreeProof(digests: Buffer, index: number): InclusionProof {
  const width = widthOf(digests);
  checkInteger('index', index, 0, width - 1);
  const nodes = leavesOf(digests);
  const terms: Buffer[] = [];
  let at = index;
  for (let count = width; count > 1; count = joinLevel(nodes, count)) {
    const sibling = at ^ 1;
    if (sibling < count) terms.push(digestAt(nodes, sibling));
    at >>>= 1;
  }
  return { leaf: index, width, terms };
}

/**
 * Whether a digest stands at `proof.leaf` in the tree with this root. Takes hostile input.
 * That `proof.width` is the number of entries is for the caller to compare with the header.
 */
export function verifyHashTreeProof(
  proof: InclusionProof,
  digest: Uint8Array,
  root: Uint8Array,
): boolean {
  if (!isObject(proof) || !isIntegerFrom(0, proof.leaf)) return false;
  return verifyInclusion(proof.terms, proof.leaf + 1, proof.width, digest, root);
}
