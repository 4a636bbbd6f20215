import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  EMPTY_HASH,
  hashTreeProof,
  hashTreeRoot,
  verifyHashTreeProof,
} from '../../src/proofs/index.js';
import { readVector } from '../support/project.js';
import { NaiveTree, payloads, sha } from './naive.js';
import { hex, hexes, type VectorInclusionProof } from './vectors.js';

interface HashTreeVector {
  readonly digests: readonly string[];
  readonly trees: readonly {
    width: number;
    root: string;
    proofs: readonly VectorInclusionProof[];
  }[];
}

const vector = readVector('htree.json') as HashTreeVector;
const digests = payloads(300);

describe('recorded trees of one transaction', () => {
  const recorded = hexes(vector.digests);

  test('have the roots and proofs that are made here, and these verify', () => {
    assert.equal(vector.trees.length, 33);
    for (const { width, root, proofs } of vector.trees) {
      const leaves = Buffer.concat(recorded.slice(0, width));
      assert.equal(hashTreeRoot(leaves).toString('hex'), root);
      assert.equal(proofs.length, width);
      for (const [index, proof] of proofs.entries()) {
        const expected = { leaf: proof.leaf, width, terms: hexes(proof.terms) };
        assert.deepEqual(hashTreeProof(leaves, index), expected);
        assert.ok(verifyHashTreeProof(expected, recorded[index] as Buffer, hex(root)));
      }
    }
  });

  test('refuse another digest, another place, another root and fewer or more terms', () => {
    for (const { width, root, proofs } of vector.trees) {
      for (const proof of proofs) {
        const terms = hexes(proof.terms);
        const good = { leaf: proof.leaf, width, terms };
        const digest = recorded[proof.leaf] as Buffer;
        assert.ok(!verifyHashTreeProof(good, sha(digest), hex(root)));
        assert.ok(!verifyHashTreeProof(good, digest, sha(hex(root))));
        assert.ok(!verifyHashTreeProof({ ...good, leaf: proof.leaf + 1 }, digest, hex(root)));
        assert.ok(!verifyHashTreeProof({ ...good, leaf: width }, digest, hex(root)));
        assert.ok(!verifyHashTreeProof({ ...good, terms: [...terms, digest] }, digest, hex(root)));
        if (terms.length === 0) continue;
        assert.ok(!verifyHashTreeProof({ ...good, terms: terms.slice(1) }, digest, hex(root)));
        assert.ok(!verifyHashTreeProof({ ...good, terms: terms.slice(0, -1) }, digest, hex(root)));
      }
    }
  });
});

test('roots and paths of widths up to 300 are those of RFC 6962, and the paths verify', () => {
  const tree = new NaiveTree(digests);
  for (let width = 1; width <= 300; width++) {
    const leaves = Buffer.concat(digests.slice(0, width));
    const root = hashTreeRoot(leaves);
    assert.deepEqual(root, tree.head(0, width));
    const step = width <= 70 ? 1 : 23;
    for (let index = 0; index < width; index += step) {
      const proof = hashTreeProof(leaves, index);
      assert.deepEqual(proof.terms, tree.path(index, 0, width));
      assert.ok(verifyHashTreeProof(proof, digests[index] as Buffer, root));
    }
  }
});

test('a flipped bit in any term is refused', () => {
  const leaves = Buffer.concat(digests.slice(0, 13));
  const root = hashTreeRoot(leaves);
  for (const index of [0, 7, 12]) {
    const proof = hashTreeProof(leaves, index);
    for (const term of proof.terms) {
      for (let bit = 0; bit < 256; bit++) {
        term[bit >> 3] = (term[bit >> 3] as number) ^ (1 << (bit & 7));
        assert.ok(!verifyHashTreeProof(proof, digests[index] as Buffer, root));
        term[bit >> 3] = (term[bit >> 3] as number) ^ (1 << (bit & 7));
      }
    }
    assert.ok(verifyHashTreeProof(proof, digests[index] as Buffer, root));
  }
});

test('the root over nothing is the hash of nothing', () => {
  assert.deepEqual(hashTreeRoot(Buffer.alloc(0)), EMPTY_HASH);
});

test('the digests that are handed over are left as they are', () => {
  const leaves = Buffer.concat(digests.slice(0, 5));
  const before = Buffer.from(leaves);
  hashTreeRoot(leaves);
  hashTreeProof(leaves, 2);
  assert.deepEqual(leaves, before);
});

test('arguments that make no sense are refused by name', () => {
  const leaves = Buffer.alloc(64);
  assert.throws(() => hashTreeRoot(Buffer.alloc(33)), { name: 'RangeError', message: /digests/ });
  assert.throws(() => hashTreeRoot('' as never), { name: 'TypeError', message: /digests/ });
  for (const index of [-1, 2, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => hashTreeProof(leaves, index), { name: 'RangeError', message: /index/ });
  }
  assert.throws(() => hashTreeProof(leaves, '0' as never), { name: 'TypeError', message: /index/ });
  assert.throws(() => hashTreeProof(Buffer.alloc(0), 0), { name: 'RangeError', message: /index/ });
});
