import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryCache } from '../../src/storage/index.js';
import type { StoredLogEntry } from '../../src/storage/tx-record.js';
import { commitTxs, openStore, plain, temporaryFolder } from '../support/store-fixture.js';

function entryOf(txId: number, index: number, bytes = 100): StoredLogEntry {
  const nothing = Buffer.alloc(0);
  return {
    txId,
    index,
    rawKey: nothing,
    key: nothing,
    metadata: nothing,
    hValue: nothing,
    vLen: 0,
    blobId: 0,
    truncated: false,
    inlineKind: undefined,
    bytes,
    content: undefined,
    hasRawKey: () => false,
    hasDigest: () => false,
  };
}

test('what was put is found, by transaction and number, in its own scope', () => {
  const cache = new EntryCache(1 << 20);
  const [one, other] = [cache.scope(), cache.scope()];
  const entry = entryOf(7, 3);
  one.put(entry);
  assert.equal(one.get(7, 3), entry);
  assert.equal(one.get(7, 4), undefined);
  assert.equal(one.get(8, 3), undefined);
  assert.equal(other.get(7, 3), undefined);
  one.clear();
  assert.equal(one.get(7, 3), undefined);
});

test('an entry whose place another one takes is never taken for it', () => {
  const scope = new EntryCache(1 << 20).scope();
  const places = [
    [1, 1024],
    [2, 0],
    [2 + 2 ** 20, 0],
    [2 ** 52, 65_535],
  ] as const;
  for (const [txId, index] of places) {
    const entry = entryOf(txId, index);
    scope.put(entry);
    for (const [t, i] of places) {
      const found = scope.get(t, i);
      assert.ok(found === undefined || (found.txId === t && found.index === i));
    }
    assert.equal(scope.get(txId, index), entry);
  }
});

test('what all scopes hold together stays within the limit', () => {
  const cache = new EntryCache(100_000);
  const scopes = [cache.scope(), cache.scope(), cache.scope()];
  for (let i = 0; i < 3000; i++) scopes[i % 3]?.put(entryOf(i, 0, 488));
  let held = 0;
  for (let i = 0; i < 3000; i++) if (scopes[i % 3]?.get(i, 0) !== undefined) held++;
  assert.ok(held >= 50 && held <= 100, `${held} entries of 1,000 bytes`);
  assert.ok(scopes[2]?.get(2999, 0), 'the newest one is there');
});

test('large entries, and all when the limit is zero, are not kept', () => {
  const scope = new EntryCache(100_000).scope();
  scope.put(entryOf(1, 0, 20_000));
  assert.equal(scope.get(1, 0), undefined);
  const none = new EntryCache(0).scope();
  none.put(entryOf(1, 0));
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
  assert.equal(Boolean(first.content), false);
  assert.equal(store.log.content(first, 1).toString(), 'two');
  assert.equal(first.content?.toString(), 'two');
  assert.equal(store.log.entry(1, 0, 1), first);
  assert.notEqual(store.log.entry(1, 0, 0), first);
});
