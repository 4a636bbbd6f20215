import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import {
  checkStore,
  firstNotBefore,
  rebuildIndex,
  type Store,
  truncateValues,
  truncationOf,
} from '../../src/storage/index.js';
import { META_TRUNCATION } from '../../src/storage/layout.js';
import {
  assertSound,
  commitTxs,
  copyAsAfterCrash,
  MemoryLog,
  openStore,
  plain,
  storageError,
  temporaryFolder,
} from '../support/store-fixture.js';

const LARGE = 2_500_000;

/** 30 transactions with two values each, every tenth one with a large value. */
async function someStore(t: TestContext, folder: string): Promise<Store> {
  const store = await openStore(t, folder);
  for (let i = 1; i <= 30; i++) {
    const value = i % 10 === 0 ? randomBytes(LARGE) : randomBytes(100 + i);
    await commitTxs(store, [[plain(`k${i % 7}`, value), plain(`u${i}`, `value ${i}`)]]);
  }
  return store;
}

/** All that proofs are made of. */
function provable({ log, state }: Store): unknown[] {
  const all: unknown[] = [];
  for (let txId = 1; txId <= state.txId; txId++) {
    const head = log.head(txId);
    all.push(head.header, head.alh);
    for (const { rawKey, metadata, hValue, vLen } of log.entries(txId, head)) {
      all.push([rawKey, metadata, hValue, vLen]);
    }
  }
  return all;
}

const truncatedTxs = ({ log, state }: Store) =>
  Array.from({ length: state.txId }, (_, i) => i + 1).filter((txId) =>
    log.entries(txId).every(({ truncated }) => truncated),
  );
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test('values before a transaction go, and all that proofs need stays', async (t) => {
  const store = await someStore(t, await temporaryFolder(t));
  const before = provable(store);
  const entry = store.log.entries(10)[0];
  assert.ok(entry && entry.blobId !== 0);
  const pieces = store.log.valuePieces(entry, 10);
  assert.equal(pieces.next().done, false);
  const report = await truncateValues(store, 21);
  assert.equal(report.values, 40);
  assert.ok(report.bytes > 2 * LARGE);
  assert.deepEqual(truncatedTxs(store), upTo(20));
  assert.deepEqual(provable(store), before);
  assert.throws(() => store.log.value(entry, 10), storageError('truncated'));
  assert.throws(() => pieces.next(), storageError('truncated'));
  assert.equal(store.log.value(store.log.entries(21)[1] as never, 21).toString(), '\0value 21');
  const remaining = new Set(
    store.environment
      .table('blobs')
      .keys({})
      .map((key) => key.readUInt32BE(4)),
  );
  assert.equal(remaining.size, 1);
  assert.deepEqual(store.environment.table('staging').keys({}), []);
  assert.equal((await assertSound(store)).truncatedValues, 40);
  await rebuildIndex(store, new MemoryLog());
  await assertSound(store);
  await commitTxs(store, [[plain('more', 'x')]]);
  await assertSound(store);
});

test('asked again for less, or for the same, nothing happens', async (t) => {
  const store = await someStore(t, await temporaryFolder(t));
  await truncateValues(store, 11);
  for (const end of [1, 5, 11]) {
    assert.equal((await truncateValues(store, end)).values, 0);
    assert.deepEqual(truncationOf(store), { next: 11, end: 11 });
  }
  assert.equal((await truncateValues(store, 1000)).values, 40);
  assert.deepEqual(truncationOf(store), { next: 31, end: 31 });
});

test('a crash after any commit of it leaves a sound store that goes on from there', async (t) => {
  const folder = await temporaryFolder(t);
  const store = await someStore(t, folder);
  const copies: string[] = [];
  const { environment } = store;
  const commit = environment.commit.bind(environment);
  environment.commit = async (...args) => {
    await commit(...args);
    copies.push(await copyAsAfterCrash(folder, t));
  };
  await truncateValues(store, 26);
  // Of the entries, and of the values that were stored beside them.
  assert.ok(copies.length >= 2, `${copies.length} commits`);
  for (const copy of copies) {
    const again = await openStore(t, copy);
    const { next, end } = truncationOf(again);
    assert.equal(end, 26);
    assert.deepEqual(truncatedTxs(again), upTo(next - 1));
    assert.deepEqual(again.environment.table('staging').keys({}), []);
    await assertSound(again);
    await truncateValues(again, 1);
    assert.deepEqual(truncatedTxs(again), upTo(25));
    await assertSound(again);
    await again.close();
  }
});

test('it ends between two steps when it is told to, and can be taken up again', async (t) => {
  const store = await openStore(t, await temporaryFolder(t));
  const value = randomBytes(2000);
  const txs = upTo(40).map((i) => upTo(50).map((j) => plain(`${i}/${j}`, value)));
  await commitTxs(store, txs);
  const stop = new AbortController();
  const ended = truncateValues(store, 41, { signal: stop.signal, onProgress: () => stop.abort() });
  await assert.rejects(ended, { name: 'AbortError' });
  const { next, end } = truncationOf(store);
  assert.ok(next > 1 && next < 41, `${next}`);
  assert.equal(end, 41);
  await assertSound(store);
  await truncateValues(store, 1);
  assert.deepEqual(truncatedTxs(store), upTo(40));
});

test('a value that is gone without having been asked for is damage', async (t) => {
  const store = await someStore(t, await temporaryFolder(t));
  await truncateValues(store, 11);
  await store.environment.commit(64, (batch) => batch.remove('meta', Buffer.from(META_TRUNCATION)));
  const report = await checkStore(store);
  assert.equal(report.problemCount, 20);
  assert.equal(report.problems[0]?.where, 'transaction 1, entry 0');
  await store.environment.commit(64, (batch) =>
    batch.put('meta', Buffer.from(META_TRUNCATION), Buffer.alloc(20)),
  );
  assert.throws(() => truncationOf(store), storageError('corrupted'));
});

test('damage that is met is told, and the store goes on', async (t) => {
  const store = await someStore(t, await temporaryFolder(t));
  const key = store.environment.table('log').keys({})[4] as Buffer;
  await store.environment.commit(64, (batch) => batch.put('log', key, Buffer.from([1, 2])));
  await assert.rejects(truncateValues(store, 20), storageError('corrupted'));
  assert.equal(store.environment.failure, undefined);
  await commitTxs(store, [[plain('a', 'b')]]);
});

test('a transaction without a time, and all after it, are never old', async (t) => {
  const store = await openStore(t, await temporaryFolder(t));
  await commitTxs(store, [[plain('a', 'b')], [plain('a', 'c')]]);
  const { ts } = store.log.header(1);
  assert.equal(await firstNotBefore(store, ts), 1);
  assert.equal(await firstNotBefore(store, ts + 1), 3);
  store.log.header = ((txId: number) => ({ ts: txId === 2 ? 0 : ts })) as never;
  assert.equal(await firstNotBefore(store, ts + 1), 2);
});
