import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createSha256, sha256, sha256Into } from '../../src/base/sha256.js';

function reference(input: Uint8Array): Buffer {
  return createHash('sha256').update(input).digest();
}

const samples = Array.from({ length: 300 }, (_, length) =>
  Buffer.from(Array.from({ length }, (__, i) => (i * 31 + length * 7) & 0xff)),
);

test('digests are those of createHash for inputs of all lengths', () => {
  for (const input of samples) assert.deepEqual(sha256(input), reference(input));
  const large = Buffer.alloc(1_000_003, 5);
  assert.deepEqual(sha256(large), reference(large));
  const view = new Uint8Array(large.buffer, large.byteOffset + 1, 100);
  assert.deepEqual(sha256(view), reference(view));
});

test('a digest is written at its offset and nowhere else', () => {
  for (const offset of [0, 1, 31, 32]) {
    const out = Buffer.alloc(64, 0xaa);
    const expected = Buffer.alloc(64, 0xaa);
    reference(samples[65] as Buffer).copy(expected, offset);
    sha256Into(out, offset, samples[65] as Buffer);
    assert.deepEqual(out, expected);
  }
});

test('a digest that does not fit is refused, not cut', () => {
  const out = Buffer.alloc(64, 0xaa);
  for (const offset of [33, 64, 100, -1, Number.NaN]) {
    assert.throws(() => sha256Into(out, offset, out), { name: 'RangeError', message: /^offset / });
  }
  assert.deepEqual(out, Buffer.alloc(64, 0xaa));
});

test('a digest over pieces is that over the whole', () => {
  const hash = createSha256();
  for (const piece of samples) hash.update(piece);
  assert.deepEqual(hash.digest(), reference(Buffer.concat(samples)));
  assert.deepEqual(createSha256().digest(), reference(Buffer.alloc(0)));
});
