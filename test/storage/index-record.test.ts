import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawSortedSetKey } from '../../src/proofs/index.js';
import { indexKeyOf, rawKeyOfIndexKey, sortableScore } from '../../src/storage/index-key.js';
import {
  decodeHistoryRow,
  decodeIndexEntry,
  encodeHistoryRow,
  encodeIndexEntry,
  type IndexEntry,
} from '../../src/storage/index-record.js';
import { historyKey } from '../../src/storage/layout.js';
import { storageError } from '../support/store-fixture.js';

const FIRST: IndexEntry = {
  tx: 2 ** 40 + 3,
  index: 65_534,
  segment: 65_533,
  deleted: false,
  isReference: false,
  expiresAt: undefined,
  revision: 1,
  firstTx: 2 ** 40 + 3,
  firstIndex: 65_534,
};

const ENTRIES: readonly IndexEntry[] = [
  FIRST,
  { ...FIRST, deleted: true },
  { ...FIRST, isReference: true, expiresAt: 1 },
  { ...FIRST, expiresAt: Number.MAX_SAFE_INTEGER },
  { ...FIRST, expiresAt: -1, revision: 2 ** 33, firstTx: 7, firstIndex: 1 },
  { ...FIRST, deleted: true, isReference: true, revision: 2, firstTx: 1, firstIndex: 0 },
];
const KEY = Buffer.from('\0some key');

/** Calls back with every record that differs from this one in a byte. */
function eachChangedByte(record: Buffer, look: (damaged: Buffer) => void): void {
  for (let at = 0; at < record.length; at++) {
    for (let change = 1; change < 256; change++) {
      const damaged = Buffer.from(record);
      damaged[at] = (damaged[at] as number) ^ change;
      look(damaged);
    }
  }
}

test('an index entry is read back as it was written', () => {
  for (const entry of ENTRIES) {
    assert.deepEqual(decodeIndexEntry(KEY, encodeIndexEntry(KEY, entry)), entry);
  }
});

test('any changed byte of an index entry, or of its key, is refused', () => {
  for (const entry of ENTRIES) {
    const record = encodeIndexEntry(KEY, entry);
    eachChangedByte(record, (damaged) =>
      assert.throws(() => decodeIndexEntry(KEY, damaged), storageError('corrupted')),
    );
    eachChangedByte(KEY, (damaged) =>
      assert.throws(() => decodeIndexEntry(damaged, record), storageError('corrupted')),
    );
    for (let length = 0; length < record.length; length++) {
      const cut = record.subarray(0, length);
      assert.throws(() => decodeIndexEntry(KEY, cut), storageError('corrupted'));
    }
  }
});

test('a history row is read back, and refused with any changed byte or under another key', () => {
  const key = historyKey(2 ** 41, 9, 2 ** 35);
  const location = { tx: 2 ** 45, index: 3, segment: 65_535 };
  const row = encodeHistoryRow(key, location);
  assert.deepEqual(decodeHistoryRow(key, row), location);
  eachChangedByte(row, (damaged) =>
    assert.throws(() => decodeHistoryRow(key, damaged), storageError('corrupted')),
  );
  const other = historyKey(2 ** 41, 9, 2 ** 35 + 1);
  assert.throws(() => decodeHistoryRow(other, row), storageError('corrupted'));
  assert.throws(() => decodeHistoryRow(key, row.subarray(1)), storageError('corrupted'));
});

test('bytewise order of sortable scores is numeric order', () => {
  const scores = [
    -Number.MAX_VALUE,
    -1e10,
    -2,
    -1.5,
    -1,
    -Number.MIN_VALUE,
    -0,
    0,
    Number.MIN_VALUE,
    0.1,
    1,
    1.5,
    2,
    1e10,
    Number.MAX_VALUE,
  ];
  const sorted = scores.map(sortableScore).sort(Buffer.compare);
  assert.deepEqual(sorted, scores.map(sortableScore));
});

test('a sorted-set key is turned into its index key and back', () => {
  for (const score of [-12.5, -0, 0, 3, Number.MAX_VALUE]) {
    const rawKey = Buffer.from(rawSortedSetKey(Buffer.from('set'), score, Buffer.from('key'), 7));
    const indexKey = indexKeyOf(rawKey);
    assert.notDeepEqual(indexKey, rawKey);
    assert.deepEqual(rawKeyOfIndexKey(indexKey), rawKey);
    assert.ok(indexKey.includes(sortableScore(score)));
  }
  assert.deepEqual(indexKeyOf(KEY), KEY);
  assert.deepEqual(rawKeyOfIndexKey(KEY), KEY);
});

test('what cannot be a sorted-set key is refused', () => {
  for (const bytes of ['01', '010000', '01ffffffffffffffff0000', '010000000000000009aa']) {
    const key = Buffer.from(bytes, 'hex');
    assert.throws(() => rawKeyOfIndexKey(key), storageError('corrupted'), bytes);
    assert.throws(() => indexKeyOf(key), storageError('corrupted'), bytes);
  }
});
