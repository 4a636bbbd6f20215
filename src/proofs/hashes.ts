import { sha256, sha256Into } from '../base/sha256.js';

export const DIGEST_BYTES = 32;
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
  const out = Buffer.allocUnsafe(DIGEST_BYTES);
  leafHashInto(out, 0, digest, 0);
  return out;
}

export function leafHashInto(out: Buffer, offset: number, from: Uint8Array, at: number): void {
  for (let i = 0; i < DIGEST_BYTES; i++) leafInput[1 + i] = from[at + i] as number;
  sha256Into(out, offset, leafInput);
}

/** `H(01 || left || right)` */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + DIGEST_BYTES);
  return sha256(nodeInput);
}

/** Joins two neighbours that stand at `at` in `from`. */
export function nodeHashInto(out: Buffer, offset: number, from: Buffer, at: number): void {
  from.copy(nodeInput, 1, at, at + 2 * DIGEST_BYTES);
  sha256Into(out, offset, nodeInput);
}

/** The largest power of two below n, for n >= 2. */
export function splitPoint(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** Whether hostile input is a digest at all. */
export function isDigest(value: Uint8Array): boolean {
  return value.length === DIGEST_BYTES;
}
