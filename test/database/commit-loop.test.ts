import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HeaderVersionSetting, Precondition } from '../../src/database/index.js';
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
  TOKEN,
} from '../support/database-fixture.js';

test('writes that gather share a commit, get ids in order and are answered in order', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const commits = fixture.disk.commits;
  const answered: number[] = [];
  const headers = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => {
      const header = await database.set([kv(`k${i}`, 'v')], SESSION);
      answered.push(i);
      return header;
    }),
  );
  assert.equal(fixture.disk.commits, commits + 1);
  assert.deepEqual(
    headers.map(({ id }) => id),
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  assert.deepEqual(
    answered,
    Array.from({ length: 100 }, (_, i) => i),
  );
  await fixture.check();
});

test('while one commit is under way the next one gathers', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const commits = fixture.disk.commits;
  const first = database.set([kv('first', 'v')], SESSION);
  await nextTurn();
  await nextTurn();
  const more = Array.from({ length: 20 }, (_, i) => database.set([kv(`k${i}`, 'v')], SESSION));
  await Promise.all([first, ...more]);
  assert.equal(fixture.disk.commits, commits + 2);
});

test('a write that is refused leaves no trace and no other write is touched', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const results = await Promise.allSettled([
    database.set([kv('a', '1')], SESSION),
    database.delete([bytes('none')], 0, SESSION),
    database.setReference(reference('r', 'a'), SESSION),
    database.setReference(reference('r2', 'none'), SESSION),
    database.zAdd(element('s', 1, 'r'), SESSION),
    database.zAdd(element('s', 1, 'a'), SESSION),
  ]);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value.id : result.reason.code)),
    [1, 'keyNotFound', 2, 'keyNotFound', 'referencedKeyIsReference', 3],
  );
  assert.equal(database.state().txId, 3);
  await fixture.check();
});

test('each write of a batch sees those before it', async (t) => {
  const { database } = await openDatabase(t);
  const must = (kind: 'keyMustExist' | 'keyMustNotExist', key: string) => ({
    ...SESSION,
    preconditions: [{ kind, key: bytes(key) }],
  });
  const results = await Promise.allSettled([
    database.set([kv('lock', 'first')], must('keyMustNotExist', 'lock')),
    database.set([kv('lock', 'second')], must('keyMustNotExist', 'lock')),
    database.set([kv('lock', 'third')], must('keyMustExist', 'lock')),
    database.delete([bytes('lock')], 0, SESSION),
    database.delete([bytes('lock')], 0, SESSION),
    database.set([kv('lock', 'sixth')], must('keyMustNotExist', 'lock')),
  ]);
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value.id : result.reason.code)),
    [1, 'preconditionFailed', 2, 3, 'keyNotFound', 4],
  );
  assert.equal(database.get(keyRequest('lock')).revision, 4);
});

test('preconditions hold as their words say', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [
    ['live', '1'],
    ['gone', '2'],
  ]);
  await database.set([kv('late', '3', { expiresAt: fixture.nowSeconds + 1 })], SESSION);
  await database.delete([bytes('gone')], 0, SESSION);
  fixture.clock.advance(1000);
  const exist = (key: string): Precondition => ({ kind: 'keyMustExist', key: bytes(key) });
  const notExist = (key: string): Precondition => ({ kind: 'keyMustNotExist', key: bytes(key) });
  const unmodified = (key: string, txId: number): Precondition => ({
    kind: 'keyNotModifiedAfterTx',
    key: bytes(key),
    txId,
  });
  const ask = (...preconditions: Precondition[]) =>
    database.set([kv('probe', 'x')], { ...SESSION, preconditions });
  for (const holding of [
    [exist('live')],
    [notExist('gone'), notExist('late'), notExist('never')],
    [unmodified('live', 1), unmodified('never', 1), unmodified('gone', 4)],
  ]) {
    await ask(...holding);
  }
  const failing = [
    [[exist('gone')], 'KeyMustExist'],
    [[exist('late')], 'KeyMustExist'],
    [[exist('live'), exist('never')], 'KeyMustExist'],
    [[notExist('live')], 'KeyMustNotExist'],
    [[unmodified('gone', 3)], 'KeyNotModifiedAfterTxID'],
    [[unmodified('late', 2)], 'KeyNotModifiedAfterTxID'],
  ] as const;
  for (const [preconditions, name] of failing) {
    const failed = refusal('preconditionFailed', `precondition failed: ${name}`);
    await assert.rejects(ask(...preconditions), failed);
  }
});

test('preconditions that make no sense are refused', async (t) => {
  const { database } = await openDatabase(t, { defaults: { maxTxEntries: 2, maxKeyLen: 10 } });
  const some: Precondition = { kind: 'keyMustNotExist', key: bytes('k') };
  const cases: [Precondition[], string][] = [
    [[{ kind: 'unset' }], 'null'],
    [[{ ...some, key: bytes('') }], 'null key'],
    [[{ ...some, key: bytes('k'.repeat(10)) }], 'max key length exceeded'],
    [[{ kind: 'keyNotModifiedAfterTx', key: bytes('k'), txId: 0 }], 'invalid transaction ID'],
    [[some, some, some], 'too many preconditions'],
  ];
  for (const [preconditions, text] of cases) {
    await assert.rejects(
      database.set([kv('a', '1')], { ...SESSION, preconditions }),
      refusal('invalidPrecondition', `invalid precondition: ${text}`),
    );
  }
});

test('the first write fixes a header version that is auto, by how its writer came', async (t) => {
  for (const [options, other, version] of [
    [SESSION, TOKEN, 1],
    [TOKEN, SESSION, 0],
  ] as const) {
    const { fixture, database } = await openDatabase(t, {
      defaults: { writeTxHeaderVersion: 'auto' },
    });
    assert.equal(database.settings.writeTxHeaderVersion, 'auto');
    await assert.rejects(database.delete([bytes('none')], 0, other), refusal('keyNotFound'));
    assert.equal(database.settings.writeTxHeaderVersion, 'auto');
    const headers = await Promise.all([
      database.set([kv('a', '1')], options),
      database.set([kv('b', '2')], other),
    ]);
    assert.deepEqual(
      headers.map((header) => header.version),
      [version, version],
    );
    assert.equal(database.settings.writeTxHeaderVersion, version);
    const again = await fixture.reopen();
    assert.equal(again.settings.writeTxHeaderVersion, version);
    assert.equal(fixture.manager.info('defaultdb').settings.writeTxHeaderVersion, version);
    assert.equal((await again.set([kv('c', '3')], other)).version, version);
    const told = fixture.log.lines.filter(({ message }) => message.includes('header version'));
    assert.equal(told.length, 1);
    await fixture.check();
  }
});

test('a write that is refused fixes no header version', async (t) => {
  const { database } = await openDatabase(t, { defaults: { writeTxHeaderVersion: 'auto' } });
  const [refused, taken] = await Promise.allSettled([
    database.delete([bytes('none')], 0, SESSION),
    database.set([kv('a', '1')], TOKEN),
  ]);
  assert.equal(refused.status, 'rejected');
  assert.equal(taken.status === 'fulfilled' && taken.value.version, 0);
});

test('a header version is what the setting says, by what the transaction holds', async (t) => {
  const cases: [HeaderVersionSetting, number, number | undefined][] = [
    [0, 0, 1],
    [1, 1, 1],
    ['0-only', 0, undefined],
  ];
  for (const [writeTxHeaderVersion, plain, withMetadata] of cases) {
    const { fixture, database } = await openDatabase(t, { defaults: { writeTxHeaderVersion } });
    for (const options of [SESSION, TOKEN]) {
      assert.equal((await database.set([kv('a', '1'), kv('b', '2')], options)).version, plain);
    }
    for (const write of [
      () => database.set([kv('c', '1'), kv('d', '1', { expiresAt: 5 })], SESSION),
      () => database.set([kv('d', '1', { nonIndexable: true })], SESSION),
      () => database.delete([bytes('a')], 0, SESSION),
    ]) {
      if (withMetadata === undefined) {
        await assert.rejects(write(), refusal('metadataUnsupported'));
      } else assert.equal((await write()).version, withMetadata);
    }
    assert.equal((await database.set([kv('z', '1')], SESSION)).version, plain);
    await fixture.check();
  }
});

test('transactions carry the time of their commit, or none', async (t) => {
  const { fixture, database } = await openDatabase(t);
  fixture.clock.advance(5000);
  assert.equal((await database.set([kv('a', '1')], SESSION)).ts, fixture.nowSeconds);
  const create = { createdBy: 'immudb', ifNotExists: false };
  await fixture.manager.create('timeless', { excludeCommitTime: true }, create);
  const timeless = await fixture.manager.stored('timeless');
  assert.equal((await timeless.set([kv('a', '1')], SESSION)).ts, 0);
});

test('too many waiting writes are refused, and the rest goes on', async (t) => {
  const { database } = await openDatabase(t, { limits: { waitersMax: 5 } });
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) => database.set([kv(`k${i}`, 'v')], SESSION)),
  );
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 5);
  for (const result of results.slice(5)) {
    assert.ok(result.status === 'rejected' && refusal('tooManyWaiters')(result.reason));
  }
  await database.set([kv('later', 'v')], SESSION);
});

test('a full disk refuses writes, leaves the head as it was, and ends by itself', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [['a', '1']]);
  const before = database.state();
  const stager = database.stageValue();
  await stager.write(bytes('staged'));
  const staged = await stager.finish();
  fixture.disk.free = 0;
  assert.equal(database.health().diskFull, true);
  assert.equal(database.health().ok, true);
  const writes = [
    database.set([kv('a', '2')], SESSION),
    database.set([{ key: bytes('big'), value: staged }], SESSION),
    database.delete([bytes('a')], 0, SESSION),
  ];
  for (const write of writes) await assert.rejects(write, refusal('diskFull'));
  await assert.rejects(database.stageValue().finish(), refusal('diskFull'));
  assert.deepEqual(database.state(), before);
  assert.equal(database.get(keyRequest('a')).revision, 1);
  fixture.disk.free = undefined;
  assert.equal(database.health().diskFull, false);
  assert.equal((await database.set([{ key: bytes('big'), value: staged }], SESSION)).id, 2);
  assert.equal(fixture.failures.length, 0);
  await fixture.check();
});

test('reads of every kind go on while the disk is full and bulk writes wait for the index', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await database.set(
    Array.from({ length: 600 }, (_, i) => kv(`k${i}`, 'v')),
    SESSION,
  );
  fixture.disk.free = 0;
  assert.equal((await database.scan(scanRequest())).length, 600);
  assert.equal(await database.count(bytes('k')), 600);
  assert.equal(database.get(keyRequest('k5')).tx, 1);
});

test('after a failed commit all waiting and later writes fail, and reads go on', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [['a', '1']]);
  fixture.disk.faults.push('fail');
  const first = [1, 2, 3].map((i) => database.set([kv(`f${i}`, 'x')], SESSION));
  await nextTurn();
  await nextTurn();
  const second = [1, 2].map((i) => database.set([kv(`s${i}`, 'x')], SESSION));
  for (const write of [...first, ...second]) await assert.rejects(write, refusal('databaseFailed'));
  await assert.rejects(database.set([kv('z', 'x')], SESSION), refusal('databaseFailed'));
  await assert.rejects(database.stageValue().finish(), refusal('databaseFailed'));
  assert.deepEqual(fixture.failures, ['defaultdb']);
  assert.equal(database.health().ok, false);
  assert.equal(database.get(keyRequest('a')).tx, 1);
  assert.equal(database.state().txId, 1);
});

test('a commit that hangs fails its writers in time', async (t) => {
  const { fixture, database } = await openDatabase(t, { commitTimeoutMs: 30 });
  fixture.disk.faults.push('hang');
  await assert.rejects(database.set([kv('a', '1')], SESSION), refusal('databaseFailed'));
  assert.deepEqual(fixture.failures, ['defaultdb']);
});

test('what waits for the index is merged once no writes come', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await database.set(
    Array.from({ length: 600 }, (_, i) => kv(`k${i}`, 'v')),
    SESSION,
  );
  assert.equal(database.store.index.backlogKeys, 600);
  const deadline = performance.now() + 10_000;
  while (database.store.index.backlogKeys > 0 && performance.now() < deadline) await nextTurn();
  assert.equal(database.store.index.backlogKeys, 0);
  assert.equal(database.store.index.storedMarker(), undefined);
  await fixture.check();
});

test('closing finishes what was taken and refuses the rest', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const taken = database.set([kv('a', '1')], SESSION);
  const closed = database.close();
  await assert.rejects(database.set([kv('b', '2')], SESSION), refusal('databaseClosed'));
  assert.equal((await taken).id, 1);
  await closed;
  assert.throws(() => database.get(keyRequest('a')), refusal('databaseClosed', 'already closed'));
  assert.equal(fixture.corruptions.length, 0);
});

test('health tells what waits and when a write was last done', async (t) => {
  const { fixture, database } = await openDatabase(t);
  assert.equal(database.health().lastRequestCompletedAt, 0);
  const write = database.set([kv('a', '1')], SESSION);
  assert.equal(database.health().pendingRequests, 1);
  await write;
  assert.deepEqual(database.health(), {
    pendingRequests: 0,
    lastRequestCompletedAt: fixture.clock.now(),
    ok: true,
    diskFull: false,
  });
});
