import { equalBytes } from '../base/bytes.js';
import { areDigests, checkInteger, isDigest, isIntegerFrom } from './checks.js';
import { leafHash, nodeHash, splitPoint } from './hashes.js';
import type { TreeNodes } from './types.js';

/**
 * The tree over the Alhs of all transactions (proofs reference, section 6): a Merkle tree as RFC 6962 has
 * it, whose leaf n (from 1) is the leaf hash of the Alh of transaction n. Sizes count leaves. Positions
 * may exceed 32 bits, hence divisions instead of shifts.
 */

/** @throws TypeError, RangeError unless 1 <= i <= j */
function checkPair(i: number, j: number): void {
  checkInteger('j', j, 1);
  checkInteger('i', i, 1, j);
}

/** Level of a complete subtree of `width` leaves. Rounded, since no standard makes log2 exact. */
function levelOf(width: number): number {
  return Math.round(Math.log2(width));
}

/** Root over the leaves with index from..to-1, where `from` is a multiple of the split size. */
function rangeRoot(nodes: TreeNodes, from: number, to: number): Uint8Array {
  const width = to - from;
  if (width === 1) return nodes.node(0, from);
  const k = splitPoint(width);
  if (k * 2 === width) return nodes.node(levelOf(width), from / width);
  return nodeHash(nodes.node(levelOf(k), from / k), rangeRoot(nodes, from + k, to));
}

/** Root of the tree of the first `size` leaves. */
export function treeRoot(nodes: TreeNodes, size: number): Uint8Array {
  checkInteger('size', size, 1);
  return rangeRoot(nodes, 0, size);
}

/** Proof that leaf i stands in the tree of size j, from the leaf upward. */
export function inclusionTerms(nodes: TreeNodes, i: number, j: number): Uint8Array[] {
  checkPair(i, j);
  const terms: Uint8Array[] = [];
  let from = 0;
  let to = j;
  const index = i - 1;
  while (to - from > 1) {
    const k = splitPoint(to - from);
    if (index < from + k) {
      terms.push(rangeRoot(nodes, from + k, to));
      to = from + k;
    } else {
      terms.push(rangeRoot(nodes, from, from + k));
      from += k;
    }
  }
  return terms.reverse();
}

/** Proof that the tree of size j continues the one of size i. */
export function consistencyTerms(nodes: TreeNodes, i: number, j: number): Uint8Array[] {
  checkPair(i, j);
  if (i === j) {
    if (j === 1) return [];
    const k = splitPoint(j);
    return [rangeRoot(nodes, k, j), rangeRoot(nodes, 0, k)];
  }
  const terms: Uint8Array[] = [];
  let from = 0;
  let to = j;
  let m = i;
  while (m !== to - from) {
    const k = splitPoint(to - from);
    if (m <= k) {
      terms.push(rangeRoot(nodes, from + k, to));
      to = from + k;
    } else {
      terms.push(rangeRoot(nodes, from, from + k));
      from += k;
      m -= k;
    }
  }
  terms.push(rangeRoot(nodes, from, to));
  return terms.reverse();
}

/** Proof that leaf n is the last one of the tree of size n. */
export function lastInclusionTerms(nodes: TreeNodes, n: number): Uint8Array[] {
  return inclusionTerms(nodes, n, n);
}

/** Number of terms that an inclusion proof of i in j has. */
function inclusionTermsCount(i: number, j: number): number {
  let count = 0;
  for (let a = i - 1, b = j - 1; b > 0; a = Math.floor(a / 2), b = Math.floor(b / 2)) {
    if (a % 2 === 1 || a !== b) count++;
  }
  return count;
}

/**
 * Takes hostile input. Stricter than section 6.3: the number of terms must be that of the path.
 * @param leaf digest whose leaf hash stands at i
 */
export function verifyInclusion(
  terms: readonly Uint8Array[],
  i: number,
  j: number,
  leaf: Uint8Array,
  root: Uint8Array,
): boolean {
  if (!isIntegerFrom(1, i) || !isIntegerFrom(i, j)) return false;
  if (!isDigest(leaf) || !isDigest(root) || !areDigests(terms)) return false;
  if (terms.length !== inclusionTermsCount(i, j)) return false;
  let a = i - 1;
  let b = j - 1;
  let hash = leafHash(leaf);
  for (const term of terms) {
    // A last node without a sibling has moved up unchanged.
    while (a % 2 === 0 && a === b) [a, b] = [a / 2, b / 2];
    hash = a % 2 === 0 ? nodeHash(hash, term) : nodeHash(term, hash);
    [a, b] = [Math.floor(a / 2), Math.floor(b / 2)];
  }
  return equalBytes(hash, root);
}

/**
 * Takes hostile input. Stricter than section 6.4: the terms must end where the larger tree ends (RFC 9162,
 * section 2.1.4.2), and a proof between equal sizes has two terms or none.
 */
export function verifyConsistency(
  terms: readonly Uint8Array[],
  i: number,
  j: number,
  rootI: Uint8Array,
  rootJ: Uint8Array,
): boolean {
  if (!isIntegerFrom(1, i) || !isIntegerFrom(i, j)) return false;
  if (!isDigest(rootI) || !isDigest(rootJ) || !areDigests(terms)) return false;
  if (i === j) return verifySameSize(terms, rootI, rootJ);
  const first = terms[0];
  if (first === undefined) return false;
  let f = i - 1;
  let s = j - 1;
  while (f % 2 === 1) [f, s] = [Math.floor(f / 2), Math.floor(s / 2)];
  let hashI: Uint8Array = first;
  let hashJ: Uint8Array = first;
  for (const term of terms.slice(1)) {
    if (s === 0) return false;
    if (f % 2 === 1 || f === s) {
      hashI = nodeHash(term, hashI);
      hashJ = nodeHash(term, hashJ);
      while (f % 2 === 0 && f !== 0) [f, s] = [f / 2, Math.floor(s / 2)];
    } else {
      hashJ = nodeHash(hashJ, term);
    }
    [f, s] = [Math.floor(f / 2), Math.floor(s / 2)];
  }
  return s === 0 && equalBytes(hashI, rootI) && equalBytes(hashJ, rootJ);
}

/** The two halves of the tree, right one first, or nothing: then only the roots are compared. */
function verifySameSize(
  terms: readonly Uint8Array[],
  rootI: Uint8Array,
  rootJ: Uint8Array,
): boolean {
  const [right, left, ...more] = terms;
  if (right === undefined) return equalBytes(rootI, rootJ);
  if (left === undefined || more.length > 0) return false;
  const root = nodeHash(left, right);
  return equalBytes(root, rootI) && equalBytes(root, rootJ);
}

/** Takes hostile input. @param leaf digest whose leaf hash is the last one */
export function verifyLastInclusion(
  terms: readonly Uint8Array[],
  n: number,
  leaf: Uint8Array,
  root: Uint8Array,
): boolean {
  return verifyInclusion(terms, n, n, leaf, root);
}
