// The hash formulas as a client needs them, written for themselves and not taken from the server:
// a second opinion on what it computes.

import { createHash } from 'node:crypto';
import type { pb } from '../../../src/wire/index.js';

export const EMPTY_HASH = hash();
const ZERO_HASH = Buffer.alloc(32);

export function hash(...parts: readonly Uint8Array[]): Buffer {
  const sha = createHash('sha256');
  for (const part of parts) sha.update(part);
  return sha.digest();
}

export function uint(value: number, bytes: 2 | 4 | 8): Buffer {
  const all = Buffer.alloc(8);
  all.writeBigUInt64BE(BigInt(value));
  return all.subarray(8 - bytes);
}

const leaf = (payload: Uint8Array): Buffer => hash(Buffer.of(0), payload);
const node = (left: Uint8Array, right: Uint8Array): Buffer => hash(Buffer.of(1), left, right);
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Every hash on the wire has 32 bytes, also one that is zero. */
export function digest(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length !== 32) throw new Error(`${name} has ${bytes.length} bytes`);
  return bytes;
}

export function kvMetadata(md: pb.KVMetadata | undefined): Buffer {
  const parts: Buffer[] = [];
  if (md?.deleted) parts.push(Buffer.of(0));
  if (md?.expiration) parts.push(Buffer.of(1), uint(md.expiration.expiresAt, 8));
  if (md?.nonIndexable) parts.push(Buffer.of(2));
  return Buffer.concat(parts);
}

export function entryDigest(
  version: number,
  rawKey: Uint8Array,
  hValue: Uint8Array,
  metadata: Buffer = Buffer.alloc(0),
): Buffer {
  if (version === 0) return hash(rawKey, hValue);
  return hash(uint(metadata.length, 2), metadata, uint(rawKey.length, 2), rawKey, hValue);
}

/** Root over payloads: RFC 6962, which both trees follow. */
export function rootOf(payloads: readonly Uint8Array[]): Buffer {
  const [only] = payloads;
  if (only === undefined) return EMPTY_HASH;
  if (payloads.length === 1) return leaf(only);
  const split = 2 ** Math.floor(Math.log2(payloads.length - 1));
  return node(rootOf(payloads.slice(0, split)), rootOf(payloads.slice(split)));
}

/** Leaf `index` (from 0) of a tree with `width` leaves. */
export function verifyInclusion(
  terms: readonly Uint8Array[],
  index: number,
  width: number,
  payload: Uint8Array,
  root: Uint8Array,
): boolean {
  if (index >= width || (index < width - 1 && terms.length === 0)) return false;
  let [i, last] = [index, width - 1];
  let r: Uint8Array = leaf(payload);
  for (const term of terms) {
    r = i % 2 === 0 && i !== last ? node(r, term) : node(term, r);
    i = Math.floor(i / 2);
    last = Math.floor(last / 2);
  }
  return i === last && same(r, root);
}

/** The tree of `i` leaves is the beginning of the tree of `j`. */
export function verifyConsistency(
  terms: readonly Uint8Array[],
  i: number,
  j: number,
  rootI: Uint8Array,
  rootJ: Uint8Array,
): boolean {
  const [first, ...rest] = terms;
  if (i > j || i === 0 || (i < j && first === undefined)) return false;
  if (first === undefined) return same(rootI, rootJ);
  let [f, s] = [i - 1, j - 1];
  const halve = (): void => {
    f = Math.floor(f / 2);
    s = Math.floor(s / 2);
  };
  while (f % 2 === 1) halve();
  let [ri, rj] = [first, first];
  for (const term of rest) {
    if (f % 2 === 1 || f === s) {
      ri = node(term, ri);
      rj = node(term, rj);
      while (f % 2 === 0 && f !== 0) halve();
    } else {
      rj = node(rj, term);
    }
    halve();
  }
  return same(ri, rootI) && same(rj, rootJ);
}

export function verifyLastInclusion(
  terms: readonly Uint8Array[],
  payload: Uint8Array,
  root: Uint8Array,
): boolean {
  return same(
    terms.reduce((r, term) => node(term, r), leaf(payload)),
    root,
  );
}

export function innerHash(h: pb.TxHeader, version: number): Buffer {
  const tail = [digest(h.eH, 'eH'), uint(h.blTxId, 8), digest(h.blRoot, 'blRoot')];
  if (version === 0) return hash(uint(h.ts, 8), uint(h.nentries, 4), ...tail);
  return hash(uint(h.ts, 8), uint(1, 2), uint(0, 2), uint(h.nentries, 4), ...tail);
}

/** With no metadata of the transaction: no SDK acted out here hashes any. */
export function alh(h: pb.TxHeader, version: number): Buffer {
  return hash(uint(h.id, 8), digest(h.prevAlh, 'prevAlh'), innerHash(h, version));
}

function verifyLinear(
  proof: pb.LinearProof | undefined,
  from: number,
  to: number,
  fromAlh: Uint8Array,
  toAlh: Uint8Array,
): boolean {
  const [first, ...rest] = proof?.terms ?? [];
  if (!proof || proof.sourceTxId !== from || proof.TargetTxId !== to) return false;
  if (first === undefined || !same(first, fromAlh) || rest.length !== to - from) return false;
  const end = rest.reduce((r, term, k) => hash(uint(from + k + 1, 8), r, term), first);
  return same(end, toAlh);
}

export interface TxState {
  readonly id: number;
  readonly alh: Uint8Array;
}

/** Why the proof does not show that the chain of `target` goes on from `source`; undefined if it does. */
export function faultOfDualProof(
  proof: pb.DualProof | undefined,
  source: TxState,
  target: TxState,
  version: number,
): string | undefined {
  const { sourceTxHeader: s, targetTxHeader: t } = proof ?? {};
  if (!proof || !s || !t) return 'a header is missing';
  if (s.id !== source.id || t.id !== target.id) return 'ids of the headers';
  if (source.id === 0 || source.id > target.id) return 'order of the headers';
  if (!same(alh(s, version), source.alh)) return 'hash of the source';
  if (!same(alh(t, version), target.alh)) return 'hash of the target';
  const inTree = s.id < t.blTxId;
  if (inTree && !verifyInclusion(proof.inclusionProof, s.id - 1, t.blTxId, source.alh, t.blRoot)) {
    return 'inclusion proof';
  }
  if (
    s.blTxId > 0 &&
    !verifyConsistency(proof.consistencyProof, s.blTxId, t.blTxId, s.blRoot, t.blRoot)
  ) {
    return 'consistency proof';
  }
  digest(proof.targetBlTxAlh, 'targetBlTxAlh');
  if (
    t.blTxId > 0 &&
    !verifyLastInclusion(proof.lastInclusionProof, proof.targetBlTxAlh, t.blRoot)
  ) {
    return 'last inclusion proof';
  }
  const [from, fromAlh] = inTree ? [t.blTxId, proof.targetBlTxAlh] : [s.id, source.alh];
  if (!verifyLinear(proof.linearProof, from, t.id, fromAlh, target.alh)) return 'linear proof';
  if (t.id > 0 && t.blTxId !== t.id - 1) return 'blTxId is not id - 1';
  return same(t.blRoot, ZERO_HASH) === (t.blTxId === 0) ? undefined : 'blRoot';
}
