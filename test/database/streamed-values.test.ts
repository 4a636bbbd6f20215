import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { sha256 } from '../../src/base/sha256.js';
import type { StagedValue, StoredDatabase } from '../../src/database/index.js';
import { blobKey } from '../../src/storage/layout.js';
import {
  bytes,
  collect,
  keyRequest,
  kv,
  openDatabase,
  refusal,
  SESSION,
  TOKEN,
  wholeValue,
} from '../support/database-fixture.js';

const PIECE = 1 << 20;

async function stage(database: StoredDatabase, value: Buffer, step = 70_000): Promise<StagedValue> {
  const stager = database.stageValue();
  for (let at = 0; at < value.length; at += step) await stager.write(value.subarray(at, at + step));
  return stager.finish();
}

test('a staged value becomes that of its key, whatever its size', async (t) => {
  const { fixture, database } = await openDatabase(t);
  for (const size of [0, 1, PIECE - 2, PIECE - 1, PIECE, 2 * PIECE + 12_345]) {
    const value = randomBytes(size);
    const staged = await stage(database, value);
    assert.equal(staged.length, size);
    assert.deepEqual(staged.hValue, sha256(Buffer.concat([Buffer.from([0]), value])));
    await database.set([{ key: bytes('k'), value: staged }, kv(`small ${size}`, 'x')], SESSION);
    assert.deepEqual(Buffer.from(database.get(keyRequest('k')).value), value);
    const streamed = database.getStreamed(keyRequest('k'));
    assert.equal(streamed.valueLength, size);
    assert.deepEqual(await wholeValue(streamed), value);
  }
  await fixture.check();
  await fixture.reopen();
  await fixture.check();
});

test('a value is handed out piece by piece', async (t) => {
  const { database } = await openDatabase(t);
  await database.set(
    [{ key: bytes('k'), value: await stage(database, randomBytes(3 * PIECE)) }],
    SESSION,
  );
  const pieces = await collect(database.getStreamed(keyRequest('k')).value());
  assert.ok(pieces.length >= 3);
  for (const piece of pieces) assert.ok(piece.length <= PIECE);
  const proved = database.verifiableGetStreamed(keyRequest('k'), 1);
  assert.deepEqual(
    sha256(Buffer.concat([Buffer.from([0]), await wholeValue(proved.entry)])),
    proved.verifiableTx.tx.entries[0]?.hValue,
  );
});

test('a discarded value leaves nothing, at any time before its transaction', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const { environment } = database.store;
  const untouched = database.stageValue();
  await untouched.discard();
  const begun = database.stageValue();
  await begun.write(randomBytes(2 * PIECE));
  await begun.discard();
  await begun.discard();
  const finished = database.stageValue();
  await finished.write(randomBytes(PIECE));
  const staged = await finished.finish();
  await finished.discard();
  assert.deepEqual(environment.table('blobs').keys({}), []);
  assert.deepEqual(environment.table('staging').keys({}), []);
  await assert.rejects(begun.write(bytes('x')), refusal('illegalState'));
  await assert.rejects(begun.finish(), refusal('illegalState'));
  await assert.rejects(
    database.set([{ key: bytes('k'), value: staged }], SESSION),
    refusal('illegalState'),
  );
  assert.equal(database.state().txId, 0);
  await fixture.check();
});

test('discarding after the write takes nothing away', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const stager = database.stageValue();
  await stager.write(bytes('value'));
  await database.set([{ key: bytes('k'), value: await stager.finish() }], TOKEN);
  await stager.discard();
  assert.equal(Buffer.from(database.get(keyRequest('k')).value).toString(), 'value');
  await fixture.check();
});

test('a staged value belongs to one entry only', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const staged = await stage(database, randomBytes(10));
  const twice = [
    { key: bytes('a'), value: staged },
    { key: bytes('b'), value: staged },
  ];
  await assert.rejects(database.set(twice, SESSION), refusal('illegalState'));
  const results = await Promise.allSettled([
    database.set([{ key: bytes('a'), value: staged }], SESSION),
    database.set([{ key: bytes('b'), value: staged }], SESSION),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  await assert.rejects(
    database.set([{ key: bytes('c'), value: staged }], SESSION),
    refusal('illegalState'),
  );
  await fixture.check();
});

test('a value that grows too long is refused on its way', async (t) => {
  const { database } = await openDatabase(t, { defaults: { maxValueLen: 1000 } });
  const stager = database.stageValue();
  await stager.write(Buffer.alloc(999));
  await assert.rejects(stager.write(Buffer.alloc(1)), refusal('valueTooLong'));
  await stager.discard();
  assert.deepEqual(database.store.environment.table('staging').keys({}), []);
});

test('a damaged piece ends a stream with an error and an alarm, before it is handed out', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const value = randomBytes(3 * PIECE);
  await database.set([{ key: bytes('k'), value: await stage(database, value) }], SESSION);
  const { environment } = database.store;
  const key = blobKey(1, 2);
  const piece = environment.table('blobs').get(key) as Buffer;
  piece[1000] = (piece[1000] as number) ^ 1;
  await environment.commit(64, (batch) => batch.put('blobs', key, piece));
  const read: Uint8Array[] = [];
  await assert.rejects(async () => {
    for await (const one of database.getStreamed(keyRequest('k')).value()) read.push(one);
  }, refusal('corrupted'));
  const sound = Buffer.concat(read);
  assert.ok(sound.length < 2 * PIECE);
  assert.deepEqual(sound, value.subarray(0, sound.length));
  assert.equal(fixture.corruptions.length, 1);
  await assert.rejects(collect(database.exportTx(1).pieces()), refusal('corrupted'));
  assert.equal(fixture.corruptions.length, 2);
  assert.throws(() => database.get(keyRequest('k')), refusal('corrupted'));
});
