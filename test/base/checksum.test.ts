import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checksum32, checksumSeed } from '../../src/base/checksum.js';

test('is FNV-1a', () => {
  // Published test values of FNV-1a, 32 bits.
  const known: [string, number][] = [
    ['', 0x811c9dc5],
    ['a', 0xe40c292c],
    ['foobar', 0xbf9cf968],
  ];
  for (const [text, expected] of known) {
    const bytes = Buffer.from(text);
    assert.equal(checksum32(bytes, 0, bytes.length), expected);
  }
});

test('covers the range that was asked for and nothing else', () => {
  const bytes = Buffer.from('xfoobary');
  assert.equal(checksum32(bytes, 1, 7), 0xbf9cf968);
  assert.equal(checksum32(bytes, 3, 3), 0x811c9dc5);
});

test('changes with every change of a single byte, and with the seed', () => {
  const bytes = Buffer.from(Array.from({ length: 40 }, (_, i) => (i * 37) & 0xff));
  const before = checksum32(bytes, 0, bytes.length, 9);
  for (let at = 0; at < bytes.length; at++) {
    const original = bytes[at] as number;
    for (let value = 0; value < 256; value++) {
      if (value === original) continue;
      bytes[at] = value;
      assert.notEqual(checksum32(bytes, 0, bytes.length, 9), before);
    }
    bytes[at] = original;
  }
  assert.notEqual(checksum32(bytes, 0, bytes.length, 8), before);
});

test('seeds of neighbouring ids and parts, and of ids 2^32 apart, are all different', () => {
  const seeds = new Set<number>();
  let count = 0;
  for (const base of [0, 2 ** 32, 5 * 2 ** 32, 2 ** 53 - 1000]) {
    for (let id = base; id < base + 100; id++) {
      for (let part = 0; part < 8; part++, count++) seeds.add(checksumSeed(id, part));
    }
  }
  assert.equal(seeds.size, count);
});
