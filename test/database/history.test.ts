import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rawReferenceValue } from '../../src/proofs/index.js';
import {
  bytes,
  collect,
  historyRequest,
  keyRequest,
  kv,
  openDatabase,
  reference,
  refusal,
  SESSION,
  setEach,
  texts,
  wholeValue,
} from '../support/database-fixture.js';

test('all versions of a key come oldest first, or newest first, in pages', async (t) => {
  const { database } = await openDatabase(t);
  const values = Array.from({ length: 10 }, (_, i) => `${i + 1}`);
  await setEach(
    database,
    values.flatMap(
      (value) =>
        [
          ['k', value],
          ['other', value],
        ] as const,
    ),
  );
  const page = (more: object) =>
    database.history(historyRequest('k', more)).map(({ value }) => Buffer.from(value).toString());
  assert.deepEqual(page({}), values);
  assert.deepEqual(page({ desc: true }), values.toReversed());
  for (let offset = 0; offset < 10; offset++) {
    for (const limit of [1, 3, 10]) {
      assert.deepEqual(page({ offset, limit }), values.slice(offset, offset + limit));
      const back = values.toReversed().slice(offset, offset + limit);
      assert.deepEqual(page({ offset, limit, desc: true }), back);
    }
  }
  const revisions = database.history(historyRequest('k')).map(({ revision, tx }) => [revision, tx]);
  assert.deepEqual(
    revisions,
    values.map((_, i) => [i + 1, 2 * i + 1]),
  );
});

test('the end of a history, and what has none, are told apart', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['k', '1'],
    ['k', '2'],
  ]);
  const ask = (key: string, more: object) => () => database.history(historyRequest(key, more));
  assert.throws(ask('k', { offset: 2 }), refusal('noMoreEntries', 'no more entries'));
  assert.deepEqual(ask('k', { offset: 3 })(), []);
  assert.throws(ask('none', {}), refusal('keyNotFound'));
  assert.throws(ask('k', { sinceTx: 3 }), refusal('illegalArguments'));
  assert.throws(ask('k', { limit: 2501 }), refusal('resultLimitExceeded'));
  assert.throws(ask('k', { limit: -1 }), refusal('seekKeyTooLong', 'illegal arguments'));
});

test('deletions, expired versions and references are versions too', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const expiresAt = fixture.nowSeconds + 9;
  await setEach(database, [
    ['k', 'first'],
    ['target', 'x'],
  ]);
  await database.delete([bytes('k')], 0, SESSION);
  await database.set([kv('k', 'late', { expiresAt })], SESSION);
  fixture.clock.advance(9000);
  await database.setReference(reference('k', 'target', 2), SESSION);
  const versions = database.history(historyRequest('k'));
  assert.deepEqual(versions, [
    { tx: 1, key: bytes('k'), value: bytes('first'), revision: 1 },
    { tx: 3, key: bytes('k'), value: new Uint8Array(0), revision: 2, metadata: { deleted: true } },
    {
      tx: 4,
      key: bytes('k'),
      value: new Uint8Array(0),
      revision: 3,
      metadata: { expiresAt },
      expired: true,
    },
    {
      tx: 5,
      key: bytes('k'),
      value: Buffer.from(rawReferenceValue(bytes('target'), 2)).subarray(1),
      revision: 4,
    },
  ]);
  const streamed = await collect(database.historyStreamed(historyRequest('k')));
  assert.deepEqual(
    streamed.map(({ valueLength }) => valueLength),
    [5, 0, 0, 15],
  );
  for (const [i, entry] of streamed.entries()) {
    assert.deepEqual(await wholeValue(entry), Buffer.from(versions[i]?.value as Uint8Array));
  }
  await fixture.check();
});

test('thousands of versions are numbered right, also while they wait for the index', async (t) => {
  const { fixture, database } = await openDatabase(t, { limits: { waitersMax: 5000 } });
  const count = 3000;
  const bulk = Array.from({ length: 600 }, (_, i) => kv(`bulk ${i}`, 'x'));
  await database.set([kv('k', '1')], SESSION);
  const writes = Array.from({ length: count - 2 }, (_, i) =>
    database.set([kv('k', `${i + 2}`)], SESSION),
  );
  await Promise.all(writes);
  await database.set([...bulk, kv('k', `${count}`)], SESSION);
  assert.ok(database.store.index.backlogKeys > 0);
  for (const reopened of [false, true]) {
    const now = reopened ? await fixture.reopen() : database;
    assert.equal(now.get(keyRequest('k')).revision, count);
    for (const revision of [1, 2, 17, count - 1, count]) {
      const entry = now.get(keyRequest('k', { atRevision: revision }));
      assert.equal(Buffer.from(entry.value).toString(), `${revision}`);
    }
    const page = now.history(historyRequest('k', { offset: count - 3 }));
    assert.deepEqual(
      texts(page),
      [count - 2, count - 1, count].map((value) => `k=${value}`),
    );
    await fixture.check();
  }
});

test('a history that is streamed keeps to what was there when it began', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['k', '1'],
    ['k', '2'],
    ['k', '3'],
  ]);
  const seen: string[] = [];
  for await (const entry of database.historyStreamed(historyRequest('k'))) {
    seen.push((await wholeValue(entry)).toString());
    await setEach(database, [['k', 'more']]);
  }
  assert.deepEqual(seen, ['1', '2', '3']);
});
