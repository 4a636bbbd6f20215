import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredDatabase, VerifiableTx } from '../../src/database/index.js';
import {
  type ProvedTx,
  type State,
  type StateVerdict,
  verifyGet,
  verifySet,
  verifySetReference,
  verifyTxById,
  verifyZAdd,
} from '../../src/proofs/index.js';
import { swapTransactions } from '../auditor-suite/disk.js';
import {
  bytes,
  DatabasesFixture,
  element,
  keyRequest,
  kv,
  openDatabase,
  reference,
  refusal,
  SESSION,
  setEach,
} from '../support/database-fixture.js';
import { cleanUp, temporaryFolder } from '../support/store-fixture.js';

const NOTHING: State = { txId: 0, txHash: Buffer.alloc(32) };

/** The states that a client may know: none, and each so far. */
function states(database: StoredDatabase): State[] {
  const known = Array.from({ length: database.state().txId }, (_, i) => ({
    txId: i + 1,
    txHash: database.store.log.alh(i + 1),
  }));
  return [NOTHING, ...known];
}

function proved({ tx, dualProof }: VerifiableTx): ProvedTx {
  return { header: tx.header, dualProof };
}

function assertState(verdict: StateVerdict, database: StoredDatabase, txId: number): void {
  assert.deepEqual(verdict, { ok: true, state: { txId, txHash: database.store.log.alh(txId) } });
}

/** Every header version and kind of entry; some transactions of several entries. */
async function chain(database: StoredDatabase, withMetadata: boolean): Promise<void> {
  await setEach(database, [
    ['a', '1'],
    ['b', '2'],
    ['a', '3'],
  ]);
  await database.set(
    Array.from({ length: 7 }, (_, i) => kv(`many ${i}`, `${i}`)),
    SESSION,
  );
  await database.setReference(reference('free', 'a'), SESSION);
  await database.setReference(reference('bound', 'a', 1), SESSION);
  await database.zAdd(element('set', -2.5, 'b', 2), SESSION);
  if (withMetadata) {
    await database.set([kv('late', 'x', { expiresAt: 4_000_000_000 })], SESSION);
    await database.delete([bytes('many 3')], 0, SESSION);
  }
  await setEach(database, [
    ['a', '4'],
    ['c', '5'],
    ['a', '6'],
    ['b', '7'],
  ]);
}

for (const writeTxHeaderVersion of [0, 1] as const) {
  test(`version ${writeTxHeaderVersion}: every read verifies against every state`, async (t) => {
    const { fixture, database } = await openDatabase(t, { defaults: { writeTxHeaderVersion } });
    await chain(database, true);
    const last = database.state().txId;
    const keys = ['a', 'b', 'c', 'many 0', 'many 6', 'free', 'bound', 'late'];
    for (const state of states(database)) {
      const trust = { state };
      const newest = (txId: number) => Math.max(state.txId, txId);
      for (const key of keys) {
        const { entry, verifiableTx, inclusionProof } = database.verifiableGet(
          keyRequest(key),
          state.txId,
        );
        const { tx: txId, referencedBy, ...rest } = entry;
        const answer = {
          ...proved(verifiableTx),
          ...rest,
          txId,
          inclusionProof,
          ...(referencedBy && { referencedBy: { ...referencedBy, txId: referencedBy.tx } }),
        };
        const verdict = verifyGet({ key: bytes(key) }, answer, trust);
        assertState(verdict, database, newest(referencedBy?.tx ?? txId));
        assert.equal(verifiableTx.tx.entries.length, verifiableTx.tx.header.nentries);
      }
      for (let tx = 1; tx <= last; tx++) {
        const request = { tx, sinceTx: 0, keepReferencesUnresolved: false };
        const answer = database.verifiableTxById(request, state.txId);
        const { entries } = answer.tx;
        assertState(verifyTxById(tx, { ...proved(answer), entries }, trust), database, newest(tx));
      }
    }
    await fixture.check();
  });

  test(`version ${writeTxHeaderVersion}: every write verifies against every state before it`, async (t) => {
    const { fixture, database } = await openDatabase(t, { defaults: { writeTxHeaderVersion } });
    await chain(database, false);
    for (const [i, state] of states(database).entries()) {
      const { txId } = state;
      const trust = { state };
      const set = await database.verifiableSet([kv('new', `${i}`)], txId, SESSION);
      const request = [{ key: bytes('new'), value: bytes(`${i}`) }];
      assertState(verifySet(request, proved(set), trust), database, database.state().txId);
      const ref = reference(`ref ${i}`, 'a', i % 2);
      const refer = await database.verifiableSetReference(ref, txId, SESSION);
      assertState(verifySetReference(ref, proved(refer), trust), database, database.state().txId);
      const one = element('set', i / 2, 'a', i % 2);
      const add = await database.verifiableZAdd(one, txId, SESSION);
      assertState(verifyZAdd(one, proved(add), trust), database, database.state().txId);
      assert.equal(add.tx.entries.length, 1);
    }
    await fixture.check();
  });
}

test('a wrong value, key or state does not verify', async (t) => {
  const { database } = await openDatabase(t);
  await chain(database, false);
  const state = states(database)[3] as State;
  const set = proved(await database.verifiableSet([kv('k', 'v')], state.txId, SESSION));
  const verify = (key: string, value: string, known: State) =>
    verifySet([{ key: bytes(key), value: bytes(value) }], set, { state: known }).ok;
  assert.equal(verify('k', 'v', state), true);
  assert.equal(verify('k', 'w', state), false);
  assert.equal(verify('l', 'v', state), false);
  assert.equal(verify('k', 'v', { ...state, txHash: Buffer.alloc(32, 1) }), false);
});

test('the first transaction proves itself', async (t) => {
  const { database } = await openDatabase(t);
  assert.deepEqual(database.state().txId, 0);
  const { dualProof } = await database.verifiableSet([kv('k', 'v')], 0, SESSION);
  assert.deepEqual(dualProof.sourceTxHeader, dualProof.targetTxHeader);
  assert.deepEqual(dualProof.linearProof.terms, [database.store.log.alh(1)]);
  assert.equal(dualProof.targetTxHeader.blTxId, 0);
});

test('proofs since a transaction that does not exist are refused, and nothing is written', async (t) => {
  const { database } = await openDatabase(t);
  await setEach(database, [['a', '1']]);
  const state = refusal('illegalState', 'illegal state');
  assert.throws(() => database.verifiableGet(keyRequest('a'), 2), state);
  assert.throws(() => database.verifiableGetStreamed(keyRequest('a'), 2), state);
  await assert.rejects(database.verifiableSet([kv('a', '2')], 2, SESSION), state);
  const args = refusal('illegalArguments', 'illegal arguments');
  await assert.rejects(database.verifiableSetReference(reference('r', 'a'), 2, SESSION), args);
  await assert.rejects(database.verifiableZAdd(element('s', 1, 'a'), 2, SESSION), args);
  assert.equal(database.state().txId, 1);
});

test('headers that contradict each other are damage', async (t) => {
  // Two records were swapped by somebody who knew their checksums: the answer was an internal error.
  const fixture = await new DatabasesFixture(await temporaryFolder(t)).open();
  const database = await fixture.default();
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'])
    await setEach(database, [[key, '1']]);
  const folder = database.store.environment.path;
  await fixture.manager.close();
  await swapTransactions(folder, 4, 7, true);
  await fixture.open();
  cleanUp(t, () => fixture.manager.close());
  const tampered = await fixture.default();
  const request = { tx: 4, sinceTx: 0, keepReferencesUnresolved: false };
  assert.throws(() => tampered.verifiableTxById(request, 9), refusal('corrupted'));
});
