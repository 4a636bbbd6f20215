import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  bytes,
  element,
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

test('an unbound reference leads to the latest value, a bound one to that of its transaction', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [
    ['k', '1'],
    ['k', '2'],
  ]);
  const header = await database.setReference(reference('free', 'k'), SESSION);
  assert.deepEqual([header.id, header.nentries], [3, 1]);
  await database.setReference(reference('bound', 'k', 1), SESSION);
  await setEach(database, [['k', '3']]);
  assert.deepEqual(database.get(keyRequest('free')), {
    tx: 5,
    key: bytes('k'),
    value: bytes('3'),
    revision: 3,
    referencedBy: { tx: 3, key: bytes('free'), atTx: 0, revision: 1 },
  });
  assert.deepEqual(database.get(keyRequest('bound')), {
    tx: 1,
    key: bytes('k'),
    value: bytes('1'),
    revision: 0,
    referencedBy: { tx: 4, key: bytes('bound'), atTx: 1, revision: 1 },
  });
  await fixture.check();
});

test('what makes no sense in a reference is refused', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [['k', '1']]);
  await database.setReference(reference('ref', 'k'), SESSION);
  const set = (...args: Parameters<typeof reference>) =>
    database.setReference(reference(...args), SESSION);
  await assert.rejects(set('', 'k'), refusal('illegalArguments'));
  await assert.rejects(set('r', ''), refusal('illegalArguments'));
  for (const op of [
    { ...reference('r', 'k'), boundRef: true },
    { ...reference('r', 'k', 1), boundRef: false },
  ]) {
    await assert.rejects(database.setReference(op, SESSION), refusal('illegalArguments'));
  }
  await assert.rejects(set('r', 'none'), refusal('keyNotFound'));
  await assert.rejects(set('r', 'k', 2), refusal('keyNotFound'));
  await assert.rejects(set('r', 'k', 9), refusal('txNotFound'));
  await assert.rejects(
    set('r', 'ref'),
    refusal('referencedKeyIsReference', 'referenced key cannot be a reference'),
  );
  await assert.rejects(set('r', 'ref', 2), refusal('referencedKeyIsReference'));
  await assert.rejects(
    set('k', 'k'),
    refusal('keyIsNotReference', 'final key cannot be converted into a reference'),
  );
  await assert.rejects(set('k'.repeat(1024), 'k'), refusal('keyTooLong'));
  assert.equal(database.state().txId, 2);
});

test('a plain key never turns into a reference, also not by way of an older transaction', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['target', 'x'],
    ['plain', 'y'],
  ]);
  const set = database.setReference(reference('plain', 'target', 1), SESSION);
  await assert.rejects(set, refusal('keyIsNotReference'));
  await database.delete([bytes('plain')], 0, SESSION);
  await database.setReference(reference('plain', 'target'), SESSION);
  assert.deepEqual(texts([database.get(keyRequest('plain'))]), ['target=x']);
});

test('a reference can be pointed elsewhere, overwritten by a value, and deleted', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['a', '1'],
    ['b', '2'],
  ]);
  await database.setReference(reference('r', 'a'), SESSION);
  await database.setReference(reference('r', 'b'), SESSION);
  const entry = database.get(keyRequest('r'));
  assert.deepEqual([texts([entry])[0], entry.referencedBy?.revision], ['b=2', 2]);
  assert.deepEqual(texts([database.get(keyRequest('r', { atTx: 3 }))]), ['a=1']);
  assert.deepEqual(texts([database.get(keyRequest('r', { atRevision: 1 }))]), ['a=1']);
  await database.delete([bytes('r')], 0, SESSION);
  assert.throws(() => database.get(keyRequest('r')), refusal('keyNotFound'));
  await setEach(database, [['r', 'own']]);
  assert.deepEqual(texts([database.get(keyRequest('r'))]), ['r=own']);
});

test('a reference whose target became a reference is not followed, and fails no list', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['a', '1'],
    ['b', '2'],
  ]);
  await database.setReference(reference('r', 'a'), SESSION);
  await database.delete([bytes('a')], 0, SESSION);
  assert.throws(() => database.get(keyRequest('r')), refusal('keyNotFound'));
  await database.setReference(reference('a', 'b'), SESSION);
  assert.throws(
    () => database.get(keyRequest('r')),
    refusal('resolutionLimit', 'key resolution limit reached. It may be due to cyclic references'),
  );
  assert.deepEqual(texts(await database.scan(scanRequest())), ['b=2', 'b=2']);
  assert.deepEqual(texts(database.getAll([bytes('r'), bytes('a')], 0)), ['b=2']);
});

test('what is bound must be live in its transaction', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await database.set([kv('k', '1', { expiresAt: fixture.nowSeconds + 5 })], SESSION);
  await database.setReference(reference('r', 'k', 1), SESSION);
  await database.zAdd(element('set', 1, 'k', 1), SESSION);
  fixture.clock.advance(5000);
  await assert.rejects(
    database.setReference(reference('s', 'k', 1), SESSION),
    refusal('keyExpired'),
  );
  await assert.rejects(database.zAdd(element('set', 2, 'k', 1), SESSION), refusal('keyExpired'));
  assert.equal(database.state().txId, 3);
});

test('a reference to what is not indexable works when bound', async (t) => {
  const { database } = await openDatabase(t);
  await database.set([kv('h', '1', { nonIndexable: true })], SESSION);
  await assert.rejects(database.setReference(reference('r', 'h'), SESSION), refusal('keyNotFound'));
  await database.setReference(reference('r', 'h', 1), SESSION);
  assert.deepEqual(texts([database.get(keyRequest('r'))]), ['h=1']);
});
