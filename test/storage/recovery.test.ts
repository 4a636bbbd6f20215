import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  PIECE_CHECK_BYTES,
  rebuildIndex,
  Store,
  type StoreOptions,
} from '../../src/storage/index.js';
import { blobKey, logKey, u64Key } from '../../src/storage/layout.js';
import {
  assertSound,
  commitTxs,
  copyAsAfterCrash,
  MemoryLog,
  openStore,
  plain,
  storageError,
  storeOptions,
  TestDisk,
  temporaryFolder,
} from '../support/store-fixture.js';

const TXS = 9;

/** A closed store of some transactions. */
async function closedStore(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  const store = await openStore(t, folder);
  for (let i = 1; i <= TXS; i++)
    await commitTxs(store, [[plain(`k${i % 4}`, `${i}`), plain(`u${i}`, 'x')]]);
  await store.close();
  return folder;
}

/** Opens it, changes a record, closes it. */
async function change(folder: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await Store.open(storeOptions(folder));
  await work(store);
  await store.close();
}

function reopened(folder: string, more: Partial<StoreOptions> = {}): Promise<Store> {
  return Store.open(storeOptions(folder, more));
}

test('an opening goes on where the last one ended', async (t) => {
  const folder = await closedStore(t);
  const store = await openStore(t, folder);
  assert.equal(store.state.txId, TXS);
  assert.deepEqual(store.state.txHash, store.log.alh(TXS));
  await commitTxs(store, [[plain('more', '1')]]);
  assert.deepEqual(store.log.header(TXS + 1).prevAlh, store.log.alh(TXS));
  await assertSound(store);
});

test('a damaged newest transaction, or its place in the tree, refuses the opening', async (t) => {
  const tables = [
    ['log', logKey(TXS, 0), 40],
    ['log', logKey(TXS, 0), 200],
    ['tree', u64Key(TXS), 3],
    ['tree', u64Key(TXS - 1), 40],
  ] as const;
  for (const [table, key, at] of tables) {
    const folder = await closedStore(t);
    await change(folder, async (store) => {
      const record = store.environment.table(table).get(key) as Buffer;
      record[at] = (record[at] as number) ^ 1;
      await store.environment.commit(64, (batch) => batch.put(table, key, record));
    });
    await assert.rejects(reopened(folder), storageError('corrupted'));
  }
});

test('a tree that is whole but of another history refuses the opening', async (t) => {
  const folder = await closedStore(t);
  const other = await temporaryFolder(t);
  const store = await openStore(t, other);
  for (let i = 1; i <= TXS; i++) await commitTxs(store, [[plain('other', `${i}`)]]);
  for (const leaf of [TXS, TXS - 1]) {
    const record = store.environment.table('tree').get(u64Key(leaf)) as Buffer;
    const copy = await copyAsAfterCrash(folder, t);
    await change(copy, (mine) =>
      mine.environment.commit(64, (batch) => batch.put('tree', u64Key(leaf), record)),
    );
    await assert.rejects(reopened(copy), storageError('corrupted'));
  }
});

test('an environment behind the acknowledged state, or of another history, is refused', async (t) => {
  const folder = await closedStore(t);
  const { stateFile } = storeOptions(folder);
  const write = (txId: number, hash: Buffer) =>
    writeFileSync(stateFile, `${txId} ${hash.toString('hex')}\n`);
  write(TXS + 1, randomBytes(32));
  await assert.rejects(reopened(folder), /ends with transaction 9, but 10 was acknowledged/);
  write(TXS - 2, randomBytes(32));
  await assert.rejects(reopened(folder), storageError('behindAcknowledged'));
  writeFileSync(stateFile, 'nonsense');
  await assert.rejects(reopened(folder), storageError('corrupted'));
  rmSync(stateFile);
  await (await reopened(folder)).close();
});

test('an older copy put back is refused, an environment ahead of the file is not', async (t) => {
  const folder = await closedStore(t);
  const { path: environment, stateFile } = storeOptions(folder);
  const older = await copyAsAfterCrash(folder, t);
  await change(folder, async (store) => void (await commitTxs(store, [[plain('new', '1')]])));
  const newState = path.join(folder, 'kept');
  await cp(stateFile, newState);
  await cp(storeOptions(older).stateFile, stateFile);
  await (await reopened(folder)).close();
  renameSync(newState, stateFile);
  rmSync(environment, { recursive: true });
  await cp(storeOptions(older).path, environment, { recursive: true });
  await assert.rejects(reopened(folder), storageError('behindAcknowledged'));
});

test('an emptied folder is refused, not begun anew', async (t) => {
  const folder = await closedStore(t);
  rmSync(storeOptions(folder).path, { recursive: true });
  await assert.rejects(reopened(folder), storageError('behindAcknowledged'));
});

test('values of unfinished writes are removed by the next opening', async (t) => {
  const folder = await closedStore(t);
  const store = await openStore(t, folder);
  for (const pieces of [0, 1, 3]) {
    const id = store.blobs.allocate();
    await store.blobs.stage(id);
    for (let piece = 0; piece < pieces; piece++) {
      await store.blobs.putStaged(id, piece, randomBytes(1000 + PIECE_CHECK_BYTES));
    }
  }
  await commitTxs(store, [[plain('big', randomBytes(5000))]]);
  const copy = await copyAsAfterCrash(folder, t);
  const log = new MemoryLog();
  const again = await openStore(t, copy, { log });
  assert.deepEqual(again.environment.table('staging').keys({}), []);
  assert.equal(again.environment.table('blobs').keys({}).length, 1);
  const told = log.lines.find(({ message }) => message.includes('unfinished writes'));
  assert.equal(told?.fields.count, 3);
  const id = again.blobs.allocate();
  assert.equal(again.environment.table('blobs').get(blobKey(id, 0)), undefined);
  await assertSound(again);
});

test('an index that does not hold the newest transaction is built anew', async (t) => {
  for (const key of ['\0k1', '\0u9']) {
    const folder = await closedStore(t);
    await change(folder, (store) =>
      store.environment.commit(64, (batch) => batch.remove('index', Buffer.from(key))),
    );
    const log = new MemoryLog();
    const store = await openStore(t, folder, { log });
    assert.match(log.lines.map(({ message }) => message).join(), /is built anew/);
    assert.equal(store.index.lookup(Buffer.from('\0k1'))?.revision, 3);
    await assertSound(store);
  }
});

test('a rebuilt index equals the one before, and a crash on the way is no loss', async (t) => {
  const folder = await closedStore(t);
  const indexLimits = { directVersionsMax: 2, versionsHigh: 4, mergeStepKeys: 2 };
  const disk = new TestDisk();
  const store = await openStore(t, folder, { indexLimits, disk });
  const dump = (one: Store) =>
    (['index', 'history'] as const).map((table) =>
      one.environment
        .table(table)
        .rows({})
        .map(({ key, value }) => `${key.toString('hex')} ${value.toString('hex')}`),
    );
  const before = dump(store);
  const copies: string[] = [];
  const progress: number[] = [];
  disk.finished = async (commit) => {
    await commit;
    copies.push(await copyAsAfterCrash(folder, t));
  };
  await rebuildIndex(store, new MemoryLog(), (done) => progress.push(done));
  assert.deepEqual(dump(store), before);
  assert.equal(progress.at(-1), TXS);
  assert.ok(copies.length > 3, `${copies.length} commits`);
  for (const copy of copies) {
    const crashed = await openStore(t, copy, { indexLimits });
    while (crashed.index.hasMergeWork) await crashed.mergeIndexStep();
    assert.deepEqual(dump(crashed), before);
    await assertSound(crashed);
  }
});

test('a full disk keeps neither from opening nor from closing with a backlog', async (t) => {
  const folder = await temporaryFolder(t);
  const disk = new TestDisk();
  const indexLimits = { directVersionsMax: 1 };
  const store = await openStore(t, folder, { disk, indexLimits });
  await commitTxs(store, [[plain('a', '1'), plain('b', '2')]]);
  const id = store.blobs.allocate();
  await store.blobs.stage(id);
  disk.free = 0;
  await store.close();
  const again = await openStore(t, folder, { disk, indexLimits });
  assert.equal(again.index.lookup(Buffer.from('\0b'))?.tx, 1);
  assert.equal(again.index.backlogKeys, 2);
  assert.ok(again.blobs.isStaged(id));
  await again.close();
  disk.free = undefined;
  const last = await openStore(t, folder, { disk });
  assert.ok(!last.blobs.isStaged(id));
  await assertSound(last);
});

test('an opening that is refused leaves no file open and no file behind', async (t) => {
  const folder = await closedStore(t);
  const files = () => readdirSync('/proc/self/fd').length;
  writeFileSync(storeOptions(folder).stateFile, 'nonsense');
  await reopened(folder).catch(() => {});
  const before = files();
  for (let i = 0; i < 5; i++) await assert.rejects(reopened(folder), storageError('corrupted'));
  assert.equal(files(), before);
});
