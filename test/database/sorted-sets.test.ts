import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredDatabase } from '../../src/database/index.js';
import {
  bytes,
  collect,
  element,
  openDatabase,
  reference,
  refusal,
  SESSION,
  setEach,
  wholeValue,
  zScanRequest,
} from '../support/database-fixture.js';

const SCORES = [-1e300, -7.5, -2, -1, -0, 0, 0.5, 1, 2, 3, 1e300];

type Options = Parameters<typeof zScanRequest>[1];

/** `score:key` of each element. */
async function elements(
  database: StoredDatabase,
  options: Options,
  set = 'set',
): Promise<string[]> {
  const page = await database.zScan(zScanRequest(set, options));
  const form = ({ score, key }: { score: number; key: Uint8Array }) =>
    `${Object.is(score, -0) ? '-0' : score}:${Buffer.from(key)}`;
  const streamed = await collect(database.zScanStreamed(zScanRequest(set, options)));
  assert.deepEqual(streamed.map(form), page.map(form));
  for (const [i, one] of streamed.entries()) {
    assert.deepEqual(
      await wholeValue(one.streamed),
      Buffer.from(page[i]?.entry?.value as Uint8Array),
    );
  }
  return page.map(form);
}

async function setOf(database: StoredDatabase, scores: readonly number[]): Promise<void> {
  await setEach(database, [['k', 'value']]);
  for (const score of scores) await database.zAdd(element('set', score, 'k'), SESSION);
}

const named = (scores: readonly number[]) =>
  scores.map((score) => `${Object.is(score, -0) ? '-0' : score}:k`);

test('elements come in numeric order, negative scores first, both ways', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setOf(database, [2, -0, 1e300, -1, 0, -1e300, 3, -7.5, 0.5, 1, -2]);
  assert.deepEqual(await elements(database, {}), named(SCORES));
  assert.deepEqual(await elements(database, { desc: true }), named(SCORES).toReversed());
  await fixture.check();
});

test('both bounds of a score count, in both directions, and zero has one place', async (t) => {
  const { database } = await openDatabase(t);
  await setOf(database, SCORES);
  const bounds = [undefined, -8, -7.5, -1, -0, 0, 0.7, 2, 1e300];
  for (const minScore of bounds) {
    for (const maxScore of bounds) {
      const inside = SCORES.filter(
        (score) => score >= (minScore ?? -Infinity) && score <= (maxScore ?? Infinity),
      );
      const options = {
        ...(minScore === undefined ? {} : { minScore }),
        ...(maxScore === undefined ? {} : { maxScore }),
      };
      assert.deepEqual(await elements(database, options), named(inside), JSON.stringify(options));
      const back = await elements(database, { ...options, desc: true });
      assert.deepEqual(back, named(inside).toReversed());
    }
  }
});

test('elements of one score are ordered by length of key, key and transaction', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['b', '1'],
    ['aa', '2'],
    ['a', '3'],
    ['a', '4'],
  ]);
  for (const [key, atTx] of [
    ['aa', 0],
    ['b', 0],
    ['a', 4],
    ['a', 0],
    ['a', 3],
  ] as const) {
    await database.zAdd(element('set', 1, key, atTx), SESSION);
  }
  const page = await database.zScan(zScanRequest('set'));
  const found = page.map(({ key, atTx, entry }) => `${Buffer.from(key)}@${atTx}=${entry?.tx}`);
  assert.deepEqual(found, ['a@0=4', 'a@3=3', 'a@4=4', 'b@0=1', 'aa@0=2']);
});

test('a seek starts at an element, which counts when it says so', async (t) => {
  const { database } = await openDatabase(t);
  await setOf(database, SCORES);
  for (const [i, seekScore] of SCORES.entries()) {
    const seek = { seekKey: 'k', seekScore };
    const all = named(SCORES);
    assert.deepEqual(await elements(database, seek), all.slice(i + 1));
    assert.deepEqual(await elements(database, { ...seek, inclusiveSeek: true }), all.slice(i));
    const back = await elements(database, { ...seek, desc: true, inclusiveSeek: true });
    assert.deepEqual(back, all.slice(0, i + 1).toReversed());
    const bounded = await elements(database, { ...seek, minScore: -2, maxScore: 2 });
    assert.deepEqual(bounded, named(SCORES.filter((s, n) => n > i && s >= -2 && s <= 2)));
  }
  await setEach(database, [['k', 'again']]);
  await database.zAdd(element('set', 1, 'k', 1), SESSION);
  const after = await elements(database, { seekKey: 'k', seekScore: 1, seekAtTx: 1 });
  assert.deepEqual(after, named([2, 3, 1e300]));
});

test('elements whose target is gone use up neither limit nor offset', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [
    ['k', '1'],
    ['dead', '2'],
  ]);
  await database.set(
    [{ key: bytes('late'), value: bytes('3'), metadata: { expiresAt: fixture.nowSeconds + 1 } }],
    SESSION,
  );
  for (let score = 0; score < 12; score++) {
    const key = ['k', 'dead', 'late'][score % 3] as string;
    await database.zAdd(element('set', score, key), SESSION);
  }
  await database.zAdd(element('set', 1.5, 'dead', 2), SESSION);
  await database.delete([bytes('dead')], 0, SESSION);
  fixture.clock.advance(1000);
  const all = ['0:k', '1.5:dead', '3:k', '6:k', '9:k'];
  for (let offset = 0; offset <= 5; offset++) {
    for (let limit = 1; limit <= 5; limit++) {
      const page = await elements(database, { offset, limit });
      assert.deepEqual(page, all.slice(offset, offset + limit));
      const back = await elements(database, { offset, limit, desc: true });
      assert.deepEqual(back, all.toReversed().slice(offset, offset + limit));
    }
  }
});

test('adding again with another score adds, with the same one it is the same element', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [['k', '1']]);
  for (const score of [1, 2, 1]) await database.zAdd(element('set', score, 'k'), SESSION);
  assert.equal(database.state().txId, 4);
  assert.deepEqual(await elements(database, {}), ['1:k', '2:k']);
  await fixture.check();
});

test('sets do not mix, also when one name begins with another', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [['k', '1']]);
  for (const set of ['s', 'se', 'set', 's\0', '\xff']) {
    await database.zAdd(element(set, set.length, 'k'), SESSION);
  }
  for (const set of ['s', 'se', 'set', 's\0', '\xff']) {
    assert.deepEqual(await elements(database, {}, set), [`${set.length}:k`]);
  }
  assert.deepEqual(await elements(database, {}, 'none'), []);
});

test('what makes no sense in a sorted set is refused', async (t) => {
  const { database } = await openDatabase(t, { limits: { resultEntriesMax: 5 } });
  await setEach(database, [['k', '1']]);
  await database.setReference(reference('ref', 'k'), SESSION);
  const add = (...args: Parameters<typeof element>) => database.zAdd(element(...args), SESSION);
  await assert.rejects(add('', 1, 'k'), refusal('illegalArguments'));
  await assert.rejects(add('set', 1, ''), refusal('illegalArguments'));
  for (const score of [Number.NaN, Infinity, -Infinity]) {
    await assert.rejects(add('set', score, 'k'), refusal('invalidScore'));
  }
  for (const op of [
    { ...element('set', 1, 'k'), boundRef: true },
    { ...element('set', 1, 'k', 1), boundRef: false },
  ]) {
    await assert.rejects(database.zAdd(op, SESSION), refusal('illegalArguments'));
  }
  await assert.rejects(add('set', 1, 'none'), refusal('keyNotFound'));
  await assert.rejects(add('set', 1, 'k', 2), refusal('keyNotFound'));
  await assert.rejects(add('set', 1, 'k', 9), refusal('txNotFound'));
  await assert.rejects(add('set', 1, 'ref'), refusal('referencedKeyIsReference'));
  await assert.rejects(add('s'.repeat(1000), 1, 'k'), refusal('keyTooLong'));
  assert.equal(database.state().txId, 2);
  const scan = (options: Options, set = 'set') => database.zScan(zScanRequest(set, options));
  await assert.rejects(scan({}, ''), refusal('illegalArguments'));
  await assert.rejects(scan({ limit: 6 }), refusal('resultLimitExceeded'));
  await assert.rejects(scan({ seekKey: 'k'.repeat(1024) }), refusal('seekKeyTooLong'));
  await assert.rejects(scan({}, 's'.repeat(1024)), refusal('seekKeyTooLong'));
  await assert.rejects(scan({ sinceTx: 3 }), refusal('illegalArguments'));
  for (const bad of [
    { seekScore: Number.NaN },
    { minScore: Number.NaN },
    { maxScore: Number.NaN },
  ]) {
    await assert.rejects(scan(bad), refusal('invalidScore'));
  }
});

test('infinite bounds of a scan are bounds like others', async (t) => {
  const { database } = await openDatabase(t);
  await setOf(database, SCORES);
  const all = { minScore: -Infinity, maxScore: Infinity };
  assert.deepEqual(await elements(database, all), named(SCORES));
  assert.deepEqual(await elements(database, { minScore: Infinity }), []);
});

test('a place to begin that is longer than any key is a place all the same', async (t) => {
  const { fixture, database } = await openDatabase(t);
  const set = 's'.repeat(980);
  await setEach(database, [['k', '1']]);
  await database.zAdd(element(set, 1, 'k'), SESSION);
  const from = (seekScore: number, desc: boolean) => ({
    seekKey: 'k'.repeat(1000),
    seekScore,
    desc,
  });
  assert.deepEqual(await elements(database, from(0, false), set), ['1:k']);
  assert.deepEqual(await elements(database, from(1, false), set), []);
  assert.deepEqual(await elements(database, from(0, true), set), []);
  assert.deepEqual(await elements(database, from(1, true), set), ['1:k']);
  assert.deepEqual(fixture.corruptions, []);
});
