import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { editDistance, nearestName } from '../../../src/app/config/nearest.js';
import {
  formatBytes,
  formatDuration,
  parseBytes,
  parseDuration,
} from '../../../src/app/config/units.js';

test('durations are read as Go writes them', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['0s', 0],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['3m0s', 180_000],
    ['250ms', 250],
    ['1.5s', 1500],
    ['1.1s', 1100],
    ['0.1h', 360_000],
    ['2000us', 2],
    ['3000000ns', 3],
    ['168h0m0s', 604_800_000],
  ];
  for (const [text, expected] of cases) assert.equal(parseDuration(text), expected, text);
});

test('what is no duration, or is finer than a millisecond, is not read', () => {
  const cases = ['', '5', '-1s', '1d', 's', '1 s', '1.s', '.5s', '1,5s', '1S', '1s!', 'infinity'];
  for (const text of [...cases, '1us', '1.0005s', `${'9'.repeat(30)}h`]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

test('sizes are read with and without a unit', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['65536', 65_536],
    ['64MiB', 67_108_864],
    ['64 mib', 67_108_864],
    ['1kb', 1000],
    ['1.5KiB', 1536],
    ['2TiB', 2 ** 41],
  ];
  for (const [text, expected] of cases) assert.equal(parseBytes(text), expected, text);
  for (const text of ['', 'MiB', '-1', '1e3', '64M', '0.3B', '1 2', '9'.repeat(20), '0x10']) {
    assert.equal(parseBytes(text), undefined, text);
  }
});

test('every duration and size is read back from how it is written', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10 ** 12 }), (value) => {
      assert.equal(parseDuration(formatDuration(value)), value);
      assert.equal(parseBytes(formatBytes(value)), value);
    }),
  );
  assert.deepEqual([0, 1, 999, 1500, 60_000, 5_400_000, 3_661_001].map(formatDuration), [
    '0s',
    '1ms',
    '999ms',
    '1.5s',
    '1m',
    '1h30m',
    '1h1m1.001s',
  ]);
  assert.deepEqual([0, 1000, 1024, 2 ** 30].map(formatBytes), ['0', '1000', '1KiB', '1GiB']);
});

test('the distance of two words counts insertions, deletions, substitutions and swaps', () => {
  const cases: [string, string, number][] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['port', 'port', 0],
    ['prot', 'port', 1],
    ['prt', 'port', 1],
    ['portt', 'port', 1],
    ['kitten', 'sitting', 3],
  ];
  for (const [a, b, expected] of cases) {
    assert.equal(editDistance(a, b), expected);
    assert.equal(editDistance(b, a), expected);
  }
});

test('only a name that is like enough is suggested', () => {
  assert.equal(nearestName('Prot', ['pidfile', 'port']), 'port');
  assert.equal(nearestName('something-else', ['pidfile', 'port']), undefined);
  assert.equal(nearestName('x', []), undefined);
});
