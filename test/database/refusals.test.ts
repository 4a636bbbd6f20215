import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database, DatabaseErrorCode, StoredDatabase } from '../../src/database/index.js';
import {
  bytes,
  collect,
  element,
  historyRequest,
  keyRequest,
  kv,
  openDatabase,
  reference,
  refusal,
  SESSION,
  scanRequest,
  setEach,
  zScanRequest,
} from '../support/database-fixture.js';

/** Every call of a database, so that what is refused is refused by all that should. */

const tx = { tx: 1, sinceTx: 0, keepReferencesUnresolved: false };
const txs = { initialTx: 1, limit: 0, desc: false, sinceTx: 0 };
const operation = { kind: 'kv', kv: kv('a', '1') } as const;

/** Reads that fail at once are turned into promises that reject. */
const READS: Record<string, (database: Database) => unknown> = {
  get: (d) => d.get(keyRequest('a')),
  getStreamed: (d) => d.getStreamed(keyRequest('a')),
  getAll: (d) => d.getAll([bytes('a')], 0),
  verifiableGet: (d) => d.verifiableGet(keyRequest('a'), 0),
  verifiableGetStreamed: (d) => d.verifiableGetStreamed(keyRequest('a'), 0),
  scan: (d) => d.scan(scanRequest()),
  scanStreamed: (d) => collect(d.scanStreamed(scanRequest())),
  zScan: (d) => d.zScan(zScanRequest('s')),
  zScanStreamed: (d) => collect(d.zScanStreamed(zScanRequest('s'))),
  history: (d) => d.history(historyRequest('a')),
  historyStreamed: (d) => collect(d.historyStreamed(historyRequest('a'))),
  count: (d) => d.count(bytes('')),
  txById: (d) => d.txById(tx),
  verifiableTxById: (d) => d.verifiableTxById(tx, 0),
  txScan: (d) => d.txScan(txs),
  exportTx: (d) => collect(d.exportTx(1).pieces()),
};

const WRITES: Record<string, (database: Database) => unknown> = {
  set: (d) => d.set([kv('a', '2')], SESSION),
  delete: (d) => d.delete([bytes('a')], 0, SESSION),
  setReference: (d) => d.setReference(reference('r', 'a'), SESSION),
  zAdd: (d) => d.zAdd(element('s', 1, 'a'), SESSION),
  execAll: (d) => d.execAll([operation], SESSION),
  verifiableSet: (d) => d.verifiableSet([kv('a', '2')], 0, SESSION),
  verifiableSetReference: (d) => d.verifiableSetReference(reference('r', 'a'), 0, SESSION),
  verifiableZAdd: (d) => d.verifiableZAdd(element('s', 1, 'a'), 0, SESSION),
  stageValue: (d) => d.stageValue().write(bytes('x')),
};

async function assertAllRefuse(
  database: Database,
  calls: Readonly<Record<string, (database: Database) => unknown>>,
  code: DatabaseErrorCode,
): Promise<void> {
  for (const [name, call] of Object.entries(calls)) {
    const made = (async () => await call(database))();
    await assert.rejects(made, refusal(code), name);
  }
}

test('a database that was closed refuses every call, and nothing crashes', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [['a', '1']]);
  await database.zAdd(element('s', 1, 'a'), SESSION);
  for (const [name, call] of Object.entries(READS)) {
    await assert.doesNotReject(async () => await call(database), name);
  }
  await database.close();
  await assertAllRefuse(database, { ...READS, ...WRITES }, 'databaseClosed');
});

test('streams that are under way when a database is closed end with an error', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['a', '1'],
    ['b', '2'],
    ['b', '3'],
  ]);
  const { value } = database.getStreamed(keyRequest('a'));
  const streams = [
    database.scanStreamed(scanRequest()),
    database.historyStreamed(historyRequest('b')),
  ].map((stream) => stream[Symbol.asyncIterator]());
  for (const stream of streams) assert.equal((await stream.next()).done, false);
  const exported = database.exportTx(1).pieces()[Symbol.asyncIterator]();
  await exported.next();
  await database.close();
  // The next run of a scan, the next version of a history: each asks the files again.
  for (const stream of streams) await assert.rejects(stream.next(), refusal('databaseClosed'));
  // A value of the log was copied when it was found, so it is still the right one.
  assert.deepEqual(Buffer.concat(await collect(value())), bytes('1'));
});

test('no list reads since a transaction that does not exist, but those that do not wait', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [['a', '1']]);
  const beyond = { sinceTx: 2 };
  const cases: Record<string, (database: Database) => unknown> = {
    getAll: (d) => d.getAll([bytes('a')], 2),
    scan: (d) => d.scan(scanRequest(beyond)),
    scanStreamed: (d) => collect(d.scanStreamed(scanRequest(beyond))),
    zScan: (d) => d.zScan(zScanRequest('s', beyond)),
    zScanStreamed: (d) => collect(d.zScanStreamed(zScanRequest('s', beyond))),
    history: (d) => d.history(historyRequest('a', beyond)),
    historyStreamed: (d) => collect(d.historyStreamed(historyRequest('a', beyond))),
    txById: (d) => d.txById({ ...tx, ...beyond }),
    verifiableTxById: (d) => d.verifiableTxById({ ...tx, ...beyond }, 0),
    txScan: (d) => d.txScan({ ...txs, ...beyond }),
  };
  await assertAllRefuse(database, cases, 'illegalArguments');
  await assertAllRefuse(
    database,
    { delete: (d) => d.delete([bytes('a')], 2, SESSION) },
    'txNotFound',
  );
  const noWait = { ...beyond, noWait: true };
  assert.equal((await database.scan(scanRequest(noWait))).length, 1);
  assert.deepEqual(await database.zScan(zScanRequest('s', noWait)), []);
});

test('no list gives more elements than the server allows', async (t) => {
  const { database } = await openDatabase(t, { limits: { resultEntriesMax: 3 } });
  for (let i = 0; i < 5; i++) {
    await setEach(database, [
      [`k${i}`, 'v'],
      ['h', `${i}`],
    ]);
    await database.zAdd(element('s', i, `k${i}`), SESSION);
  }
  const lists = (limit: number): Record<string, (database: Database) => unknown> => ({
    scan: (d) => d.scan(scanRequest({ limit })),
    zScan: (d) => d.zScan(zScanRequest('s', { limit })),
    history: (d) => d.history(historyRequest('h', { limit })),
    txScan: (d) => d.txScan({ ...txs, limit }),
  });
  await assertAllRefuse(database, lists(4), 'resultLimitExceeded');
  for (const limit of [0, 3]) {
    for (const [name, call] of Object.entries(lists(limit))) {
      assert.equal(((await call(database)) as unknown[]).length, 3, name);
    }
  }
});

test('a write has as many entries as the database allows, however it is made', async (t) => {
  const { fixture, database } = await openDatabase(t, { defaults: { maxTxEntries: 3 } });
  const names = ['a', 'b', 'c', 'd'];
  const made = (count: number): Record<string, (database: StoredDatabase) => Promise<unknown>> => {
    const some = names.slice(0, count);
    const kvs = some.map((name) => kv(name, 'v'));
    return {
      set: (d) => d.set(kvs, SESSION),
      verifiableSet: (d) => d.verifiableSet(kvs, 0, SESSION),
      execAll: (d) =>
        d.execAll(
          kvs.map((one) => ({ kind: 'kv', kv: one })),
          SESSION,
        ),
      delete: (d) => d.delete(some.map(bytes), 0, SESSION),
    };
  };
  for (const call of Object.values(made(4))) {
    await assert.rejects(call(database), refusal('tooManyEntries'));
  }
  const preconditions = names.map(
    (name) => ({ kind: 'keyMustNotExist', key: bytes(name) }) as const,
  );
  await assert.rejects(
    database.set([kv('a', 'v')], { ...SESSION, preconditions }),
    refusal('invalidPrecondition'),
  );
  assert.equal(database.state().txId, 0);
  for (const call of Object.values(made(3))) await call(database);
  assert.equal(database.state().txId, 4);
  await fixture.check();
});

test('a staged value is written, finished and used once, in this order', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const stager = database.stageValue();
  await stager.write(bytes('one'));
  const staged = await stager.finish();
  await assert.rejects(stager.write(bytes('more')), refusal('illegalState'));
  await assert.rejects(stager.finish(), refusal('illegalState'));
  const given = { key: bytes('k'), value: staged };
  await assert.rejects(
    database.set([{ ...given, key: bytes('') }], SESSION),
    refusal('illegalArguments'),
  );
  // Refused before its turn, so the value may still be used.
  await database.set([given], SESSION);
  const discarded = database.stageValue();
  await discarded.write(bytes('two'));
  const gone = await discarded.finish();
  const removal = discarded.discard();
  // The removal is not on disk yet, but nobody may take the value any more.
  await assert.rejects(database.set([{ ...given, value: gone }], SESSION), refusal('illegalState'));
  await removal;
  assert.equal(Buffer.from(database.get(keyRequest('k')).value).toString(), 'one');
  await fixture.check();
});
