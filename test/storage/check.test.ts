import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { checkStore, type Store } from '../../src/storage/index.js';
import { encodeHistoryRow, encodeIndexEntry } from '../../src/storage/index-record.js';
import { blobKey, historyKey, logKey, type TableName, u64Key } from '../../src/storage/layout.js';
import {
  assertSound,
  commitTxs,
  openStore,
  plain,
  temporaryFolder,
} from '../support/store-fixture.js';

/** k0 to k4 in turn, so that each has some history; a large value in transaction 3. */
async function someStore(t: TestContext): Promise<Store> {
  const store = await openStore(t, await temporaryFolder(t));
  for (let i = 1; i <= 24; i++) {
    const value = i === 3 ? randomBytes(3_000_000) : randomBytes(i);
    await commitTxs(store, [[plain(`k${i % 5}`, value), plain(`u${i}`, 'x')]]);
  }
  return store;
}

async function put(store: Store, table: TableName, key: Buffer, value: Buffer): Promise<void> {
  await store.environment.commit(64, (batch) => batch.put(table, key, value));
}

/** The places of all problems. */
async function placesOf(store: Store): Promise<string[]> {
  const report = await checkStore(store);
  assert.equal(report.problemCount, report.problems.length);
  assert.equal(report.finished, true);
  return report.problems.map(({ where }) => where);
}

test('a sound store has no problems, and everything was looked at', async (t) => {
  const store = await someStore(t);
  const report = await assertSound(store);
  assert.deepEqual(
    [report.txId, report.transactions, report.entries, report.indexEntries, report.historyRows],
    [24, 24, 48, 29, 19],
  );
  assert.ok(report.bytes > 3_000_000);
});

test('any changed byte of a log record is found', async (t) => {
  const store = await someStore(t);
  const key = logKey(7, 0);
  const record = store.environment.table('log').get(key) as Buffer;
  for (let at = 0; at < record.length; at++) {
    const damaged = Buffer.from(record);
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
    await put(store, 'log', key, damaged);
    assert.ok(
      (await placesOf(store)).some((place) => place.startsWith('transaction 7')),
      `byte ${at}`,
    );
  }
  await put(store, 'log', key, record);
  await assertSound(store);
});

test('a damaged or missing piece of a large value is found', async (t) => {
  const store = await someStore(t);
  const entry = store.log.entries(3)[0];
  assert.ok(entry);
  const key = blobKey(entry.blobId, 1);
  const piece = store.environment.table('blobs').get(key) as Buffer;
  piece[500_000] = (piece[500_000] as number) ^ 8;
  await put(store, 'blobs', key, piece);
  assert.deepEqual(await placesOf(store), ['transaction 3, entry 0']);
  await store.environment.commit(64, (batch) => batch.remove('blobs', key));
  assert.deepEqual(await placesOf(store), ['transaction 3, entry 0']);
});

test('a damaged tree node is found, also one with a right checksum', async (t) => {
  const store = await someStore(t);
  const other = await someStore(t);
  const record = other.environment.table('tree').get(u64Key(12)) as Buffer;
  await put(store, 'tree', u64Key(12), record);
  assert.ok((await placesOf(store)).includes('transaction 12'));
});

test('a missing transaction is found', async (t) => {
  const store = await someStore(t);
  await store.environment.commit(64, (batch) => batch.remove('log', logKey(5, 0)));
  const places = await placesOf(store);
  assert.ok(places.includes('transaction 5'));
});

test('index entries that are missing, behind, of another key or attribute are found', async (t) => {
  const store = await someStore(t);
  const [a, b] = [Buffer.from('\0k1'), Buffer.from('\0k2')];
  const entry = store.index.lookup(a);
  const other = store.index.lookup(b);
  assert.ok(entry && other);
  await store.environment.commit(64, (batch) => batch.remove('index', a));
  assert.ok((await placesOf(store)).includes(`transaction ${entry.tx}, entry 0`));
  const older = store.index.version(other, b, 2);
  for (const wrong of [
    { ...entry, ...older },
    { ...entry, tx: entry.tx - 5, revision: entry.revision - 1 },
    { ...entry, deleted: true },
    { ...entry, expiresAt: 9 },
    { ...entry, isReference: true },
    { ...entry, index: 1 },
    { ...entry, revision: entry.revision - 1 },
  ]) {
    await put(store, 'index', a, encodeIndexEntry(a, wrong));
    assert.notDeepEqual(await placesOf(store), [], JSON.stringify(wrong));
  }
  await put(store, 'index', a, encodeIndexEntry(a, entry));
  await assertSound(store);
});

test('history rows that are missing, wrong or too many are found', async (t) => {
  const store = await someStore(t);
  const key = Buffer.from('\0k1');
  const newest = store.index.lookup(key);
  assert.ok(newest);
  const rowKey = historyKey(newest.firstTx, newest.firstIndex, 2);
  const row = store.environment.table('history').get(rowKey) as Buffer;
  const location = store.index.version(newest, key, 2);
  await store.environment.commit(64, (batch) => batch.remove('history', rowKey));
  assert.notDeepEqual(await placesOf(store), []);
  await put(store, 'history', rowKey, encodeHistoryRow(rowKey, { ...location, tx: 3 }));
  assert.notDeepEqual(await placesOf(store), []);
  await put(store, 'history', rowKey, row);
  const tooMany = historyKey(newest.firstTx, newest.firstIndex, newest.revision);
  await put(store, 'history', tooMany, encodeHistoryRow(tooMany, location));
  assert.deepEqual(await placesOf(store), ['history']);
});

test('an acknowledged state that is not part of the history is found', async (t) => {
  const store = await someStore(t);
  store.acknowledgedState = () => ({ txId: 3, txHash: randomBytes(32) });
  assert.deepEqual(await placesOf(store), ['acknowledged state']);
});

test('of many problems the first are told and all are counted', async (t) => {
  const store = await someStore(t);
  const keys = store.environment.table('log').keys({});
  await store.environment.commit(64, (batch) => {
    for (const key of keys) batch.put('log', key, Buffer.from([1, 2, 3]));
  });
  const report = await checkStore(store);
  assert.equal(report.problems.length, 20);
  assert.ok(report.problemCount > 40);
});

test('a check gives way to others all the time, and tells how far it is', async (t) => {
  const store = await openStore(t, await temporaryFolder(t));
  const entries = Array.from({ length: 1000 }, (_, i) => plain(`k${i}`, randomBytes(100)));
  for (let i = 0; i < 5; i++) await commitTxs(store, [entries]);
  let turns = 0;
  const count = setInterval(() => turns++, 0);
  const progress: number[] = [];
  await checkStore(store, { onProgress: (done) => progress.push(done) });
  clearInterval(count);
  assert.ok(turns > 3, `${turns} turns`);
  assert.ok(progress.length > 3);
  assert.equal(progress.at(-1), 5);
});

test('a check ends early when it is told to', async (t) => {
  const store = await someStore(t);
  const stop = new AbortController();
  const ended = checkStore(store, { bytesPerSecond: 1000, signal: stop.signal });
  stop.abort();
  const report = await ended;
  assert.equal(report.finished, false);
});

test('writes go on beside a check, which looks at what was there before', async (t) => {
  const store = await someStore(t);
  const checked = checkStore(store, { bytesPerSecond: 20_000_000 });
  for (let i = 0; i < 10; i++) await commitTxs(store, [[plain(`k${i % 5}`, 'new')]]);
  const report = await checked;
  assert.deepEqual([report.txId, report.problemCount], [24, 0]);
});
