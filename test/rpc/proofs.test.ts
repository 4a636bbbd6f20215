import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { alhOf, StateSigner, StateVerifier, verifyDualProof } from '../../src/proofs/index.js';
import {
  dualProofFromMessage,
  type pb,
  stateFromMessage,
  txHeaderFromMessage,
} from '../../src/wire/index.js';
import { frame, RpcFixture } from './fixture.js';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const signer = new StateSigner(privateKey.export({ type: 'sec1', format: 'pem' }).toString());
const verifier = StateVerifier.fromPem(
  publicKey.export({ type: 'spki', format: 'pem' }).toString(),
);

const key = Buffer.from('k');
const value = Buffer.from('v');

function signed(db: string, tx: pb.VerifiableTx | undefined): boolean {
  const target = txHeaderFromMessage(tx?.dualProof?.targetTxHeader);
  const state = { txId: target.id, txHash: alhOf(target) };
  return verifier.verify(db, state, tx?.signature?.signature ?? Buffer.alloc(0));
}

test('the state and every proof are signed for the database that they speak of', async (t) => {
  const fixture = await RpcFixture.start(t, { rpc: { signer } });
  const client = await fixture.loggedIn();
  await client.call('CreateDatabase', { databaseName: 'ledger' });
  await client.useDatabase('ledger');
  const state = await client.call('CurrentState', {});
  assert.ok(
    verifier.verify('ledger', stateFromMessage(state), state.signature?.signature as Buffer),
  );
  assert.ok(
    !verifier.verify('defaultdb', stateFromMessage(state), state.signature?.signature as Buffer),
  );
  assert.deepEqual(Buffer.from(state.signature?.publicKey as Buffer), signer.publicKey);

  const KVs = [{ key, value }];
  const made = await client.call('VerifiableSet', { setRequest: { KVs } });
  const referenceRequest = { key: Buffer.from('r'), referencedKey: key };
  const zAddRequest = { set: Buffer.from('s'), score: 1, key };
  const proofs = [
    made,
    await client.call('VerifiableSetReference', { referenceRequest, proveSinceTx: 1 }),
    await client.call('VerifiableZAdd', { zAddRequest, proveSinceTx: 1 }),
    await client.call('VerifiableTxById', { tx: 1, proveSinceTx: 3 }),
    (await client.call('VerifiableGet', { keyRequest: { key }, proveSinceTx: 3 })).verifiableTx,
    await client.write('streamVerifiableSet', [
      { content: Buffer.concat([frame(Buffer.alloc(8)), frame('x'), frame('y')]) },
    ]),
  ];
  for (const [i, proof] of proofs.entries()) {
    assert.ok(signed('ledger', proof), `proof ${i}`);
    assert.ok(!signed('defaultdb', proof), `proof ${i} for another database`);
  }
});

test('without a key nothing is signed', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  assert.equal((await client.call('CurrentState', {})).signature, undefined);
  const made = await client.call('VerifiableSet', { setRequest: { KVs: [{ key, value }] } });
  assert.equal(made.signature, undefined);
});

test('the proof of each write leads from the state that the client had', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  let trusted = stateFromMessage(await client.call('CurrentState', {}));
  for (let i = 0; i < 20; i++) {
    const KVs = [{ key, value: Buffer.from(String(i)) }];
    const made = await client.call('VerifiableSet', {
      setRequest: { KVs },
      proveSinceTx: trusted.txId,
    });
    const target = txHeaderFromMessage(made.tx?.header);
    const state = { txId: target.id, txHash: alhOf(target) };
    if (trusted.txId > 0) {
      const proof = dualProofFromMessage(made.dualProof);
      const verdict = verifyDualProof(
        proof,
        trusted.txId,
        state.txId,
        trusted.txHash,
        state.txHash,
      );
      assert.ok(verdict.ok, JSON.stringify(verdict));
    }
    trusted = state;
  }
  assert.deepEqual(trusted.txId, 20);
});

test('a proof since a transaction that does not exist is an illegal state and writes nothing', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const setRequest = { KVs: [{ key, value }] };
  const refusal = { code: 3, details: 'illegal state' };
  await assert.rejects(client.call('VerifiableSet', { setRequest, proveSinceTx: 9 }), refusal);
  assert.equal((await client.call('CurrentState', {})).txId, 0);
});
