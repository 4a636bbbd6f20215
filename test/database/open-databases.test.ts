import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { StoredDatabase } from '../../src/database/index.js';
import {
  bytes,
  type DatabasesFixture,
  keyRequest,
  kv,
  openDatabases,
  SESSION,
  scanRequest,
} from '../support/database-fixture.js';

const CREATE = { createdBy: '', ifNotExists: false };

async function withDatabases(
  t: TestContext,
  count: number,
  maxOpenDatabases: number,
): Promise<DatabasesFixture> {
  const fixture = await openDatabases(t, { maxOpenDatabases, databaseIdleMs: 0 });
  for (let i = 0; i < count; i++) await fixture.manager.create(`db${i}`, {}, CREATE);
  return fixture;
}

const openCount = ({ manager }: DatabasesFixture) => manager.opened().length - 1;

async function settled(fixture: DatabasesFixture, count: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (openCount(fixture) > count && performance.now() < deadline) await nextTurn();
}

test('of 120 databases 20 stay open, and each answers whenever it is asked', async (t) => {
  const fixture = await withDatabases(t, 120, 20);
  const { manager } = fixture;
  let most = 0;
  for (const round of [1, 2]) {
    const ask = async (i: number) => {
      const database = await manager.stored(`db${i}`);
      using _use = database.retain();
      most = Math.max(most, openCount(fixture));
      await database.set([kv('k', `${i}/${round}`)], SESSION);
      await nextTurn();
      const entry = database.get(keyRequest('k'));
      assert.equal(Buffer.from(entry.value).toString(), `${i}/${round}`);
      assert.equal(entry.revision, round);
    };
    for (let i = 0; i < 120; i += 6) await Promise.all([0, 1, 2, 3, 4, 5].map((n) => ask(i + n)));
  }
  assert.ok(most <= 26, `${most} open at once`);
  await settled(fixture, 20);
  assert.ok(openCount(fixture) <= 20);
  assert.equal(manager.info('db7').numTransactions, 2);
  assert.equal(manager.list().length, 121);
});

test('the one that was not used for longest is closed first', async (t) => {
  const fixture = await withDatabases(t, 4, 3);
  const names = () =>
    fixture.manager
      .opened()
      .slice(1)
      .map(({ name }) => name)
      .sort()
      .join(' ');
  await settled(fixture, 3);
  assert.equal(names(), 'db1 db2 db3');
  const use = async (name: string) => (await fixture.manager.open(name)).state();
  for (const name of ['db3', 'db1', 'db2', 'db0']) {
    await use(name);
    await nextTurn();
  }
  await settled(fixture, 3);
  assert.equal(names(), 'db0 db1 db2');
});

test('a database in use is never closed, however it is used', async (t) => {
  const fixture = await withDatabases(t, 1, 1);
  const { manager } = fixture;
  let database = await manager.stored('db0');
  const again = async () => {
    database = await manager.stored('db0');
  };
  const crowd = async (use: string) => {
    for (let i = 0; i < 3; i++) await manager.open('defaultdb');
    for (let i = 0; i < 10; i++) await nextTurn();
    assert.ok(manager.opened().includes(database), use);
  };

  const held = database.retain();
  await database.set(
    Array.from({ length: 600 }, (_, i) => kv(`k${i}`, 'v')),
    SESSION,
  );
  await database.set([kv('big', Buffer.alloc(3_000_000, 1))], SESSION);
  await crowd('it is held on to');
  held[Symbol.dispose]();
  held[Symbol.dispose]();
  assert.equal(database.uses.count, 0);

  await again();
  const stager = database.stageValue();
  await stager.write(bytes('x'));
  await crowd('a value is being staged');
  const staged = await stager.finish();
  await database.set([{ key: bytes('staged'), value: staged }], SESSION);

  await again();
  const scan = database.scanStreamed(scanRequest());
  await scan.next();
  await crowd('a scan is under way');
  await scan.return(undefined);

  await again();
  const pieces = database.getStreamed(keyRequest('big')).value();
  const iterator = (pieces as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  await iterator.next();
  await crowd('a value is being read');
  await iterator.return?.();

  await again();
  const exported = database.exportTx(2).pieces()[Symbol.asyncIterator]();
  await exported.next();
  await crowd('a transaction is being exported');
  await exported.return?.(undefined);

  await again();
  const count = database.count(bytes('k'));
  await manager.open('defaultdb');
  assert.equal(await count, 600);

  await manager.open('defaultdb');
  await settled(fixture, 1);
  assert.equal(openCount(fixture), 1);
});

test('who comes while a database is being closed gets it opened again', async (t) => {
  const fixture = await withDatabases(t, 3, 1);
  const seen = new Set<StoredDatabase>();
  for (let i = 0; i < 60; i++) {
    const database = await fixture.manager.stored(`db${i % 3}`);
    using _use = database.retain();
    seen.add(database);
    await database.set([kv('k', `${i}`)], SESSION);
  }
  assert.ok(seen.size > 10, `${seen.size} openings`);
  for (let i = 0; i < 3; i++) {
    const database = await fixture.manager.stored(`db${i}`);
    assert.equal(database.state().txId, 20);
  }
});

test('a database that was used a moment ago stays open', async (t) => {
  const fixture = await openDatabases(t, { maxOpenDatabases: 1, databaseIdleMs: 60_000 });
  for (const name of ['a', 'b', 'c']) await fixture.manager.create(name, {}, CREATE);
  await nextTurn();
  assert.equal(openCount(fixture), 4);
});
