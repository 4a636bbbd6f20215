import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sha256 } from '../../src/base/sha256.js';
import { inclusionTerms, verifyInclusion } from '../../src/proofs/index.js';
import { PIECE_CHECK_BYTES } from '../../src/storage/blob-store.js';
import { BLOB_PIECE_BYTES, blobKey, logKey, u64Key } from '../../src/storage/layout.js';
import { StateFile } from '../../src/storage/state-file.js';
import type { Store } from '../../src/storage/store.js';
import {
  assertSound,
  commitTxs,
  openStore,
  plain,
  storageError,
  temporaryFolder,
} from '../support/store-fixture.js';

function noError(error: unknown): never {
  throw error;
}

async function emptyStore(t: TestContext): Promise<Store> {
  return openStore(t, await temporaryFolder(t));
}

/** Changes one byte of a record behind the back of its store. */
async function damage(store: Store, table: 'log' | 'blobs' | 'tree', key: Buffer, at: number) {
  const record = store.environment.table(table).get(key) as Buffer;
  record[at] = (record[at] as number) ^ 0x10;
  await store.environment.commit(64, (batch) => batch.put(table, key, record));
}

test('transactions are found with their entries and values, small and large', async (t) => {
  const store = await emptyStore(t);
  const large = randomBytes(2 * BLOB_PIECE_BYTES + 17);
  const sizes = [0, 1, 2046, 2047, 2048, BLOB_PIECE_BYTES - 1, BLOB_PIECE_BYTES];
  const values = [...sizes.map((size) => randomBytes(size)), large];
  await commitTxs(store, [values.map((value, i) => plain(`key ${i}`, value))]);
  const entries = store.log.entries(1);
  values.forEach((value, i) => {
    const entry = entries[i];
    assert.ok(entry);
    assert.equal(entry.vLen, value.length + 1);
    assert.equal(entry.blobId === 0, value.length < 2048, `${value.length} bytes`);
    assert.deepEqual(store.log.value(entry, 1).subarray(1), value);
    assert.deepEqual(Buffer.concat([...store.log.valuePieces(entry, 1)]).subarray(1), value);
    assert.equal(store.log.valueKind(entry), 0);
  });
  assert.equal(store.log.findEntry(1, Buffer.from('\0key 3'))?.index, 3);
  assert.equal(store.log.findEntry(1, Buffer.from('\0key')), undefined);
  await assertSound(store);
});

test('a transaction that is missing is damage', async (t) => {
  const store = await emptyStore(t);
  await commitTxs(store, [[plain('a', '1')], [plain('b', '2')]]);
  await store.environment.commit(64, (batch) => batch.remove('log', logKey(1, 0)));
  assert.throws(() => store.log.head(1), storageError('corrupted'));
});

test('a missing segment, and one of another transaction, are damage', async (t) => {
  const store = await emptyStore(t);
  const many = (prefix: string) =>
    Array.from({ length: 100 }, (_, i) => plain(`${prefix}${i}`, randomBytes(100)));
  await commitTxs(store, [many('a'), many('b')]);
  const second = store.environment.table('log').get(logKey(2, 1)) as Buffer;
  await store.environment.commit(64, (batch) => batch.put('log', logKey(1, 1), second));
  assert.throws(() => store.log.entries(1), storageError('corrupted'));
  await store.environment.commit(64, (batch) => batch.remove('log', logKey(1, 1)));
  assert.throws(() => store.log.entries(1), storageError('corrupted'));
});

test('a value that does not match its digest is not handed out', async (t) => {
  const store = await emptyStore(t);
  await commitTxs(store, [[plain('a', 'value')]]);
  const { length } = store.environment.table('log').get(logKey(1, 0)) as Buffer;
  await damage(store, 'log', logKey(1, 0), length - 1);
  const entry = store.log.entries(1)[0];
  assert.ok(entry);
  assert.throws(() => store.log.value(entry, 1), storageError('corrupted'));
  assert.throws(() => [...store.log.valuePieces(entry, 1)], storageError('corrupted'));
});

test('a damaged, missing or exchanged piece of a large value is not handed out', async (t) => {
  const pieces = async (change: (store: Store, id: number) => Promise<void>) => {
    const store = await emptyStore(t);
    await commitTxs(store, [[plain('a', randomBytes(3 * BLOB_PIECE_BYTES))]]);
    const entry = store.log.entries(1)[0];
    assert.ok(entry);
    await change(store, entry.blobId);
    let handedOut = 0;
    assert.throws(() => {
      for (const piece of store.log.valuePieces(entry, 1)) handedOut += piece.length;
    }, storageError('corrupted'));
    assert.throws(() => store.log.value(entry, 1), storageError('corrupted'));
    return handedOut;
  };
  assert.equal(await pieces((store, id) => damage(store, 'blobs', blobKey(id, 0), 5)), 0);
  const second = await pieces((store, id) => damage(store, 'blobs', blobKey(id, 1), 5));
  assert.ok(second <= BLOB_PIECE_BYTES);
  await pieces((store, id) =>
    store.environment.commit(64, (batch) => batch.remove('blobs', blobKey(id, 3))),
  );
  await pieces((store, id) => {
    const third = store.environment.table('blobs').get(blobKey(id, 2)) as Buffer;
    return store.environment.commit(64, (batch) => batch.put('blobs', blobKey(id, 1), third));
  });
});

test('a whole piece too many, each right by itself, does not pass for the value', async (t) => {
  const store = await emptyStore(t);
  await commitTxs(store, [[plain('a', randomBytes(5000)), plain('b', randomBytes(5000))]]);
  const [a, b] = store.log.entries(1);
  assert.ok(a && b);
  assert.throws(() => store.blobs.read(a.blobId, a.vLen, b.hValue), storageError('corrupted'));
  assert.throws(() => store.blobs.read(a.blobId, a.vLen - 1, a.hValue), storageError('corrupted'));
});

test('staged values are removed when discarded and kept when adopted', async (t) => {
  const store = await emptyStore(t);
  const raw = Buffer.concat([Buffer.from([0]), randomBytes(4000)]);
  const stage = async () => {
    const id = store.blobs.allocate();
    await store.blobs.stage(id);
    await store.blobs.putStaged(id, 0, Buffer.concat([raw, Buffer.alloc(PIECE_CHECK_BYTES)]));
    return id;
  };
  const [kept, dropped] = [await stage(), await stage()];
  assert.ok(store.blobs.isStaged(kept) && store.blobs.isStaged(dropped));
  const staged = { blobId: kept, length: raw.length, hValue: sha256(raw), kind: 0 };
  await commitTxs(store, [[{ rawKey: Buffer.from('\0k'), value: staged }]]);
  await store.blobs.discard([dropped]);
  assert.ok(!store.blobs.isStaged(kept) && !store.blobs.isStaged(dropped));
  const entry = store.log.entries(1)[0];
  assert.ok(entry);
  assert.deepEqual(store.log.value(entry, 1), raw);
  assert.throws(() => store.blobs.head(dropped, 1), storageError('corrupted'));
  await assertSound(store);
});

test('tree nodes are those of the Alhs, and damaged ones are refused', async (t) => {
  const store = await emptyStore(t);
  await commitTxs(
    store,
    Array.from({ length: 70 }, (_, i) => [plain(`k${i}`, 'v')]),
  );
  const { blRoot, blTxId } = store.log.header(70);
  for (let i = 1; i <= blTxId; i++) {
    const terms = inclusionTerms(store.tree, i, blTxId);
    assert.ok(verifyInclusion(terms, i, blTxId, store.log.alh(i), blRoot), `leaf ${i}`);
  }
  assert.equal(store.tree.closedBy(64).length, 7);
  assert.equal(store.tree.closedBy(65).length, 1);
  await damage(store, 'tree', u64Key(66), 40);
  assert.throws(() => store.tree.closedBy(66), storageError('corrupted'));
  assert.throws(() => store.tree.node(1, 32), storageError('corrupted'));
  const record = store.environment.table('tree').get(u64Key(65)) as Buffer;
  await store.environment.commit(64, (batch) => batch.put('tree', u64Key(67), record));
  assert.throws(() => store.tree.node(0, 66), storageError('corrupted'));
  await store.environment.commit(64, (batch) => batch.remove('tree', u64Key(68)));
  assert.throws(() => store.tree.node(0, 67), storageError('corrupted'));
});

test('the newest acknowledged state is in its file after a flush and after closing', async (t) => {
  const file = path.join(await temporaryFolder(t), 'state');
  const errors: unknown[] = [];
  const state = new StateFile(file, 5000, (error) => errors.push(error));
  assert.equal(state.read(), undefined);
  await state.flush();
  assert.equal(existsSync(file), false);
  for (const txId of [1, 2, 3]) state.acknowledge({ txId, txHash: Buffer.alloc(32, txId) });
  await state.flush();
  assert.deepEqual(state.read(), { txId: 3, txHash: Buffer.alloc(32, 3) });
  state.acknowledge({ txId: 4, txHash: Buffer.alloc(32, 4) });
  await state.close();
  assert.equal(readFileSync(file, 'utf8'), `4 ${'04'.repeat(32)}\n`);
  assert.deepEqual(errors, []);
});

test('an acknowledged state gets to the disk by itself', async (t) => {
  const file = path.join(await temporaryFolder(t), 'state');
  const state = new StateFile(file, 5000, noError);
  state.acknowledge({ txId: 9, txHash: Buffer.alloc(32, 9) });
  const deadline = performance.now() + 10_000;
  while (!existsSync(file) && performance.now() < deadline) await nextTurn();
  assert.equal(state.read()?.txId, 9);
  await state.close();
});

test('a state file that cannot be understood is refused, one that cannot be written is told', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'state');
  for (const text of [
    '',
    '1',
    `1 ${'0'.repeat(63)}\n`,
    `-1 ${'0'.repeat(64)}\n`,
    `1 ${'0'.repeat(64)}\n\n`,
  ]) {
    writeFileSync(file, text);
    assert.throws(() => new StateFile(file, 5000, noError).read(), storageError('corrupted'));
  }
  const errors: unknown[] = [];
  const lost = new StateFile(path.join(folder, 'no such folder', 'state'), 5000, (e) =>
    errors.push(e),
  );
  lost.acknowledge({ txId: 1, txHash: Buffer.alloc(32) });
  await lost.close();
  assert.equal(errors.length, 1);
});
