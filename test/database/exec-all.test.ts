import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation, ReferenceOp, StoredDatabase, ZAddOp } from '../../src/database/index.js';
import {
  bytes,
  element,
  keyRequest,
  kv,
  openDatabase,
  reference,
  refusal,
  SESSION,
  setEach,
  zScanRequest,
} from '../support/database-fixture.js';

const set = (key: string, value = 'v'): Operation => ({ kind: 'kv', kv: kv(key, value) });
const refer = (key: string, target: string, more: Partial<ReferenceOp> = {}): Operation => ({
  kind: 'ref',
  ref: { ...reference(key, target), ...more },
});
const add = (key: string, score = 1, more: Partial<ZAddOp> = {}): Operation => ({
  kind: 'zAdd',
  zAdd: { ...element('set', score, key), ...more },
});
/** Bound to the transaction that is being written. */
const HERE = { boundRef: true, atTx: 0 };

function run(database: StoredDatabase, operations: readonly Operation[], noWait = false) {
  return database.execAll(operations, { ...SESSION, noWait });
}

test('operations become one transaction, an entry each, in their order', async (t) => {
  const { fixture, database } = await openDatabase(t);
  await setEach(database, [['old', 'o']]);
  const header = await run(database, [
    add('old', -3),
    set('a', '1'),
    refer('r1', 'a'),
    refer('r2', 'old'),
    add('a', 2),
    set('b', '2'),
    add('b', 2, HERE),
    refer('r3', 'b', HERE),
    refer('r4', 'old', { boundRef: true, atTx: 1 }),
  ]);
  assert.deepEqual([header.id, header.nentries], [2, 9]);
  const { entries } = database.txById({ tx: 2, sinceTx: 0, keepReferencesUnresolved: false });
  assert.deepEqual(
    entries.map(({ rawKey }) => rawKey[0]),
    [1, 0, 0, 0, 1, 0, 1, 0, 0],
  );
  const found = (key: string) => {
    const { tx, value, referencedBy } = database.get(keyRequest(key));
    return [tx, Buffer.from(value).toString(), referencedBy?.atTx];
  };
  assert.deepEqual(found('r1'), [2, '1', 0]);
  assert.deepEqual(found('r2'), [1, 'o', 0]);
  assert.deepEqual(found('r3'), [2, '2', 2]);
  assert.deepEqual(found('r4'), [1, 'o', 1]);
  const page = await database.zScan(zScanRequest('set'));
  assert.deepEqual(
    page.map(({ score, atTx }) => [score, atTx]),
    [
      [-3, 0],
      [2, 0],
      [2, 2],
    ],
  );
  await setEach(database, [['b', 'new']]);
  assert.deepEqual(found('r3'), [2, '2', 2]);
  await fixture.check();
});

test('calls that contradict themselves are refused before anything is looked up', async (t) => {
  const { database } = await openDatabase(t, { defaults: { maxTxEntries: 4 } });
  const twice = (key: string) =>
    `duplicated keys are not supported in single batch transaction: key/reference '${key}'`;
  const cases: [Operation[], Parameters<typeof refusal>][] = [
    [[], ['emptySet', 'empty set']],
    [
      [set('a'), { kind: 'unset' }],
      ['operationNotSet', 'operation is not set'],
    ],
    [
      [set('a'), set('a')],
      ['duplicateKey', twice('a')],
    ],
    [
      [set('a'), refer('a', 'b')],
      ['duplicateKey', twice('a')],
    ],
    [
      [refer('r', 'a'), refer('r', 'b')],
      ['duplicateKey', twice('r')],
    ],
    [
      [set('a'), add('a', 1), add('a', 2)],
      [
        'duplicateZAdd',
        'duplicated index inside zAdd insertions are not supported in single batch transaction',
      ],
    ],
    [
      ['a', 'b', 'c', 'd', 'e'].map((key) => set(key)),
      ['tooManyEntries', 'max number of entries per tx exceeded'],
    ],
  ];
  for (const [operations, [code, text]] of cases) {
    await assert.rejects(run(database, operations), refusal(code, text));
  }
  assert.equal(database.state().txId, 0);
});

test('a target is set earlier in the call, or is there already, and is no reference', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [
    ['old', 'o'],
    ['gone', 'g'],
  ]);
  await database.delete([bytes('gone')], 0, SESSION);
  await database.setReference(reference('oldref', 'old'), SESSION);
  const before = database.state().txId;
  const cases: [Operation[], Parameters<typeof refusal>[0]][] = [
    [[refer('r', 'a'), set('a')], 'keyNotFound'],
    [[add('a'), set('a')], 'keyNotFound'],
    [[refer('r', 'gone')], 'keyNotFound'],
    [[set('a'), refer('r', 'a'), refer('s', 'r')], 'keyNotFound'],
    [[refer('oldref', 'old'), refer('s', 'oldref')], 'referencedKeyIsReference'],
    [[refer('r', 'k'.repeat(2000))], 'keyNotFound'],
    [[refer('r', 'old', HERE)], 'keyNotFound'],
    [[add('old', 1, HERE)], 'keyNotFound'],
    [[refer('r', 'oldref')], 'referencedKeyIsReference'],
    [[add('oldref')], 'referencedKeyIsReference'],
    [[refer('r', 'old', { atTx: 1 })], 'illegalArguments'],
    [[add('old', 1, { atTx: 1 })], 'illegalArguments'],
    [[refer('r', 'old', { boundRef: true, atTx: 2 })], 'keyNotFound'],
    [[refer('r', 'old', { boundRef: true, atTx: 99 })], 'txNotFound'],
    [[refer('old', 'gone')], 'keyIsNotReference'],
    [[refer('', 'old')], 'illegalArguments'],
    [[refer('r', '')], 'illegalArguments'],
    [[set('')], 'illegalArguments'],
    [[add('')], 'illegalArguments'],
    [[add('old', Number.NaN)], 'invalidScore'],
    [[refer('r'.repeat(1024), 'old')], 'keyTooLong'],
    [[set('k'.repeat(1024))], 'keyTooLong'],
  ];
  for (const [operations, code] of cases) {
    await assert.rejects(run(database, [set('other'), ...operations]), refusal(code));
  }
  assert.equal(database.state().txId, before);
  assert.throws(() => database.get(keyRequest('other')), refusal('keyNotFound'));
});

test('without waiting a call depends on nothing but itself', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [['old', 'o']]);
  await run(database, [set('a'), refer('r', 'a', HERE), add('a', 1, HERE)], true);
  const unbound =
    'can only set references to keys added within same transaction, ' +
    'please use bound references with AtTx set to 0';
  const notHere = (what: string) =>
    `can not create a reference ${what} that was not set in the same transaction`;
  const cases: [Operation[], string][] = [
    [[set('a'), refer('s', 'old')], unbound],
    [[set('a'), refer('s', 'a')], unbound],
    [[set('a'), refer('s', 'old', { boundRef: true, atTx: 1 })], unbound],
    [[set('a'), add('old')], unbound],
    [[set('a'), add('a')], unbound],
    [[set('a'), refer('s', 'old', HERE)], notHere('to a key')],
    [[refer('s', 'a', HERE), set('a')], notHere('to a key')],
    [[set('a'), add('old', 1, HERE)], notHere('into a set for a key')],
  ];
  for (const [operations, reason] of cases) {
    const text = `no wait operation must be self-contained: illegal arguments: ${reason}`;
    await assert.rejects(run(database, operations, true), refusal('notSelfContained', text));
  }
  assert.equal(database.state().txId, 2);
});

test('preconditions hold for the whole call', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [['a', '1']]);
  const preconditions = [{ kind: 'keyMustNotExist', key: bytes('a') }] as const;
  await assert.rejects(
    database.execAll([set('b')], { ...SESSION, preconditions }),
    refusal('preconditionFailed'),
  );
  assert.equal(database.state().txId, 1);
});
