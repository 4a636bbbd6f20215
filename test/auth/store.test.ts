import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { Auth, databaseStore } from '../../src/auth/index.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLog } from '../../src/base/log.js';
import { DatabaseManager } from '../../src/database/index.js';
import { bytes, CHEAP_HASH, refusal, STRONG } from '../support/auth-fixture.js';
import { temporaryFolder } from '../support/store-fixture.js';

/** Elements of a page: fewer than a test stores, so that reading goes over several. */
const RESULT_ENTRIES_MAX = 1_000;

function openDatabases(folder: string): Promise<DatabaseManager> {
  return DatabaseManager.open({
    dir: folder,
    defaults: {
      maxKeyLen: 1024,
      maxValueLen: 33_554_432,
      maxTxEntries: 1024,
      writeTxHeaderVersion: 'auto',
    },
    limits: {
      resultEntriesMax: RESULT_ENTRIES_MAX,
      resultBytesMax: 1_000_000,
      waitersMax: 1_000,
    },
    clock: systemClock,
    log: silentLog,
    commitTimeoutMs: 10_000,
    reserveBytes: 0,
    reserveFraction: 0,
    onFailure: (name, error) => assert.fail(`${name}: ${error.message}`),
    onCorruption: (name, error) => assert.fail(`${name}: ${error.message}`),
  });
}

async function temporaryDatabases(t: TestContext): Promise<DatabaseManager> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stele-auth-store-'));
  const databases = await openDatabases(folder);
  // In this order: closing writes to the folder.
  t.after(async () => {
    await databases.close();
    await rm(folder, { recursive: true, force: true });
  });
  return databases;
}

function text(value: Uint8Array | undefined): string | undefined {
  return value && Buffer.from(value).toString();
}

test('records are found by key and by prefix, over several pages, in key order', async (t) => {
  const { system } = await temporaryDatabases(t);
  const store = databaseStore(system);
  assert.equal(store.get('test:00'), undefined);
  assert.deepEqual(await store.scan('test:'), []);
  // The second page ends exactly where the records do.
  const keys = Array.from({ length: 2 * RESULT_ENTRIES_MAX }, (_, i) => `test:${i + 1_000}`);
  const put = (some: string[]) =>
    store.put(some.map((key) => ({ key, value: bytes(`of ${key}`), replacesTx: 0 })));
  const later = await put(keys.slice(RESULT_ENTRIES_MAX).toReversed());
  const earlier = await put(keys.slice(0, RESULT_ENTRIES_MAX));
  await store.put([{ key: 'tesu:1', value: bytes('other'), replacesTx: 0 }]);
  const found = await store.scan('test:');
  assert.deepEqual(
    found.map((record) => [record.key, text(record.value), record.tx]),
    keys.map((key, i) => [key, `of ${key}`, i < RESULT_ENTRIES_MAX ? earlier : later]),
  );
  assert.equal(text(store.get('tesu:1')?.value), 'other');
});

test('a write replaces exactly the version it names, and otherwise nothing is written', async (t) => {
  const { system } = await temporaryDatabases(t);
  const store = databaseStore(system);
  const write = (key: string, value: string, replacesTx: number) => ({
    key,
    value: bytes(value),
    replacesTx,
  });
  const first = await store.put([write('test:a', '1', 0)]);
  assert.ok(first !== undefined);
  assert.equal(await store.put([write('test:a', 'x', 0)]), undefined);
  const second = await store.put([write('test:a', '2', first)]);
  assert.ok(second !== undefined && second > first);
  const before = system.state().txId;
  assert.equal(await store.put([write('test:b', 'x', 0), write('test:a', 'x', first)]), undefined);
  assert.equal(system.state().txId, before);
  assert.equal(text(store.get('test:a')?.value), '2');
  assert.equal(store.get('test:b'), undefined);
});

test('of writes at once that name one version, one is done', async (t) => {
  const { system } = await temporaryDatabases(t);
  const store = databaseStore(system);
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      store.put([{ key: 'test:a', value: bytes(`${i}`), replacesTx: 0 }]),
    ),
  );
  assert.equal(outcomes.filter((tx) => tx !== undefined).length, 1);
});

test('a failure of the database is not taken for a conflict', async (t) => {
  const { system } = await temporaryDatabases(t);
  const key = `test:${'x'.repeat(2_000)}`;
  const put = databaseStore(system).put([{ key, value: bytes('1'), replacesTx: 0 }]);
  await assert.rejects(put, { code: 'keyTooLong' });
});

test('users and rights are verifiable transactions and are there after a restart', async (t) => {
  const folder = await temporaryFolder(t);
  const start = async () => {
    const databases = await openDatabases(folder);
    const auth = new Auth({
      store: databaseStore(databases.system),
      databases,
      options: { tokenKeyPath: path.join(folder, 'token.key') },
      hashCost: CHEAP_HASH,
    });
    await auth.open();
    return { databases, auth };
  };
  const logIn = async (auth: Auth, userName: string, password: string) =>
    (await auth.login({ userName, password: bytes(password) })).caller;

  const first = await start();
  const root = await logIn(first.auth, 'immudb', 'immudb');
  const created = Array.from({ length: 12 }, (_, i) => `user${i + 10}`);
  for (const userName of created) {
    const request = { userName, password: bytes(STRONG), permission: 1, database: 'defaultdb' };
    await first.auth.createUser(root, request);
  }
  const grant = { action: 0, userName: 'user10', database: 'defaultdb', permission: 2 };
  await first.auth.changePermission(root, grant);
  const history = first.databases.system.history({
    key: bytes('user:user10'),
    offset: 0,
    limit: 0,
    desc: false,
    sinceTx: 0,
  });
  assert.deepEqual(
    history.map(
      (version) => (JSON.parse(text(version.value) ?? '') as { permissions: unknown }).permissions,
    ),
    [[{ database: 'defaultdb', permission: 1 }], [{ database: 'defaultdb', permission: 2 }]],
  );
  first.auth.dispose();
  await first.databases.close();

  const second = await start();
  const users = second.auth.listUsers(await logIn(second.auth, 'immudb', 'immudb'));
  assert.deepEqual(
    users.map((user) => user.name),
    ['immudb', ...created],
  );
  assert.equal((await logIn(second.auth, 'user10', STRONG)).permissionOn('defaultdb'), 2);
  const wrong = logIn(second.auth, 'user10', 'immudb');
  await assert.rejects(wrong, refusal('invalidCredentials'));
  second.auth.dispose();
  await second.databases.close();
});
