import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  consistencyTerms,
  inclusionTerms,
  lastInclusionTerms,
  nodeHash,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
  verifyLastInclusion,
} from '../../src/proofs/index.js';
import { readVector } from '../support/project.js';
import { NaiveTree, payloads, sha } from './naive.js';
import { hexes } from './vectors.js';

interface Pair {
  readonly i: number;
  readonly j: number;
  readonly terms: readonly string[];
}

interface AccumulativeTreeVector {
  readonly payloads: readonly string[];
  readonly roots: readonly string[];
  readonly inclusionProofs: readonly Pair[];
  readonly consistencyProofs: readonly Pair[];
  readonly lastInclusionProofs: readonly { n: number; terms: readonly string[] }[];
}

const SIZE_MAX = 300;
const vector = readVector('ahtree.json') as AccumulativeTreeVector;
const leaves = payloads(SIZE_MAX);
const tree = new NaiveTree(leaves);

function leaf(n: number): Buffer {
  return leaves[n - 1] as Buffer;
}

function root(n: number): Buffer {
  return tree.head(0, n);
}

describe('the recorded accumulative tree', () => {
  const recorded = hexes(vector.payloads);
  const nodes = new NaiveTree(recorded);
  const roots = hexes(vector.roots);
  const rootOf = (n: number) => roots[n - 1] as Buffer;
  const leafOf = (n: number) => recorded[n - 1] as Buffer;

  test('has the roots that are made here', () => {
    assert.equal(roots.length, 130);
    for (let n = 1; n <= 130; n++) assert.deepEqual(treeRoot(nodes, n), rootOf(n));
  });

  test('has the inclusion proofs that are made here, and these verify', () => {
    assert.equal(vector.inclusionProofs.length, 368);
    for (const { i, j, terms } of vector.inclusionProofs) {
      assert.deepEqual(inclusionTerms(nodes, i, j), hexes(terms));
      assert.ok(verifyInclusion(hexes(terms), i, j, leafOf(i), rootOf(j)));
      assert.ok(!verifyInclusion(hexes(terms), i, j, sha(leafOf(i)), rootOf(j)));
    }
  });

  test('has the consistency proofs that are made here, and these verify', () => {
    assert.equal(vector.consistencyProofs.length, 368);
    for (const { i, j, terms } of vector.consistencyProofs) {
      assert.deepEqual(consistencyTerms(nodes, i, j), hexes(terms));
      assert.ok(verifyConsistency(hexes(terms), i, j, rootOf(i), rootOf(j)));
      assert.ok(!verifyConsistency(hexes(terms), i, j, sha(rootOf(i)), rootOf(j)));
      assert.ok(!verifyConsistency(hexes(terms), i, j, rootOf(i), sha(rootOf(j))));
    }
  });

  test('has the last-inclusion proofs that are made here, and these verify', () => {
    assert.equal(vector.lastInclusionProofs.length, 70);
    for (const { n, terms } of vector.lastInclusionProofs) {
      assert.deepEqual(lastInclusionTerms(nodes, n), hexes(terms));
      assert.ok(verifyLastInclusion(hexes(terms), n, leafOf(n), rootOf(n)));
      assert.ok(!verifyLastInclusion(hexes(terms), n, sha(leafOf(n)), rootOf(n)));
    }
  });

  test('is proved consistent for every pair of its sizes', () => {
    for (let j = 1; j <= 130; j++) {
      for (let i = 1; i <= j; i++) {
        assert.ok(verifyInclusion(inclusionTerms(nodes, i, j), i, j, leafOf(i), rootOf(j)));
        assert.ok(verifyConsistency(consistencyTerms(nodes, i, j), i, j, rootOf(i), rootOf(j)));
      }
    }
  });
});

describe('every pair up to 300', () => {
  test('roots are the tree heads of RFC 6962', () => {
    for (let n = 1; n <= SIZE_MAX; n++) assert.deepEqual(treeRoot(tree, n), root(n));
  });

  test('inclusion proofs are the paths of RFC 6962 and verify, also as last-inclusion proofs', () => {
    for (let j = 1; j <= SIZE_MAX; j++) {
      for (let i = 1; i <= j; i++) {
        const terms = inclusionTerms(tree, i, j);
        assert.ok(same(terms, tree.path(i - 1, 0, j)), `${i} in ${j}`);
        assert.ok(verifyInclusion(terms, i, j, leaf(i), root(j)), `${i} in ${j}`);
      }
      const last = lastInclusionTerms(tree, j);
      assert.ok(verifyLastInclusion(last, j, leaf(j), root(j)), `last of ${j}`);
    }
  });

  test('consistency proofs are those of RFC 6962 with the first term kept, and verify', () => {
    for (let j = 1; j <= SIZE_MAX; j++) {
      for (let i = 1; i < j; i++) {
        const terms = consistencyTerms(tree, i, j);
        assert.ok(same(terms, tree.subproof(i, 0, j, false)), `${i} in ${j}`);
        assert.ok(verifyConsistency(terms, i, j, root(i), root(j)), `${i} in ${j}`);
      }
    }
  });

  test('a tree is consistent with itself by its two halves or by its root alone', () => {
    for (let j = 1; j <= SIZE_MAX; j++) {
      const terms = consistencyTerms(tree, j, j);
      assert.equal(terms.length, j === 1 ? 0 : 2);
      assert.ok(verifyConsistency(terms, j, j, root(j), root(j)));
      assert.ok(verifyConsistency([], j, j, root(j), root(j)));
      assert.ok(!verifyConsistency([], j, j, root(j), sha(root(j))));
    }
  });

  test('a proof verifies for no neighbouring pair', () => {
    for (let j = 2; j <= 60; j++) {
      for (let i = 1; i < j; i++) {
        const inclusion = inclusionTerms(tree, i, j);
        assert.ok(!verifyInclusion(inclusion, i + 1, j, leaf(i), root(j)));
        assert.ok(!verifyInclusion(inclusion, i, j + 1, leaf(i), root(j + 1)));
        assert.ok(!verifyInclusion(inclusion, i, j, leaf(i + 1), root(j)));
        const consistency = consistencyTerms(tree, i, j);
        assert.ok(!verifyConsistency(consistency, i + 1, j, root(i + 1), root(j)));
        assert.ok(!verifyConsistency(consistency, i, j + 1, root(i), root(j + 1)));
        assert.ok(!verifyConsistency(consistency, i, j, root(j), root(i)));
      }
    }
  });

  test('a term left out, added, doubled or swapped is refused', () => {
    for (let j = 2; j <= 40; j++) {
      for (let i = 1; i < j; i++) {
        for (const terms of rearranged(inclusionTerms(tree, i, j))) {
          assert.ok(!verifyInclusion(terms, i, j, leaf(i), root(j)), `${i} in ${j}`);
        }
        for (const terms of rearranged(consistencyTerms(tree, i, j))) {
          assert.ok(!verifyConsistency(terms, i, j, root(i), root(j)), `${i} to ${j}`);
        }
      }
    }
  });
});

function same(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && Buffer.concat(a).equals(Buffer.concat(b));
}

function* rearranged(terms: readonly Uint8Array[]): Generator<Uint8Array[]> {
  yield [];
  yield [...terms, sha()];
  yield [sha(), ...terms];
  for (let at = 0; at < terms.length; at++) {
    if (terms.length > 1) yield terms.toSpliced(at, 1);
    yield terms.toSpliced(at, 0, terms[at] as Uint8Array);
    if (at > 0)
      yield terms.with(at, terms[at - 1] as Uint8Array).with(at - 1, terms[at] as Uint8Array);
  }
}

/**
 * Whoever makes up the roots as well can still not claim sizes for which the terms are too few or too
 * many: the proof of 2 in 4 claimed for 8, and a node beyond the edge of both trees.
 */
test('a consistency proof whose number of terms does not fit the sizes is refused', () => {
  const [first, second] = [tree.node(1, 0), tree.node(1, 1)];
  const terms = consistencyTerms(tree, 2, 4);
  assert.ok(verifyConsistency(terms, 2, 4, root(2), root(4)));
  assert.ok(!verifyConsistency(terms, 2, 8, root(2), root(4)));
  assert.ok(!verifyConsistency(terms.slice(0, 1), 2, 4, root(2), root(2)));
  const [added, beyond] = [leaf(9), leaf(10)];
  const larger = nodeHash(first, added);
  assert.ok(verifyConsistency([first, added], 2, 3, first, larger));
  const [madeUpI, madeUpJ] = [nodeHash(beyond, first), nodeHash(beyond, larger)];
  assert.ok(!verifyConsistency([first, added, beyond], 2, 3, madeUpI, madeUpJ));
  assert.ok(!verifyConsistency([second, first, beyond], 4, 4, root(4), root(4)));
  assert.ok(!verifyConsistency([root(4)], 4, 4, root(4), root(4)));
});

test('a flipped bit in any term is refused', () => {
  for (const [i, j] of [
    [1, 2],
    [3, 7],
    [8, 13],
    [13, 13],
    [64, 300],
    [299, 300],
  ] as const) {
    const inclusion = inclusionTerms(tree, i, j).map((term) => Buffer.from(term));
    const consistency = consistencyTerms(tree, i, j).map((term) => Buffer.from(term));
    for (const term of [...inclusion, ...consistency]) {
      for (let bit = 0; bit < 256; bit++) {
        term[bit >> 3] = (term[bit >> 3] as number) ^ (1 << (bit & 7));
        const holds = consistency.includes(term)
          ? verifyConsistency(consistency, i, j, root(i), root(j))
          : verifyInclusion(inclusion, i, j, leaf(i), root(j));
        assert.ok(!holds);
        term[bit >> 3] = (term[bit >> 3] as number) ^ (1 << (bit & 7));
      }
    }
    assert.ok(verifyInclusion(inclusion, i, j, leaf(i), root(j)));
    assert.ok(verifyConsistency(consistency, i, j, root(i), root(j)));
  }
});

/** A tree too large to hold, all of whose leaves are alike: each level has one hash. */
test('sizes up to 2^53 - 1 are proved and verified', () => {
  const payload = sha();
  const levels = [sha(Buffer.from([0]), payload)];
  for (let level = 0; level < 53; level++) {
    const node = levels[level] as Buffer;
    levels.push(sha(Buffer.from([1]), node, node));
  }
  const nodes = { node: (level: number) => levels[level] as Buffer };
  const sizes = [2 ** 31, 2 ** 31 + 1, 2 ** 32 + 5, 2 ** 40 - 1, 2 ** 52, 2 ** 53 - 1];
  for (const j of sizes) {
    for (const i of [1, 2, 2 ** 31 - 1, 2 ** 31, j - 1, j]) {
      const terms = inclusionTerms(nodes, i, j);
      assert.ok(verifyInclusion(terms, i, j, payload, treeRoot(nodes, j)), `${i} in ${j}`);
      const consistency = consistencyTerms(nodes, i, j);
      const [rootI, rootJ] = [treeRoot(nodes, i), treeRoot(nodes, j)];
      assert.ok(verifyConsistency(consistency, i, j, rootI, rootJ), `${i} to ${j}`);
    }
  }
});

test('arguments that make no sense are refused by name', () => {
  for (const size of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => treeRoot(tree, size), { name: 'RangeError', message: /size/ });
    assert.throws(() => inclusionTerms(tree, 1, size), { name: 'RangeError', message: /^j / });
    assert.throws(() => inclusionTerms(tree, size, 5), { name: 'RangeError', message: /^i / });
    assert.throws(() => consistencyTerms(tree, size, 5), { name: 'RangeError', message: /^i / });
    assert.throws(() => lastInclusionTerms(tree, size), { name: 'RangeError', message: /^j / });
  }
  assert.throws(() => inclusionTerms(tree, 6, 5), { name: 'RangeError', message: /^i .*to 5/ });
  assert.throws(() => consistencyTerms(tree, 6, 5), { name: 'RangeError', message: /^i / });
  assert.throws(() => treeRoot(tree, '1' as never), { name: 'TypeError', message: /size/ });
  assert.throws(() => treeRoot(tree, 1n as never), { name: 'TypeError', message: /size/ });
});
