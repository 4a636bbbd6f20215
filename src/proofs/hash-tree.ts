import { equalBytes } from '../base/bytes.js';
import {
  DIGEST_BYTES,
  EMPTY_HASH,
  isDigest,
  leafHash,
  leafHashInto,
  nodeHash,
  nodeHashInto,
} from './hashes.js';
import type { InclusionProof } from './types.js';

/** All levels of the tree, leaves first; an odd last node moves up unchanged. */
function levelsOf(digests: Buffer): Buffer[] {
  const width = digests.length / DIGEST_BYTES;
  const leaves = Buffer.allocUnsafe(digests.length);
  for (let i = 0; i < width; i++) leafHashInto(leaves, i * DIGEST_BYTES, digests, i * DIGEST_BYTES);
  const levels = [leaves];
  for (let level = leaves; level.length > DIGEST_BYTES; ) {
    const count = level.length / DIGEST_BYTES;
    const next = Buffer.allocUnsafe(Math.ceil(count / 2) * DIGEST_BYTES);
    for (let i = 0; i + 1 < count; i += 2) {
      nodeHashInto(next, (i / 2) * DIGEST_BYTES, level, i * DIGEST_BYTES);
    }
    if (count % 2 === 1) level.copy(next, next.length - DIGEST_BYTES, level.length - DIGEST_BYTES);
    levels.push(next);
    level = next;
  }
  return levels;
}

function checkDigests(digests: Buffer): void {
  if (digests.length % DIGEST_BYTES !== 0) {
    throw new RangeError(`digests must be whole digests, got ${digests.length} bytes`);
  }
}

/**
 * eH: the root of the tree over the entry digests of a transaction.
 * @param digests 32 bytes for each entry, in commit order; none gives the hash of nothing
 */
export function hashTreeRoot(digests: Buffer): Buffer {
  checkDigests(digests);
  if (digests.length === 0) return EMPTY_HASH;
  return levelsOf(digests).at(-1) as Buffer;
}

/** Proof for leaf `index`, from 0. */
export function hashTreeProof(digests: Buffer, index: number): InclusionProof {
  checkDigests(digests);
  const width = digests.length / DIGEST_BYTES;
  if (!Number.isInteger(index) || index < 0 || index >= width) {
    throw new RangeError(`index must be from 0 to ${width - 1}, got ${index}`);
  }
  const terms: Buffer[] = [];
  let at = index;
  for (const level of levelsOf(digests)) {
    const sibling = (at ^ 1) * DIGEST_BYTES;
    if (sibling + DIGEST_BYTES <= level.length && level.length > DIGEST_BYTES) {
      terms.push(Buffer.from(level.subarray(sibling, sibling + DIGEST_BYTES)));
    }
    at >>>= 1;
  }
  return { leaf: index, width, terms };
}

/** Whether a digest stands at `proof.leaf` in the tree with this root. Takes hostile input. */
export function verifyHashTreeProof(
  proof: InclusionProof,
  digest: Uint8Array,
  root: Uint8Array,
): boolean {
  const { leaf, width, terms } = proof;
  if (!Number.isSafeInteger(leaf) || !Number.isSafeInteger(width)) return false;
  if (leaf < 0 || width < 1 || leaf >= width || width > 0x7fff_ffff) return false;
  if (!isDigest(digest) || !terms.every(isDigest)) return false;
  let hash = leafHash(digest);
  let i = leaf;
  let w = width - 1;
  for (const term of terms) {
    hash = i % 2 === 0 && i !== w ? nodeHash(hash, term) : nodeHash(term, hash);
    i >>>= 1;
    w >>>= 1;
  }
  return i === w && equalBytes(hash, root);
}
