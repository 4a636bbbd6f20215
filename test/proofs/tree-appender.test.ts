import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TreeAppender, type TreeNodes, ZERO_HASH } from '../../src/proofs/index.js';
import { NaiveTree, payloads } from './naive.js';

const SIZE = 300;
const leaves = payloads(SIZE);
const tree = new NaiveTree(leaves);
const nothing: TreeNodes = {
  node: () => assert.fail('an empty tree has no nodes'),
};

test('an empty tree has 32 zero bytes for a root', () => {
  const appender = TreeAppender.restore(nothing, 0);
  assert.equal(appender.size, 0);
  assert.deepEqual(appender.root(), ZERO_HASH);
});

test('each append gives the root of RFC 6962 and the complete subtrees that it closes', () => {
  const appender = TreeAppender.restore(nothing, 0);
  for (let n = 1; n <= SIZE; n++) {
    const closed = appender.append(leaves[n - 1] as Buffer);
    const trailingZeros = 31 - Math.clz32(n & -n);
    assert.equal(closed.length, 1 + trailingZeros);
    for (const [level, node] of closed.entries()) {
      assert.deepEqual(node, tree.node(level, n / 2 ** level - 1));
    }
    assert.equal(appender.size, n);
    assert.deepEqual(appender.root(), tree.head(0, n));
  }
});

test('a tree restored at any size goes on as if it had never stopped', () => {
  for (let size = 0; size < SIZE; size++) {
    const appender = TreeAppender.restore(tree, size);
    assert.equal(appender.size, size);
    if (size > 0) assert.deepEqual(appender.root(), tree.head(0, size));
    for (let n = size + 1; n <= Math.min(size + 3, SIZE); n++) {
      appender.append(leaves[n - 1] as Buffer);
      assert.deepEqual(appender.root(), tree.head(0, n));
    }
  }
});

test('a clone and its origin do not disturb each other', () => {
  for (const size of [0, 1, 2, 3, 7, 8, 63, 64, 100]) {
    const origin = TreeAppender.restore(tree, size);
    const clone = origin.clone();
    const rootBefore = origin.root();
    clone.append(leaves[250] as Buffer);
    clone.append(leaves[251] as Buffer);
    assert.equal(origin.size, size);
    assert.deepEqual(origin.root(), rootBefore);
    assert.equal(clone.size, size + 2);
    for (let n = size + 1; n <= size + 5; n++) origin.append(leaves[n - 1] as Buffer);
    assert.deepEqual(origin.root(), tree.head(0, size + 5));
    assert.notDeepEqual(clone.root(), tree.head(0, size + 2));
  }
});

test('a restored tree does not hold on to the memory of the store', () => {
  const shared = Buffer.alloc(32);
  const appender = TreeAppender.restore({ node: () => shared }, 5);
  const rootBefore = Buffer.from(appender.root());
  shared.fill(1);
  assert.deepEqual(appender.root(), rootBefore);
});

test('sizes up to 2^53 - 1 are restored from the nodes of their bits', () => {
  const asked: [number, number][] = [];
  const node = (level: number, index: number) => {
    asked.push([level, index]);
    return leaves[0] as Buffer;
  };
  TreeAppender.restore({ node }, 2 ** 52 + 2 ** 31 + 3);
  assert.deepEqual(asked, [
    [52, 0],
    [31, 2 ** 21],
    [1, 2 ** 51 + 2 ** 30],
    [0, 2 ** 52 + 2 ** 31 + 2],
  ]);
  asked.length = 0;
  assert.equal(TreeAppender.restore({ node }, 2 ** 53 - 1).size, 2 ** 53 - 1);
  assert.equal(asked.length, 53);
});

test('arguments that make no sense are refused by name', () => {
  for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => TreeAppender.restore(tree, size), { name: 'RangeError', message: /size/ });
  }
  assert.throws(() => TreeAppender.restore({ node: () => Buffer.alloc(31) }, 1), {
    name: 'RangeError',
    message: /node/,
  });
  const appender = TreeAppender.restore(nothing, 0);
  for (const length of [0, 31, 33]) {
    assert.throws(() => appender.append(Buffer.alloc(length)), {
      name: 'RangeError',
      message: /digest/,
    });
  }
  assert.throws(() => appender.append(undefined as never), {
    name: 'TypeError',
    message: /digest/,
  });
  assert.equal(appender.size, 0);
});
