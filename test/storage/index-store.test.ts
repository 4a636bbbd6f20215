import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { encodeKvMetadata, rawSortedSetKey } from '../../src/proofs/index.js';
import type { IndexLimits } from '../../src/storage/index.js';
import { indexKeyOf } from '../../src/storage/index-key.js';
import { historyKey, u64Key } from '../../src/storage/layout.js';
import { Store } from '../../src/storage/store.js';
import type { DraftEntry } from '../../src/storage/tx-builder.js';
import {
  assertSound,
  commitTxs,
  copyAsAfterCrash,
  MemoryLog,
  openStore,
  plain,
  storageError,
  storeOptions,
  temporaryFolder,
} from '../support/store-fixture.js';

/** Everything of more than four versions waits; a merge is due from ten on. */
const SMALL: Partial<IndexLimits> = {
  directVersionsMax: 4,
  versionsHigh: 10,
  keyBytesHigh: 100_000,
  mergeStepKeys: 3,
};
const LOW = Buffer.from([0]);
const HIGH = Buffer.from([0xff]);

async function smallStore(t: TestContext): Promise<{ store: Store; folder: string }> {
  const folder = await temporaryFolder(t);
  return { folder, store: await openStore(t, folder, { indexLimits: SMALL }) };
}

const key = (name: string) => Buffer.from(`\0${name}`);
const keys = (prefix: string, count: number, value = 'v') =>
  Array.from({ length: count }, (_, i) => plain(`${prefix}${i}`, value));
const waits = (store: Store) => store.index.mergeableKeys;

function marker(store: Store): number | undefined {
  return store.index.storedMarker();
}

/** Transactions of all versions of a key, oldest first, by way of the index. */
function historyOf(store: Store, name: string): number[] {
  const newest = store.index.lookup(key(name));
  assert.ok(newest, name);
  return Array.from({ length: newest.revision }, (_, i) => {
    const location = store.index.version(newest, key(name), i + 1);
    const entry = store.log.entry(location.tx, location.segment, location.index);
    assert.deepEqual(entry.rawKey, key(name));
    return location.tx;
  });
}

test('a small commit is in the tables at once', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [keys('a', 4)]);
  assert.equal(waits(store), 0);
  assert.equal(marker(store), undefined);
  const newest = store.index.lookup(key('a3'));
  assert.deepEqual(newest, {
    tx: 1,
    index: 3,
    segment: 0,
    deleted: false,
    isReference: false,
    expiresAt: undefined,
    revision: 1,
    firstTx: 1,
    firstIndex: 3,
  });
});

test('what waits is found by key, by revision and by range', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [[plain('b', '1'), plain('z', '1')]]);
  await commitTxs(store, [[...keys('a', 3), plain('b', '2'), plain('c', '1')]]);
  assert.equal(waits(store), 5);
  assert.equal(marker(store), 1);
  assert.equal(store.index.lookup(key('a1'))?.revision, 1);
  assert.deepEqual(historyOf(store, 'b'), [1, 2]);
  assert.deepEqual(historyOf(store, 'z'), [1]);
  assert.equal(store.index.lookup(key('no such')), undefined);
  const names = store.index.page(LOW, HIGH, false, 99).map((row) => row.key.toString());
  assert.deepEqual(names, ['\0a0', '\0a1', '\0a2', '\0b', '\0c', '\0z']);
  const versions = store.index.page(LOW, HIGH, false, 99).map(({ entry }) => entry.tx);
  assert.deepEqual(versions, [2, 2, 2, 2, 2, 1]);
  await assertSound(store);
});

test('pages over waiting and stored keys are right at every limit, bound and direction', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [[plain('b', '1')], [plain('d', '1')], [plain('f', '1')]]);
  await commitTxs(store, [['a', 'b', 'c', 'e', 'g'].map((name) => plain(name, '2'))]);
  await commitTxs(store, [[plain('c', '3')], [plain('h', '3')]]);
  const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  for (const low of all) {
    for (const high of [...all, 'i']) {
      for (let limit = 1; limit <= 9; limit++) {
        const inside = all.filter((name) => name >= low && name < high);
        const page = (desc: boolean) =>
          store.index
            .page(key(low), key(high), desc, limit)
            .map((row) => row.key.toString().slice(1));
        assert.deepEqual(page(false), inside.slice(0, limit));
        assert.deepEqual(page(true), inside.reverse().slice(0, limit));
      }
    }
  }
});

test('between the end of a merge and its note, every answer stays as it was', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [[plain('k0', '1')]]);
  await commitTxs(store, [keys('k', 6, '2')]);
  await commitTxs(store, [[plain('k1', '3')]]);
  const answers = () => ({
    histories: [0, 1, 2, 3, 4, 5].map((i) => historyOf(store, `k${i}`)),
    page: store.index.page(LOW, HIGH, false, 99).map((row) => row.entry),
  });
  const expected = answers();
  assert.deepEqual(expected.histories, [[1, 2], [2, 3], [2], [2], [2], [2]]);
  // What a merge step does, up to the moment when its commit is seen by readers.
  await store.environment.commit(1 << 16, (batch) => store.index.writeMergeStep(batch, 99));
  assert.equal(waits(store), 6);
  assert.deepEqual(answers(), expected);
  store.index.mergeCommitted();
  assert.equal(waits(store), 0);
  assert.deepEqual(answers(), expected);
});

test('merging in steps keeps every answer and ends without marker', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [keys('k', 3, '1')]);
  await commitTxs(store, [keys('k', 6, '2')]);
  await commitTxs(store, [[plain('k1', '3')], [plain('k1', '4')]]);
  const expected = { k0: [1, 2], k1: [1, 2, 3, 4], k2: [1, 2], k3: [2], k5: [2] };
  for (let step = 0; ; step++) {
    for (const [name, txs] of Object.entries(expected)) {
      assert.deepEqual(historyOf(store, name), txs, `${name} after ${step} steps`);
    }
    await assertSound(store);
    if (!store.index.hasMergeWork) break;
    assert.notEqual(marker(store), undefined);
    await store.mergeIndexStep();
  }
  assert.equal(marker(store), undefined);
  assert.equal(waits(store), 0);
});

test('what is written while a merge goes on belongs to the next one', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [keys('k', 8, '1')]);
  await store.mergeIndexStep();
  await commitTxs(store, [[plain('k0', '2'), plain('k7', '2'), plain('k9', '2')]]);
  while (marker(store) === 0) await store.mergeIndexStep();
  assert.equal(marker(store), 1);
  assert.deepEqual(historyOf(store, 'k0'), [1, 2]);
  while (store.index.hasMergeWork) await store.mergeIndexStep();
  assert.equal(marker(store), undefined);
  for (const name of ['k0', 'k7']) assert.deepEqual(historyOf(store, name), [1, 2]);
  await assertSound(store);
});

test('commits merge a part themselves once too much waits', async (t) => {
  const { store } = await smallStore(t);
  let most = 0;
  for (let i = 0; i < 30; i++) {
    await commitTxs(store, [keys(`k${i}-`, 6)]);
    most = Math.max(most, waits(store));
  }
  assert.ok(most <= 10 + 2 * 6, `${most} keys`);
  await assertSound(store);
});

test('versions of the same keys are bounded like keys', async (t) => {
  const { store } = await smallStore(t);
  for (let i = 0; i < 40; i++) await commitTxs(store, [keys('k', 6, String(i))]);
  assert.ok(waits(store) <= 6);
  const stored = store.environment.table('history').keys({}).length;
  assert.ok(stored > 6 * 30, `${stored} rows`);
  assert.equal(historyOf(store, 'k5').length, 40);
  await assertSound(store);
});

test('elements of sorted sets have no history; the newest transaction stands for them', async (t) => {
  const { store } = await smallStore(t);
  const element = (score: number): DraftEntry => ({
    rawKey: Buffer.from(rawSortedSetKey(Buffer.from('s'), score, Buffer.from('k'), 0)),
    value: Buffer.alloc(0),
  });
  await commitTxs(store, [[element(1)], [element(1)]]);
  await commitTxs(store, [[element(1), element(-1), ...keys('k', 4)]]);
  await commitTxs(store, [[element(-1)]]);
  for (const done of [false, true]) {
    for (const [score, tx] of [
      [1, 3],
      [-1, 4],
    ] as const) {
      const found = store.index.lookup(indexKeyOf(element(score).rawKey));
      assert.deepEqual([found?.tx, found?.revision, found?.firstTx], [tx, 1, tx]);
    }
    if (!done) while (store.index.hasMergeWork) await store.mergeIndexStep();
  }
  assert.equal(store.environment.table('history').keys({}).length, 0);
  await assertSound(store);
});

test('attributes reach the index by either way; entries that are not indexed do not', async (t) => {
  const { store } = await smallStore(t);
  const entries = [
    plain('expires', 'v', { metadata: { expiresAt: 5 } }),
    plain('hidden', 'v', { metadata: { nonIndexable: true } }),
    { rawKey: key('deleted'), value: Buffer.alloc(0), metadata: { deleted: true } },
    { rawKey: key('ref'), value: Buffer.from([1, ...u64Key(0), 0, 65]) },
  ];
  await commitTxs(store, [entries]);
  await commitTxs(store, [[...entries, ...keys('k', 3)]]);
  for (const done of [false, true]) {
    assert.equal(store.index.lookup(key('expires'))?.expiresAt, 5);
    assert.equal(store.index.lookup(key('deleted'))?.deleted, true);
    assert.equal(store.index.lookup(key('ref'))?.isReference, true);
    assert.equal(store.index.lookup(key('hidden')), undefined);
    if (!done) while (store.index.hasMergeWork) await store.mergeIndexStep();
  }
  assert.ok(encodeKvMetadata({ nonIndexable: true }).length > 0);
});

test('a crash while changes wait loses nothing, at any step of the merge', async (t) => {
  const { store, folder } = await smallStore(t);
  await commitTxs(store, [keys('k', 4, '1')]);
  await commitTxs(store, [keys('k', 8, '2')]);
  await commitTxs(store, [keys('k', 2, '3')]);
  for (let step = 0; ; step++) {
    const copy = await copyAsAfterCrash(folder, t);
    const log = new MemoryLog();
    const again = await Store.open(storeOptions(copy, { indexLimits: SMALL, log }));
    assert.equal(again.state.txId, 3);
    assert.deepEqual(historyOf(again, 'k1'), [1, 2, 3], `step ${step}`);
    assert.deepEqual(historyOf(again, 'k3'), [1, 2]);
    assert.deepEqual(historyOf(again, 'k7'), [2]);
    await commitTxs(again, [keys('k', 8, '4')]);
    assert.deepEqual(historyOf(again, 'k1'), [1, 2, 3, 4]);
    await assertSound(again);
    assert.deepEqual(
      log.lines.filter(({ level }) => level !== 'info'),
      [],
    );
    await again.close();
    const last = await openStore(t, copy);
    assert.equal(marker(last), undefined);
    assert.deepEqual(historyOf(last, 'k1'), [1, 2, 3, 4]);
    await assertSound(last);
    if (!store.index.hasMergeWork) return;
    await store.mergeIndexStep();
  }
});

test('a marker that has nothing behind it is taken away', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  await commitTxs(store, [keys('k', 3)]);
  const put = Buffer.from('indexedTo');
  await store.environment.commit(64, (batch) => batch.put('meta', put, u64Key(1)));
  await store.close();
  const again = await openStore(t, folder);
  assert.ok(again.index.hasMergeWork);
  await again.mergeIndexStep();
  assert.equal(marker(again), undefined);
  assert.ok(!again.index.hasMergeWork);
});

/** Breaks the index entry of a key. */
async function damageEntry(store: Store, name: string): Promise<void> {
  const record = store.environment.table('index').get(key(name)) as Buffer;
  record[3] = (record[3] as number) ^ 1;
  await store.environment.commit(64, (batch) => batch.put('index', key(name), record));
}

test('a damaged index entry is an error to read, and to page over', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [keys('k', 3)]);
  await damageEntry(store, 'k1');
  assert.throws(() => store.index.lookup(key('k1')), storageError('corrupted'));
  assert.throws(() => store.index.page(LOW, HIGH, false, 9), storageError('corrupted'));
  assert.equal(store.index.lookup(key('k2'))?.tx, 1);
});

test('a key whose index entry is damaged can be written; the next opening builds the index anew', async (t) => {
  for (const count of [1, 8]) {
    const folder = await temporaryFolder(t);
    const log = new MemoryLog();
    const store = await openStore(t, folder, { indexLimits: SMALL, log });
    await commitTxs(store, [keys('k', 3)]);
    await damageEntry(store, 'k0');
    await commitTxs(store, [keys('k', count, '2')]);
    while (store.index.hasMergeWork) await store.mergeIndexStep();
    assert.throws(() => store.index.lookup(key('k0')), storageError('corrupted'));
    await commitTxs(store, [[plain('other', 'v')]]);
    while (store.index.hasMergeWork) await store.mergeIndexStep();
    assert.ok(store.index.isDamaged);
    assert.equal(log.lines.filter(({ message }) => /index is damaged/.test(message)).length, 1);
    await store.close();
    const again = await openStore(t, folder, { indexLimits: SMALL });
    assert.deepEqual(historyOf(again, 'k0'), [1, 2]);
    assert.deepEqual(historyOf(again, 'other'), [3]);
    assert.equal(marker(again), undefined);
    assert.ok(!again.index.isDamaged);
    await assertSound(again);
  }
});

test('a missing or damaged history row is an error', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [[plain('k', '1')], [plain('k', '2')], [plain('k', '3')]]);
  const newest = store.index.lookup(key('k'));
  assert.ok(newest);
  const rowKey = historyKey(1, 0, 1);
  const row = store.environment.table('history').get(rowKey) as Buffer;
  row[2] = (row[2] as number) ^ 4;
  await store.environment.commit(64, (batch) => batch.put('history', rowKey, row));
  assert.throws(() => store.index.version(newest, key('k'), 1), storageError('corrupted'));
  await store.environment.commit(64, (batch) => batch.remove('history', rowKey));
  assert.throws(() => store.index.version(newest, key('k'), 1), storageError('corrupted'));
  assert.equal(store.index.version(newest, key('k'), 2).tx, 2);
});

test('an answer that a key is not there is doubted when its neighbours are damaged', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [keys('k', 3)]);
  store.index.checkNeighbours(key('k1x'));
  await damageEntry(store, 'k1');
  assert.throws(() => store.index.checkNeighbours(key('k1x')), storageError('corrupted'));
  assert.throws(() => store.index.checkNeighbours(key('k0x')), storageError('corrupted'));
  store.index.checkNeighbours(key('k2x'));
});

test('readers that hold a newest version of before find its older ones after further writes', async (t) => {
  const { store } = await smallStore(t);
  await commitTxs(store, [[plain('k', '1')], [plain('k', '2')]]);
  const newest = store.index.lookup(key('k'));
  assert.ok(newest);
  await commitTxs(
    store,
    [keys('k', 8), [plain('k', '4')], [plain('k', '5')]].map((tx) => tx.slice(0, 8)),
  );
  assert.equal(store.index.version(newest, key('k'), 1).tx, 1);
  assert.equal(store.index.version(newest, key('k'), 2).tx, 2);
  while (store.index.hasMergeWork) await store.mergeIndexStep();
  assert.equal(store.index.version(newest, key('k'), 1).tx, 1);
});
