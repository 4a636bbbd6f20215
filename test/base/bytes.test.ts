import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  asBuffer,
  copyBytes,
  equalBytes,
  readI64,
  readU64,
  writeI64,
  writeU64,
} from '../../src/base/bytes.js';

const LIMITS = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1];

function check(value: number): void {
  const out = Buffer.alloc(10, 0xaa);
  const expected = Buffer.alloc(10, 0xaa);
  writeI64(out, 1, value);
  expected.writeBigInt64BE(BigInt(value), 1);
  assert.deepEqual(out, expected);
  assert.equal(readI64(out, 1), value);
  if (value < 0) return;
  out.fill(0xaa);
  writeU64(out, 1, value);
  assert.deepEqual(out, expected);
  assert.equal(readU64(out, 1), value);
}

test('safe integers are written as 64 bits and read back', () => {
  for (const value of LIMITS) {
    check(value);
    if (value > 0) check(-value);
  }
  fc.assert(fc.property(fc.maxSafeInteger(), check));
});

test('integers beyond are read as something that is not safe', () => {
  const beyond = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n];
  for (const value of beyond) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(value);
    assert.ok(!Number.isSafeInteger(readU64(bytes, 0)));
    assert.ok(!Number.isSafeInteger(readI64(bytes, 0)));
    bytes.writeBigInt64BE(-value);
    assert.ok(!Number.isSafeInteger(readI64(bytes, 0)));
  }
  assert.ok(!Number.isSafeInteger(readU64(Buffer.alloc(8, 0xff), 0)));
});

test('what is no safe integer is not written', () => {
  const out = Buffer.alloc(8, 0xaa);
  for (const value of [Number.NaN, 2 ** 53, 0.5, Number.POSITIVE_INFINITY, '1', 1n, undefined]) {
    assert.throws(() => writeU64(out, 0, value as number), RangeError);
    assert.throws(() => writeI64(out, 0, value as number), RangeError);
  }
  assert.throws(() => writeU64(out, 0, -1), RangeError);
  assert.throws(() => writeU64(out, 1, 1), RangeError);
  assert.throws(() => writeI64(out, 1, -1), RangeError);
});

test('bytes are compared by content and length', () => {
  const bytes = Uint8Array.from([1, 2, 3]);
  assert.ok(equalBytes(bytes, Buffer.from([1, 2, 3])));
  assert.ok(!equalBytes(bytes, Buffer.from([1, 2, 4])));
  assert.ok(!equalBytes(bytes, bytes.subarray(0, 2)));
  assert.ok(equalBytes(new Uint8Array(0), Buffer.alloc(0)));
});

test('a copy has memory of its own, a Buffer over bytes has not', () => {
  const bytes = new Uint8Array([9, 1, 2, 3]).subarray(1);
  const [copy, view] = [copyBytes(bytes), asBuffer(bytes)];
  bytes[0] = 7;
  assert.deepEqual([...copy], [1, 2, 3]);
  assert.deepEqual([...view], [7, 2, 3]);
  assert.equal(asBuffer(view), view);
});
