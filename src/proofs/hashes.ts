import { sha256, sha256Into } from '../base/sha256.js';
import { checkDigest, DIGEST_BYTES } from './checks.js';
import { copyShort } from './hash-input.js';

/** SHA-256 of nothing: prevAlh of the first transaction, and the hash of an empty database. */
export const EMPTY_HASH: Buffer = sha256(new Uint8Array(0));
/** blRoot of the first transaction. */
export const ZERO_HASH: Buffer = Buffer.alloc(DIGEST_BYTES);

const LEAF_PREFIX = 0;
const NODE_PREFIX = 1;

// Filled and hashed in one go, never across a wait.
const leafInput = Buffer.alloc(1 + DIGEST_BYTES, LEAF_PREFIX);
const nodeInput = Buffer.alloc(1 + 2 * DIGEST_BYTES, NODE_PREFIX);

/** `H(00 || x)` of a 32-byte digest. */
export function leafHash(digest: Uint8Array): Buffer {
  checkDigest('digest', digest);
  copyShort(leafInput, 1, digest, 0, DIGEST_BYTES);
  return sha256(leafInput);
}

/** Hashes the digest that stands at `at` in `from`. */
export function leafHashInto(out: Buffer, offset: number, from: Buffer, at: number): void {
  copyShort(leafInput, 1, from, at, at + DIGEST_BYTES);
  sha256Into(out, offset, leafInput);
}

/** `H(01 || left || right)` of two 32-byte digests. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  checkDigest('left', left);
  checkDigest('right', right);
  copyShort(nodeInput, 1, left, 0, DIGEST_BYTES);
  copyShort(nodeInput, 1 + DIGEST_BYTES, right, 0, DIGEST_BYTES);
  return sha256(nodeInput);
}

/** Joins the two neighbours that stand at `at` in `from`. */
export function nodeHashInto(out: Buffer, offset: number, from: Buffer, at: number): void {
  copyShort(nodeInput, 1, from, at, at + 2 * DIGEST_BYTES);
  sha256Into(out, offset, nodeInput);
}

/** The largest power of two below n, for n >= 2. */
export function splitPoint(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}
