import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryDigest, entryDigestInto } from '../../src/proofs/index.js';
import { sha } from './naive.js';

const none = Buffer.alloc(0);
const rawKey = Buffer.from('\0key');
const hValue = sha(Buffer.from('\0value'));

test('a digest is written where it belongs and nowhere else', () => {
  const out = Buffer.alloc(96, 0xaa);
  entryDigestInto(out, 32, 1, none, rawKey, hValue);
  assert.deepEqual(out.subarray(0, 32), Buffer.alloc(32, 0xaa));
  assert.deepEqual(out.subarray(32, 64), entryDigest(1, none, rawKey, hValue));
  assert.deepEqual(out.subarray(64), Buffer.alloc(32, 0xaa));
});

test('digests of keys of all lengths follow one another without a trace', () => {
  // The first input of the second one is as long as the one before it, but outgrows the memory.
  for (const length of [4058, 4064, 1, 5000, 3, 65535, 0, 4060, 4061, 100]) {
    const key = Buffer.alloc(length, 7);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(length);
    assert.deepEqual(entryDigest(0, none, key, hValue), sha(key, hValue));
    const [md, mdSize] = [Buffer.from([0, 2]), Buffer.from([0, 2])];
    assert.deepEqual(entryDigest(1, md, key, hValue), sha(mdSize, md, size, key, hValue));
  }
});

test('what cannot be hashed is refused by name', () => {
  const out = Buffer.alloc(32);
  const wrong: [string, string, () => unknown][] = [
    ['RangeError', 'metadata', () => entryDigest(0, Buffer.from([0]), rawKey, hValue)],
    ['RangeError', 'metadata', () => entryDigest(1, Buffer.alloc(65536), rawKey, hValue)],
    ['RangeError', 'version', () => entryDigest(2 as never, none, rawKey, hValue)],
    ['RangeError', 'version', () => entryDigest('1' as never, none, rawKey, hValue)],
    ['RangeError', 'rawKey', () => entryDigest(1, none, Buffer.alloc(65536), hValue)],
    ['RangeError', 'rawKey', () => entryDigest(0, none, Buffer.alloc(65536), hValue)],
    ['RangeError', 'hValue', () => entryDigest(1, none, rawKey, Buffer.alloc(31))],
    ['TypeError', 'hValue', () => entryDigest(1, none, rawKey, undefined as never)],
    ['TypeError', 'rawKey', () => entryDigest(1, none, 'key' as never, hValue)],
    ['TypeError', 'metadata', () => entryDigest(1, undefined as never, rawKey, hValue)],
    ['RangeError', 'offset', () => entryDigestInto(out, 1, 1, none, rawKey, hValue)],
    ['RangeError', 'offset', () => entryDigestInto(out, -1, 1, none, rawKey, hValue)],
  ];
  for (const [name, argument, make] of wrong) {
    assert.throws(make, { name, message: new RegExp(`^${argument} `) }, argument);
  }
});
