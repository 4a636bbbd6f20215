import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryCache } from '../../src/storage/index.js';
import type { StoredLogEntry } from '../../src/storage/tx-record.js';
import { commitTxs, openStore, plain, temporaryFolder } from '../support/store-fixture.js';

function entryOf(bytes: number): StoredLogEntry {
  const nothing = Buffer.alloc(0);
  return {
    rawKey: nothing,
    metadata: nothing,
    hValue: nothing,
    vLen: 0,
    blobId: 0,
    truncated: false,
    inlineKind: undefined,
    bytes,
    isVerified: false,
    hasRawKey: () => false,
    hasDigest: () => false,
  };
}

test('what was put is found, by transaction and number, in its own scope', () => {
  const cache = new EntryCache(1 << 20);
  const [one, other] = [cache.scope(), cache.scope()];
  const entry = entryOf(100);
  one.put(7, 3, entry);
  assert.equal(one.get(7, 3), entry);
  assert.equal(one.get(7, 4), undefined);
  assert.equal(one.get(8, 3), undefined);
  assert.equal(other.get(7, 3), undefined);
  one.clear();
  assert.equal(one.get(7, 3), undefined);
});

test('the largest transaction id that is kept does not meet another one', () => {
  const scope = new EntryCache(1 << 20).scope();
  scope.put(2 ** 37 - 1, 65_535, entryOf(1));
  assert.ok(scope.get(2 ** 37 - 1, 65_535));
  scope.put(2 ** 37, 0, entryOf(1));
  assert.equal(scope.get(2 ** 37, 0), undefined);
});

test('what all scopes hold together stays within the limit', () => {
  const cache = new EntryCache(100_000);
  const scopes = [cache.scope(), cache.scope(), cache.scope()];
  for (let i = 0; i < 3000; i++) scopes[i % 3]?.put(i, 0, entryOf(744));
  let held = 0;
  for (let i = 0; i < 3000; i++) if (scopes[i % 3]?.get(i, 0) !== undefined) held++;
  assert.ok(held >= 50 && held <= 100, `${held} entries of 1,000 bytes`);
  assert.ok(scopes[2]?.get(2999, 0), 'the newest one is there');
});

test('large entries, and all when the limit is zero, are not kept', () => {
  const scope = new EntryCache(100_000).scope();
  scope.put(1, 0, entryOf(20_000));
  assert.equal(scope.get(1, 0), undefined);
  const none = new EntryCache(0).scope();
  none.put(1, 0, entryOf(1));
  assert.equal(none.get(1, 0), undefined);
});

test('memory for entries is never handed out twice', () => {
  const scope = new EntryCache(1 << 20).scope();
  const pieces = Array.from({ length: 300 }, (_, i) =>
    scope.allocate(1 + ((i * 997) % 20_000)).fill(i),
  );
  for (const [i, piece] of pieces.entries()) assert.ok(piece.every((byte) => byte === i % 256));
});

test('an entry that was read is handed out again, its value checked once', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder, { entryCache: new EntryCache(1 << 20) });
  await commitTxs(store, [[plain('a', 'one'), plain('b', 'two')]]);
  const first = store.log.entry(1, 0, 1);
  assert.equal(first.isVerified, false);
  assert.equal(store.log.value(first, 1).toString(), '\0two');
  assert.equal(first.isVerified, true);
  assert.equal(store.log.entry(1, 0, 1), first);
  assert.notEqual(store.log.entry(1, 0, 0), first);
});
