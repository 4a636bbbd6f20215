import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  bytes,
  historyRequest,
  keyRequest,
  kv,
  openDatabase,
  reference,
  refusal,
  SESSION,
  scanRequest,
  setEach,
  texts,
} from '../support/database-fixture.js';

test('what was set is read back, the newest value of each key', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const header = await database.set([kv('a', '1'), kv('b', '2'), kv('empty', '')], SESSION);
  assert.deepEqual([header.id, header.nentries, header.ts], [1, 3, fixture.nowSeconds]);
  await database.set([kv('a', '3')], SESSION);
  const entry = database.get(keyRequest('a'));
  assert.deepEqual(entry, { tx: 2, key: bytes('a'), value: bytes('3'), revision: 2 });
  assert.equal(database.get(keyRequest('empty')).value.length, 0);
  await fixture.check();
  const again = await fixture.reopen();
  assert.deepEqual(again.get(keyRequest('a')), entry);
  await fixture.check();
});

test('values of every size class are read back', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const sizes = [1, 2046, 2047, 2048, 65_535, 1_048_575, 1_048_576, 5_000_000];
  const values = sizes.map((size) => randomBytes(size));
  await database.set(
    values.map((value, i) => kv(`k${i}`, value)),
    SESSION,
  );
  values.forEach((value, i) => {
    assert.deepEqual(database.get(keyRequest(`k${i}`)).value, value);
  });
  await fixture.check();
});

test('a read at a transaction gives what exactly that one wrote', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['a', '1'],
    ['a', '2'],
    ['b', '3'],
  ]);
  const at = (key: string, atTx: number) => () => database.get(keyRequest(key, { atTx }));
  assert.deepEqual(at('a', 1)(), { tx: 1, key: bytes('a'), value: bytes('1'), revision: 0 });
  assert.equal(Buffer.from(at('a', 2)().value).toString(), '2');
  assert.throws(at('a', 3), refusal('keyNotFound', 'key not found'));
  assert.throws(at('a', 4), refusal('txNotFound', 'tx not found'));
  for (const more of [{ sinceTx: 1 }, { atRevision: 1 }]) {
    const ask = () => database.get(keyRequest('a', { atTx: 1, ...more }));
    assert.throws(ask, refusal('illegalArgumentsExplained'));
  }
});

test('a read of a revision counts from the first, or back from the latest', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['a', '1'],
    ['x', '0'],
    ['a', '2'],
    ['a', '3'],
  ]);
  await database.delete([bytes('a')], 0, SESSION);
  await setEach(database, [['a', '5']]);
  const at = (atRevision: number) => database.get(keyRequest('a', { atRevision }));
  for (const [revision, value, tx] of [
    [1, '1', 1],
    [2, '2', 3],
    [3, '3', 4],
    [5, '5', 6],
  ] as const) {
    const entry = at(revision);
    assert.deepEqual(
      [Buffer.from(entry.value).toString(), entry.tx, entry.revision],
      [value, tx, revision],
    );
  }
  assert.equal(at(-2).tx, 4);
  assert.equal(at(-4).tx, 1);
  assert.equal(at(0).tx, 6);
  assert.throws(() => at(4), refusal('keyNotFound'));
  assert.throws(() => at(-1), refusal('keyNotFound'));
  for (const out of [6, -5, -99]) {
    assert.throws(() => at(out), refusal('invalidRevision', 'invalid key revision number'));
  }
});

test('a read since a transaction that does not exist is refused, unless it does not wait', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [['a', '1']]);
  assert.equal(database.get(keyRequest('a', { sinceTx: 1 })).tx, 1);
  assert.throws(
    () => database.get(keyRequest('a', { sinceTx: 2 })),
    refusal(
      'sinceTxInFuture',
      'illegal arguments: SinceTx must not be greater than the current transaction ID',
    ),
  );
  const asMuchAsThereIs = keyRequest('a', { sinceTx: Number.MAX_SAFE_INTEGER, noWait: true });
  assert.equal(database.get(asMuchAsThereIs).tx, 1);
  assert.throws(() => database.getAll([bytes('a')], 2), refusal('illegalArguments'));
  await assert.rejects(database.scan(scanRequest({ sinceTx: 2 })), refusal('illegalArguments'));
  const waiting = scanRequest({ sinceTx: Number.MAX_SAFE_INTEGER, noWait: true });
  assert.equal((await database.scan(waiting)).length, 1);
});

test('keys that are not there are told apart from arguments that make no sense', async (t) => {
  const { database } = await openDatabase(t);
  const get = (key: string) => () => database.get(keyRequest(key));
  assert.throws(get('a'), refusal('keyNotFound', 'key not found'));
  await setEach(database, [['ab', '1']]);
  assert.throws(get('a'), refusal('keyNotFound'));
  assert.throws(get('abc'), refusal('keyNotFound'));
  assert.throws(get(''), refusal('emptyKey', 'illegal arguments: empty key'));
});

test('a key longer than any that is stored is not there, and no damage', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [['a', '1']]);
  for (const length of [1024, 1978, 1979, 70_000]) {
    const long = 'k'.repeat(length);
    assert.throws(() => database.get(keyRequest(long)), refusal('keyNotFound'));
    assert.throws(() => database.history(historyRequest(long)), refusal('keyNotFound'));
    assert.deepEqual(texts(database.getAll([bytes(long), bytes('a')], 0)), ['a=1']);
    const refer = database.setReference(reference('r', long), SESSION);
    await assert.rejects(refer, refusal('keyNotFound'));
    await assert.rejects(database.delete([bytes(long)], 0, SESSION), refusal('keyNotFound'));
    await assert.rejects(database.count(bytes(long)), refusal('seekKeyTooLong'));
  }
  assert.deepEqual(fixture.corruptions, []);
});

test('many keys come in the order asked, without those that are gone', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const expiresAt = fixture.nowSeconds + 10;
  await setEach(database, [
    ['a', '1'],
    ['b', '2'],
    ['gone', '3'],
  ]);
  await database.set([kv('late', '4', { expiresAt })], SESSION);
  await database.setReference(reference('ref', 'b'), SESSION);
  await database.delete([bytes('gone')], 0, SESSION);
  const names = ['b', 'missing', 'late', '', 'gone', 'a', 'ref', 'a'].map(bytes);
  assert.deepEqual(texts(database.getAll(names, 0)), ['b=2', 'late=4', 'a=1', 'b=2', 'a=1']);
  fixture.clock.advance(10_000);
  assert.deepEqual(texts(database.getAll(names, 6)), ['b=2', 'a=1', 'b=2', 'a=1']);
});

test('writes that break a limit or a rule are refused and leave nothing', async (t) => {
  const { fixture, database } = await openDatabase(t, {
    defaults: { maxKeyLen: 20, maxValueLen: 30, maxTxEntries: 3 },
  });
  const long = 'k'.repeat(19);
  await database.set([kv(long, 'v'.repeat(29))], SESSION);
  const refused = [
    [[], 'noEntries', 'no entries provided'],
    [[kv('', 'v')], 'illegalArguments', 'illegal arguments'],
    [[kv(`${long}k`, 'v')], 'keyTooLong', 'max key length exceeded'],
    [[kv('k', 'v'.repeat(30))], 'valueTooLong', 'max value length exceeded'],
    [
      ['a', 'b', 'c', 'd'].map((k) => kv(k, 'v')),
      'tooManyEntries',
      'max number of entries per tx exceeded',
    ],
    [
      [kv('a', '1'), kv('b', '2'), kv('a', '3')],
      'duplicateKey',
      'duplicated keys are not supported in single batch transaction',
    ],
    [[kv('a', '1', { deleted: true })], 'illegalArguments', 'illegal arguments'],
  ] as const;
  for (const [kvs, code, text] of refused) {
    await assert.rejects(database.set(kvs, SESSION), refusal(code, text));
  }
  assert.equal(database.state().txId, 1);
  await fixture.check();
});

test('a deleted key is gone until it is set again; every key must be live', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [
    ['a', '1'],
    ['b', '2'],
  ]);
  await database.set([kv('late', '3', { expiresAt: fixture.nowSeconds + 5 })], SESSION);
  const header = await database.delete([bytes('a')], 3, SESSION);
  assert.deepEqual([header.id, header.nentries], [4, 1]);
  assert.throws(() => database.get(keyRequest('a')), refusal('keyNotFound'));
  assert.throws(() => database.get(keyRequest('a', { atTx: 4 })), refusal('keyNotFound'));
  assert.equal(database.get(keyRequest('a', { atTx: 1 })).tx, 1);
  assert.deepEqual(texts(await database.scan(scanRequest())), ['b=2', 'late=3']);
  const remove = (keys: string[], sinceTx = 0) =>
    database.delete(keys.map(bytes), sinceTx, SESSION);
  await assert.rejects(remove(['b', 'a']), refusal('keyNotFound'));
  await assert.rejects(remove(['b', 'missing']), refusal('keyNotFound'));
  await assert.rejects(remove(['b', 'b']), refusal('keyNotFound'));
  await assert.rejects(remove(['']), refusal('illegalArguments'));
  await assert.rejects(remove([]), refusal('noEntries'));
  await assert.rejects(remove(['b'], 5), refusal('txNotFound', 'tx not found'));
  fixture.clock.advance(5000);
  await assert.rejects(remove(['late']), refusal('keyExpired'));
  assert.equal(database.state().txId, 4);
  await setEach(database, [['a', '5']]);
  assert.deepEqual([database.get(keyRequest('a')).revision], [3]);
  await fixture.check();
});

test('a key is expired from its second on, everywhere but in its transaction', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const expiresAt = fixture.nowSeconds + 60;
  await database.set([kv('a', '1', { expiresAt }), kv('b', '2')], SESSION);
  await setEach(database, [['c', '3']]);
  await database.setReference(reference('ref', 'a'), SESSION);
  fixture.clock.advance(59_000);
  const entry = database.get(keyRequest('a'));
  assert.deepEqual(entry.metadata, { expiresAt });
  assert.equal((await database.scan(scanRequest())).length, 4);
  fixture.clock.advance(1000);
  const expired = refusal('keyExpired', 'key not found: expired entry');
  assert.throws(() => database.get(keyRequest('a')), expired);
  assert.throws(() => database.get(keyRequest('a', { atTx: 1 })), expired);
  assert.throws(() => database.get(keyRequest('a', { atRevision: 1 })), expired);
  assert.throws(() => database.get(keyRequest('ref')), expired);
  assert.deepEqual(texts(await database.scan(scanRequest())), ['b=2', 'c=3']);
  assert.equal(await database.count(bytes('')), 3);
  const tx = database.txById({ tx: 1, sinceTx: 0, keepReferencesUnresolved: false });
  assert.deepEqual(tx.entries[0]?.metadata, { expiresAt });
  await database.set([kv('a', '4')], SESSION);
  assert.equal(database.get(keyRequest('ref')).revision, 2);
  await fixture.check();
});

test('an entry that is not indexable is read at its transaction only', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const hidden = { nonIndexable: true };
  await database.set([kv('h', '1', hidden), kv('a', '1')], SESSION);
  assert.throws(() => database.get(keyRequest('h')), refusal('keyNotFound'));
  const entry = database.get(keyRequest('h', { atTx: 1 }));
  assert.deepEqual([entry.metadata, entry.revision], [hidden, 0]);
  await setEach(database, [['h', '2']]);
  await database.set([kv('h', '3', hidden)], SESSION);
  assert.deepEqual(texts([database.get(keyRequest('h'))]), ['h=2']);
  assert.equal(database.get(keyRequest('h')).revision, 1);
  assert.deepEqual(texts(await database.scan(scanRequest())), ['a=1', 'h=2']);
  await fixture.check();
});

test('metadata that says nothing is none', async (t) => {
  const { database } = await openDatabase(t);
  await database.set([kv('a', '1', {}), kv('b', '1', { nonIndexable: false })], SESSION);
  assert.equal(database.get(keyRequest('a')).metadata, undefined);
  assert.equal(database.get(keyRequest('b')).metadata, undefined);
});

test('what is written does not change when its caller uses its buffers again', async (t) => {
  const { database } = await openDatabase(t);
  const key = bytes('key');
  const value = randomBytes(100);
  const sent = { key: Buffer.from(key), value: Buffer.from(value) };
  const written = database.set([sent], SESSION);
  sent.key.fill(0);
  sent.value.fill(0);
  await written;
  assert.deepEqual(database.get(keyRequest('key')).value, value);
  const doomed = Buffer.from(key);
  const deleted = database.delete([doomed], 0, SESSION);
  doomed.fill(0);
  await deleted;
  assert.throws(() => database.get(keyRequest('key')), refusal('keyNotFound'));
});

test('what is read stays as it is', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['a', 'first'],
    ['b', 'other'],
  ]);
  const a = database.get(keyRequest('a'));
  for (let i = 0; i < 50; i++) database.get(keyRequest('b'));
  await setEach(database, [['a', 'second']]);
  assert.equal(Buffer.from(a.value).toString(), 'first');
});

test('an answer that is too large fails and names the way out', async (t) => {
  const { database } = await openDatabase(t, { limits: { resultBytesMax: 10_000 } });
  const values = Array.from({ length: 3 }, (_, i) => kv(`k${i}`, randomBytes(4000)));
  await database.set(values, SESSION);
  const keys = values.map(({ key }) => key);
  assert.equal(database.getAll(keys.slice(1), 0).length, 2);
  assert.throws(() => database.getAll(keys, 0), refusal('resultLimitExceeded'));
  await assert.rejects(
    database.scan(scanRequest()),
    refusal(
      'resultLimitExceeded',
      'result size limit exceeded: more than max-result-bytes (10000); ask for less or use streamScan',
    ),
  );
});

test('a read-only database is read and refuses every write', async (t) => {
  const { fixture } = await openDatabase(t);
  const create = { createdBy: 'immudb', ifNotExists: false };
  await fixture.manager.create('quiet', {}, create);
  await (await fixture.manager.stored('quiet')).set([kv('a', '1')], SESSION);
  await fixture.manager.updateSettings('quiet', { readOnly: true });
  await fixture.manager.unload('quiet');
  await fixture.manager.load('quiet');
  const database = await fixture.manager.stored('quiet');
  assert.equal(database.get(keyRequest('a')).tx, 1);
  const readOnly = refusal('databaseReadOnly');
  await assert.rejects(database.set([kv('a', '2')], SESSION), readOnly);
  await assert.rejects(database.delete([bytes('a')], 0, SESSION), readOnly);
  await assert.rejects(database.verifiableSet([kv('a', '2')], 0, SESSION), readOnly);
});
