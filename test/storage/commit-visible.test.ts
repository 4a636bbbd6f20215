import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Disk, IndexLimits } from '../../src/storage/index.js';
import { realDisk } from '../../src/storage/index.js';
import { Store } from '../../src/storage/store.js';
import {
  assertSound,
  cleanUp,
  commitTxs,
  plain,
  storeOptions,
  temporaryFolder,
} from '../support/store-fixture.js';

/**
 * LMDB shows a commit to readers before the promise of it settles, and so before the state, the backlog of
 * the index and the tree are what they should be then. A reader in between was told what is in neither the
 * old state nor the new one: scans lost keys that a merge was bringing into the tables, and a key was
 * answered with a transaction beyond the state.
 */

const SMALL: Partial<IndexLimits> = {
  directVersionsMax: 4,
  versionsHigh: 10,
  keyBytesHigh: 100_000,
  mergeStepKeys: 3,
};
const LOW = Buffer.from([0]);
const HIGH = Buffer.from([0xff]);
const key = (name: string) => Buffer.from(`\0${name}`);

/** Looks twice at every commit: when LMDB got it, and when LMDB has done it and nobody was told. */
class ReadingDisk implements Disk {
  readonly space = realDisk.space;
  look: (() => void | Promise<void>) | undefined;
  failAfter = false;
  looks = 0;

  async finished(commit: Promise<unknown>): Promise<unknown> {
    await this.#look();
    const done = await commit;
    await new Promise(setImmediate);
    await this.#look();
    if (this.failAfter) throw new Error('EIO: injected');
    return done;
  }

  async #look(): Promise<void> {
    if (this.look === undefined) return;
    this.looks++;
    await this.look();
  }
}

async function openWatched(t: TestContext): Promise<{ store: Store; disk: ReadingDisk }> {
  const disk = new ReadingDisk();
  const folder = await temporaryFolder(t);
  const options = { indexLimits: SMALL, disk, onFailure: () => {} };
  const store = await Store.open(storeOptions(folder, options));
  cleanUp(t, () => store.close());
  return { store, disk };
}

function answers(store: Store, names: readonly string[]) {
  const read = (desc: boolean, limit: number) =>
    store.index.page(LOW, HIGH, desc, limit).map((row) => [row.key.toString(), row.entry]);
  for (const name of names) {
    if (store.index.lookup(key(name)) === undefined) store.index.checkNeighbours(key(name));
  }
  return {
    state: store.state,
    newest: names.map((name) => store.index.lookup(key(name))),
    pages: [1, 2, 3, 99].flatMap((limit) => [read(false, limit), read(true, limit)]),
  };
}

test('while a small commit is under way, and seen, readers get what was before it', async (t) => {
  const { store, disk } = await openWatched(t);
  await commitTxs(store, [[plain('a', '1'), plain('c', '1')]]);
  const names = ['a', 'b', 'c', 'd'];
  const expected = answers(store, names);
  disk.look = () => assert.deepEqual(answers(store, names), expected);
  await commitTxs(store, [[plain('a', '2'), plain('b', '1')], [plain('d', '1')]]);
  disk.look = undefined;
  assert.equal(disk.looks, 2);
  assert.deepEqual(
    names.map((name) => store.index.lookup(key(name))?.tx),
    [2, 2, 1, 3],
  );
  assert.equal(store.index.page(LOW, HIGH, false, 99).length, 4);
  await assertSound(store);
});

test('a check beside a commit that is seen finds no problems', async (t) => {
  const { store, disk } = await openWatched(t);
  await commitTxs(store, [[plain('a', '1')], [plain('a', '2')]]);
  disk.look = async () => {
    await assertSound(store);
  };
  await commitTxs(store, [[plain('a', '3')], [plain('b', '1')], [plain('b', '2')]]);
  await commitTxs(store, [['a', 'b', 'c', 'd', 'e'].map((name) => plain(name, '4'))]);
  while (store.index.hasMergeWork) await store.mergeIndexStep();
  assert.ok(disk.looks > 4);
});

test('while a merge is under way, and seen, readers miss nothing and get nothing twice', async (t) => {
  const { store, disk } = await openWatched(t);
  const names = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'none'];
  await commitTxs(store, [[plain('k1', '0')]]);
  await commitTxs(store, [names.slice(0, 6).map((name) => plain(name, '1'))]);
  const expected = answers(store, names);
  disk.look = () => assert.deepEqual(answers(store, names), expected);
  while (store.index.hasMergeWork) await store.mergeIndexStep();
  disk.look = undefined;
  assert.ok(disk.looks >= 4);
  assert.deepEqual(answers(store, names), expected);
  await assertSound(store);
});

test('after a commit that failed but can be seen, readers stay with what was acknowledged', async (t) => {
  const { store, disk } = await openWatched(t);
  await commitTxs(store, [[plain('a', '1')]]);
  const expected = answers(store, ['a', 'b']);
  disk.failAfter = true;
  await assert.rejects(commitTxs(store, [[plain('a', '2'), plain('b', '1')]]), /injected/);
  assert.deepEqual(answers(store, ['a', 'b']), expected);
});

test('a value that is discarded beside the commit of its transaction stays whole', async (t) => {
  const { store } = await openWatched(t);
  const blobId = store.blobs.allocate();
  await store.blobs.stage(blobId);
  await store.blobs.putStaged(blobId, 0, Buffer.from('\0large\0\0\0\0'));
  assert.equal(store.blobs.isStaged(blobId), true);
  const adopted = store.environment.commit(64, (batch) => store.blobs.adopt(batch, blobId));
  const discarded = store.blobs.discard([blobId]);
  assert.equal(store.blobs.isStaged(blobId), false, 'nobody else may take it');
  await Promise.all([adopted, discarded]);
  assert.equal(store.blobs.head(blobId, 6).toString(), '\0large');
});
