import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { StoredDatabase } from '../../src/database/index.js';
import { truncationOf } from '../../src/storage/index.js';
import {
  type DatabasesFixture,
  historyRequest,
  keyRequest,
  kv,
  openDatabases,
  reference,
  refusal,
  SESSION,
} from '../support/database-fixture.js';

const DAY_MS = 86_400_000;
const CREATE = { createdBy: '', ifNotExists: false };
const GONE = refusal(
  'illegalStateExplained',
  'illegal state: the value was removed from transaction 1 when its retention period was over',
);

/** Transactions 1 to 3 are two days old, 4 and 5 are new. */
async function someDatabase(t: TestContext, settings = {}): Promise<DatabasesFixture> {
  const fixture = await openDatabases(t);
  await fixture.manager.create('db', settings, CREATE);
  const database = await fixture.manager.stored('db');
  await database.set([kv('old', '1')], SESSION);
  await database.set([kv('again', '2')], SESSION);
  await database.setReference(reference('ref', 'again'), SESSION);
  fixture.clock.advance(2 * DAY_MS);
  await database.set([kv('again', '4')], SESSION);
  await database.set([kv('new', '5')], SESSION);
  return fixture;
}

function textOf(database: StoredDatabase, key: string): string {
  return Buffer.from(database.get(keyRequest(key)).value).toString();
}

test('old values are gone, new ones, references and proofs stay', async (t) => {
  const fixture = await someDatabase(t);
  const { manager } = fixture;
  const database = await manager.stored('db');
  const proved = database.verifiableTxById({ tx: 1, sinceTx: 0, noWait: false } as never, 5);
  assert.equal(textOf(database, 'old'), '1');
  await manager.truncate('db', DAY_MS);
  assert.throws(() => database.get(keyRequest('old')), GONE);
  assert.throws(() => database.verifiableGet(keyRequest('old'), 5), GONE);
  assert.throws(() => database.getAll([Buffer.from('old')], 0), GONE);
  assert.equal(textOf(database, 'again'), '4');
  assert.equal(textOf(database, 'ref'), '4');
  assert.equal(textOf(database, 'new'), '5');
  assert.throws(() => database.history(historyRequest('again')), /was removed/);
  const after = database.verifiableTxById({ tx: 1, sinceTx: 0, noWait: false } as never, 5);
  assert.deepEqual(after, proved);
  await fixture.check();
  assert.equal(fixture.corruptions.length, 0);
  await manager.unload('db');
  await manager.load('db');
  assert.throws(() => (manager.opened().at(-1) as StoredDatabase).get(keyRequest('old')), GONE);
});

test('an export has digests for the values of a transaction that lost one', async (t) => {
  const { manager } = await someDatabase(t);
  const database = await manager.stored('db');
  const exported = async (txId: number) => {
    const { length, pieces } = database.exportTx(txId);
    const chunks: Uint8Array[] = [];
    for await (const piece of pieces()) chunks.push(piece);
    const all = Buffer.concat(chunks);
    assert.equal(all.length, length);
    return all;
  };
  assert.deepEqual((await exported(1)).subarray(-5), Buffer.from([0, 0x31, 0, 1, 0]));
  const entry = database.store.log.entries(1)[0];
  assert.ok(entry);
  await manager.truncate('db', DAY_MS);
  const tail = Buffer.concat([Buffer.from([0, 0, 0, 32]), entry.hValue, Buffer.from([0, 1, 1])]);
  assert.deepEqual((await exported(1)).subarray(-tail.length), tail);
  assert.deepEqual((await exported(5)).subarray(-3), Buffer.from([0, 1, 0]));
});

test('a period that is too short, or not over, is refused; one that is done again is not', async (t) => {
  const fixture = await someDatabase(t);
  const { manager } = fixture;
  for (const period of [1000, DAY_MS - 1, -1]) {
    await assert.rejects(manager.truncate('db', period), refusal('retentionPeriodTooShort'));
  }
  await assert.rejects(
    manager.truncate('db', 3 * DAY_MS),
    refusal('retentionPeriodNotReached', 'retention period has not been reached'),
  );
  await assert.rejects(manager.truncate('none', 0), refusal('databaseNotFound'));
  await assert.rejects(manager.truncate('defaultdb', 0), refusal('databaseReserved'));
  await manager.truncate('db', DAY_MS);
  await manager.truncate('db', DAY_MS);
  const database = await manager.stored('db');
  assert.deepEqual(truncationOf(database.store), { next: 4, end: 4 });
  fixture.clock.advance(1000);
  await Promise.all([manager.truncate('db', 0), manager.truncate('db', 0)]);
  assert.deepEqual(truncationOf(database.store), { next: 6, end: 6 });
  assert.throws(() => database.get(keyRequest('new')), /was removed/);
  await fixture.check();
});

test('a database without commit times loses nothing', async (t) => {
  const { manager } = await someDatabase(t, { excludeCommitTime: true });
  await assert.rejects(manager.truncate('db', DAY_MS), refusal('retentionPeriodNotReached'));
  assert.equal(textOf(await manager.stored('db'), 'old'), '1');
});

test('settings remove old values in the background, as often as they say', async (t) => {
  const fixture = await someDatabase(t);
  const { manager } = fixture;
  await manager.retain();
  const database = await manager.stored('db');
  assert.equal(textOf(database, 'old'), '1');
  await manager.updateSettings('db', { retentionPeriodMs: DAY_MS });
  await manager.retain();
  assert.throws(() => database.get(keyRequest('old')), GONE);
  fixture.clock.advance(3 * DAY_MS);
  await manager.retain();
  assert.equal(textOf(database, 'new'), '5', 'not due again');
  await manager.close();
  await fixture.open();
  await fixture.manager.retain();
  const again = await fixture.manager.stored('db');
  assert.throws(() => again.get(keyRequest('new')), /was removed/);
  await fixture.check();
});

test('closing does not wait for a removal to end, and the next opening goes on with it', async (t) => {
  const fixture = await openDatabases(t);
  await fixture.manager.create('db', {}, CREATE);
  const database = await fixture.manager.stored('db');
  const value = 'v'.repeat(2000);
  for (let i = 0; i < 60; i++) {
    const kvs = Array.from({ length: 100 }, (_, j) => kv(`${i}/${j}`, value));
    await database.set(kvs, SESSION);
  }
  fixture.clock.advance(2 * DAY_MS);
  const removing = fixture.manager.truncate('db', DAY_MS);
  const refused = assert.rejects(removing, refusal('databaseClosed'));
  const { environment } = database.store;
  while (truncationOf(database.store).next === 1) await environment.commit(0, () => {}, true);
  await fixture.manager.unload('db');
  await refused;
  await fixture.manager.load('db');
  const again = await fixture.manager.stored('db');
  const { next, end } = truncationOf(again.store);
  assert.equal(end, 61);
  assert.ok(next < 61);
  const resumed = fixture.log.lines.some(({ message }) => /goes on/.test(message));
  assert.ok(resumed);
  await fixture.manager.truncate('db', DAY_MS);
  assert.equal(truncationOf(again.store).next, 61);
  await fixture.check();
});
