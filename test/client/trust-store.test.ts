import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { FileTrustStore } from '../../src/client/index.js';

const SCOPE = { server: 'dc1r4hhksdu9pknvc3k0', database: 'defaultdb' };
const state = (txId: number, fill = txId) => ({ txId, txHash: Buffer.alloc(32, fill) });

async function directory(t: TestContext): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'stele-trust-'));
  t.after(() => rm(made, { recursive: true, force: true }));
  return made;
}

test('a state is replaced only by who knows it, and never moves back', async (t) => {
  const store = new FileTrustStore(await directory(t));
  assert.equal(await store.replace(SCOPE, undefined, state(3)), true);
  assert.equal(await store.replace(SCOPE, undefined, state(4)), false);
  assert.equal(await store.replace(SCOPE, state(3, 9), state(4)), false);
  assert.deepEqual(await store.load(SCOPE), state(3));
  await assert.rejects(store.replace(SCOPE, state(3), state(2)), /never moves back/);
  assert.equal(await store.replace(SCOPE, state(3), state(4)), true);
  assert.deepEqual(await store.load(SCOPE), state(4));
});

test('of two stores on one directory exactly one wins each step', async (t) => {
  const where = await directory(t);
  const stores = [new FileTrustStore(where), new FileTrustStore(where)];
  const [first] = stores as [FileTrustStore, FileTrustStore];
  await first.replace(SCOPE, undefined, state(1));
  for (let txId = 1; txId < 6; txId++) {
    const won = await Promise.all(
      stores.map((store) => store.replace(SCOPE, state(txId), state(txId + 1))),
    );
    assert.equal(won.filter(Boolean).length, 1);
  }
  const left = await readdir(path.join(where, SCOPE.server));
  assert.deepEqual(left, ['defaultdb.json']);
});

test('databases and servers are apart, whatever they are called', async (t) => {
  const where = await directory(t);
  const store = new FileTrustStore(where);
  const names = ['db', 'otherdb', '../db', '..', 'a/b', '', 'DB'];
  for (const [i, database] of names.entries()) {
    await store.replace({ server: '../../evil', database }, undefined, state(i + 1));
  }
  for (const [i, database] of names.entries()) {
    assert.deepEqual(await store.load({ server: '../../evil', database }), state(i + 1));
  }
  assert.equal((await readdir(where)).length, 1);
});

test('a damaged file is never taken for a missing one', async (t) => {
  const store = new FileTrustStore(await directory(t));
  await store.replace(SCOPE, undefined, state(1));
  for (const content of ['', '{}', '[1]', '{"format":2}', '{"format":1,"txId":1,"txHash":"00"}']) {
    await writeFile(store.fileOf(SCOPE), content);
    await assert.rejects(store.load(SCOPE), { code: 'trustUnusable' });
    await assert.rejects(store.replace(SCOPE, undefined, state(2)), { code: 'trustUnusable' });
  }
});

test('an address stays with the server that answered there first', async (t) => {
  const where = await directory(t);
  assert.equal(await new FileTrustStore(where).pin('127.0.0.1:3322', 'one'), 'one');
  assert.equal(await new FileTrustStore(where).pin('127.0.0.1:3322', 'two'), 'one');
  assert.equal(await new FileTrustStore(where).pin('127.0.0.1:3323', 'two'), 'two');
});
