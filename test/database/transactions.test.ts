import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { sha256 } from '../../src/base/sha256.js';
import type {
  EntriesSpec,
  EntryAction,
  StoredDatabase,
  TxRequest,
} from '../../src/database/index.js';
import { parseHeaderBytes, rawKeyOf } from '../../src/proofs/index.js';
import {
  bytes,
  collect,
  element,
  kv,
  openDatabase,
  reference,
  refusal,
  SESSION,
  setEach,
  texts,
} from '../support/database-fixture.js';

function byId(database: StoredDatabase, tx: number, more: Partial<TxRequest> = {}) {
  return database.txById({ tx, sinceTx: 0, keepReferencesUnresolved: false, ...more });
}

function spec(kvAction: EntryAction, z: EntryAction = 'exclude'): EntriesSpec {
  return { kv: kvAction, z, sql: 'exclude' };
}

/** Transaction 2: a plain entry, a reference, a sorted-set entry, and one that expires. */
async function mixed(database: StoredDatabase, expiresAt: number): Promise<void> {
  await setEach(database, [['t', 'target']]);
  await database.execAll(
    [
      { kind: 'kv', kv: kv('a', 'value') },
      { kind: 'ref', ref: reference('r', 't') },
      { kind: 'zAdd', zAdd: element('set', 5, 't') },
      { kind: 'kv', kv: kv('late', 'x', { expiresAt }) },
    ],
    SESSION,
  );
}

test('without a specification all entries are raw and without values', async (t) => {
  const { database } = await openDatabase(t);
  await database.set([kv('a', 'value')], SESSION);
  const { header, entries, kvEntries, zEntries } = byId(database, 1);
  assert.deepEqual([header.id, kvEntries, zEntries], [1, [], []]);
  assert.deepEqual(entries, [
    { rawKey: rawKeyOf(bytes('a')), hValue: sha256(bytes('\0value')), vLen: 6 },
  ]);
});

test('each kind of entry comes as it was asked for', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await mixed(database, fixture.nowSeconds + 1);
  const ask = (entriesSpec: EntriesSpec) => byId(database, 2, { entriesSpec });
  const none = ask(spec('exclude'));
  assert.deepEqual([none.entries, none.kvEntries, none.zEntries], [[], [], []]);
  assert.equal(ask(spec('onlyDigest')).entries.length, 3);
  const raw = ask(spec('rawValue', 'rawValue')).entries;
  const values = raw.map(({ rawValue }) => Buffer.from(rawValue as Uint8Array).toString());
  assert.deepEqual(values, ['\0value', `\x01${'\0'.repeat(9)}t`, '', '\0x']);
  for (const { rawValue, hValue } of raw) assert.deepEqual(sha256(rawValue as Uint8Array), hValue);
  const resolved = ask(spec('resolve', 'resolve'));
  assert.deepEqual(resolved.entries, []);
  assert.deepEqual(texts(resolved.kvEntries), ['a=value', 't=target', 'late=x']);
  assert.equal(resolved.kvEntries[1]?.referencedBy?.tx, 2);
  assert.deepEqual(
    resolved.zEntries.map(({ score, entry }) => [score, entry?.tx]),
    [[5, 1]],
  );
});

test('expired values and elements that lead nowhere are left out; digests never are', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await mixed(database, fixture.nowSeconds + 1);
  await database.delete([bytes('t'), bytes('a')], 0, SESSION);
  fixture.clock.advance(1000);
  const ask = (entriesSpec: EntriesSpec) => byId(database, 2, { entriesSpec });
  assert.equal(ask(spec('rawValue', 'rawValue')).entries.length, 3);
  const resolved = ask(spec('resolve', 'resolve'));
  assert.deepEqual(texts(resolved.kvEntries), ['a=value']);
  assert.deepEqual(resolved.zEntries, []);
  assert.equal(ask(spec('onlyDigest', 'onlyDigest')).entries.length, 4);
  const deletion = byId(database, 3, { entriesSpec: spec('resolve') });
  assert.deepEqual(deletion.kvEntries, []);
  assert.deepEqual(byId(database, 3).entries[0]?.metadata, { deleted: true });
});

test('references can be left unresolved', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await mixed(database, fixture.nowSeconds + 1);
  await database.delete([bytes('t')], 0, SESSION);
  const entriesSpec = spec('resolve', 'resolve');
  const { kvEntries, zEntries } = byId(database, 2, {
    entriesSpec,
    keepReferencesUnresolved: true,
  });
  assert.deepEqual(kvEntries[1], {
    tx: 0,
    key: bytes('t'),
    value: new Uint8Array(0),
    revision: 0,
    referencedBy: { tx: 2, key: bytes('r'), atTx: 0, revision: 0 },
  });
  assert.deepEqual(zEntries, [{ set: bytes('set'), score: 5, key: bytes('t'), atTx: 0 }]);
});

test('transactions that do not exist are refused', async (t) => {
  const { database } = await openDatabase(t);
  assert.throws(() => byId(database, 1), refusal('txNotFound'));
  await setEach(database, [['a', '1']]);
  assert.throws(() => byId(database, 0), refusal('illegalArguments'));
  assert.throws(() => byId(database, 2), refusal('txNotFound', 'tx not found'));
  assert.throws(() => byId(database, 1, { sinceTx: 2 }), refusal('illegalArguments'));
  assert.equal(byId(database, 1, { sinceTx: 2, keepReferencesUnresolved: true }).header.id, 1);
  const proved = (tx: number, since: number) => () =>
    database.verifiableTxById({ tx, sinceTx: 0, keepReferencesUnresolved: false }, since);
  assert.throws(proved(2, 0), refusal('txNotFound'));
  assert.throws(
    proved(1, 2),
    refusal(
      'illegalStateExplained',
      'illegal state: latest txID=1 is lower than specified as initial tx=2',
    ),
  );
});

test('transactions are listed up and down from any of them', async (t) => {
  const { database } = await openDatabase(t, { limits: { resultEntriesMax: 4 } });
  await setEach(
    database,
    [1, 2, 3, 4, 5, 6].map((i) => [`k${i}`, `${i}`] as const),
  );
  const ids = (initialTx: number, desc: boolean, limit = 0) =>
    database.txScan({ initialTx, desc, limit, sinceTx: 0 }).map(({ header }) => header.id);
  assert.deepEqual(ids(1, false), [1, 2, 3, 4]);
  assert.deepEqual(ids(2, false, 2), [2, 3]);
  assert.deepEqual(ids(5, false), [5, 6]);
  assert.deepEqual(ids(3, true), [3, 2, 1]);
  assert.deepEqual(ids(7, false), []);
  assert.deepEqual(ids(7, true), []);
  assert.throws(() => ids(0, false), refusal('illegalArguments'));
  assert.throws(() => ids(1, false, 5), refusal('resultLimitExceeded'));
  const values = database.txScan({
    initialTx: 1,
    desc: false,
    limit: 1,
    sinceTx: 0,
    entriesSpec: spec('resolve'),
  });
  assert.deepEqual(texts(values[0]?.kvEntries ?? []), ['k1=1']);
});

/** Reads the export layout by its description. */
function parseExport(frame: Buffer) {
  const headerLength = frame.readUInt32BE(0);
  const header = parseHeaderBytes(frame.subarray(4, 4 + headerLength));
  const entries: { rawKey: Buffer; metadata: Buffer; rawValue: Buffer }[] = [];
  let at = 4 + headerLength;
  const take = (length: number) => {
    at += length;
    return frame.subarray(at - length, at);
  };
  for (let i = 0; i < (header?.nentries ?? 0); i++) {
    const rawKey = take(take(2).readUInt16BE());
    const metadata = take(take(2).readUInt16BE());
    const rawValue = take(take(4).readUInt32BE());
    entries.push({ rawKey, metadata, rawValue });
  }
  return { header, entries, trailer: frame.subarray(at) };
}

test('a transaction is exported whole, in its layout and of the length told', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const large = randomBytes(2_500_000);
  await database.set(
    [kv('a', 'value', { expiresAt: fixture.nowSeconds + 5 }), kv('b', large)],
    SESSION,
  );
  await mixed(database, 9);
  for (const tx of [1, 2, 3]) {
    const exported = database.exportTx(tx);
    const frame = Buffer.concat(await collect(exported.pieces()));
    assert.equal(frame.length, exported.length);
    const { header, entries, trailer } = parseExport(frame);
    assert.deepEqual(header, byId(database, tx).header);
    const expected = byId(database, tx).entries;
    assert.deepEqual(
      entries.map(({ rawKey }) => rawKey),
      expected.map(({ rawKey }) => rawKey),
    );
    for (const [i, { rawValue }] of entries.entries()) {
      assert.deepEqual(sha256(rawValue), expected[i]?.hValue);
    }
    assert.deepEqual(trailer, Buffer.from([0, 1, 0]));
  }
  assert.throws(() => database.exportTx(0), refusal('illegalArguments'));
  assert.throws(() => database.exportTx(4), refusal('noNewTransactions', 'no new transactions'));
});
