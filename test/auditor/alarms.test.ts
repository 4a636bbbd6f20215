import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { StateSigner } from '../../src/proofs/index.js';
import { Scene } from './scene.js';

/**
 * A server that lies, in every way that it can: the auditor raises the alarm in the next cycle, keeps what it
 * verified before, and is content again when the server is.
 */

function signingKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    signer: new StateSigner(privateKey.export({ type: 'sec1', format: 'pem' }).toString()),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

test('a server that goes on with its history raises no alarm', async (t) => {
  const scene = await Scene.start(t, 3);
  await scene.clean();
  await scene.client.set('key 1', 'more');
  await scene.clean();
  await scene.clean();
  await scene.restart();
  await scene.client.delete(['key 1']);
  await scene.client.setReference('ref', 'key 2');
  await scene.client.zAdd('set', 1, 'key 2');
  await scene.client.setAll([{ key: 'gone', value: 'x', metadata: { expiresAt: 1 } }]);
  await scene.clean();
  assert.equal(scene.metric('stele_auditor_result', 'defaultdb'), 1);
  assert.equal(scene.metric('immuclient_audit_curr_root_per_server'), 8);
});

test('a server that was rolled back', async (t) => {
  const scene = await Scene.start(t, 5);
  await scene.clean();
  const sound = scene.proxy.target;
  scene.proxy.target = await scene.otherHistory(3);
  await scene.alarm('rolledBack', /ends before the trusted state/);
  assert.equal(scene.metric('immuclient_audit_result_per_server'), 0);
  assert.equal(scene.metric('immuclient_audit_prev_root_per_server'), 5);
  assert.equal(scene.metric('stele_auditor_alarms_total', 'rolledBack'), 1);
  scene.proxy.target = sound;
  await scene.clean();
});

test('a history that was rebuilt, of the same length or longer', async (t) => {
  const scene = await Scene.start(t, 5);
  await scene.clean();
  scene.proxy.target = await scene.otherHistory(5);
  await scene.alarm('tampered', /another one than the trusted state/);
  scene.proxy.target = await scene.otherHistory(8);
  await scene.alarm('tampered');
  await scene.restart();
  await scene.alarm('tampered');
});

test('a database that was emptied, or is not there any more', async (t) => {
  const scene = await Scene.start(t, 2);
  await scene.clean();
  const sound = scene.proxy.target;
  scene.proxy.target = await scene.otherHistory(0);
  await scene.alarm('emptied', /transaction 0/);
  scene.proxy.target = sound;
  scene.proxy.forge = {
    DatabaseList: (answer) => {
      answer.databases = [{ databaseName: 'another' }] as typeof answer.databases;
      return answer;
    },
  };
  await scene.alarm('emptied', /not there any more/);
});

test('another server at the address', async (t) => {
  const scene = await Scene.start(t, 2);
  await scene.clean();
  const { uuid } = scene.proxy;
  scene.proxy.uuid = 'dc1r4hhksdu9pknvc999';
  await scene.alarm('otherServer', /another server answers/);
  scene.proxy.uuid = uuid;
  await scene.clean();
});

test('another server where no database was known yet', async (t) => {
  const scene = await Scene.start(t, 0);
  await scene.clean();
  scene.proxy.uuid = 'dc1r4hhksdu9pknvc999';
  await scene.alarm('otherServer');
});

test('with a key every state must be signed with it', async (t) => {
  const key = signingKey();
  const other = signingKey();
  const signed = await Scene.start(
    t,
    2,
    { serverKey: key.publicPem },
    { rpc: { signer: key.signer } },
  );
  await signed.clean();
  await signed.restart({ serverKey: other.publicPem });
  await signed.alarm('signature', /does not hold/);
  const unsigned = await Scene.start(t, 2, { serverKey: key.publicPem });
  await unsigned.alarm('signature', /not signed/);
});

test('without a key the one of the first signature counts', async (t) => {
  const signed = await Scene.start(t, 2, {}, { rpc: { signer: signingKey().signer } });
  await signed.clean();
  assert.ok(signed.lines.some((line) => /^WARNING: server signature .* untrusted/.test(line)));
  signed.proxy.forge = {
    CurrentState: (answer) => {
      delete answer.signature;
      return answer;
    },
  };
  await signed.alarm('signature', /not signed any more/);
  signed.proxy.forge = {
    CurrentState: (answer) => {
      const point = answer.signature?.publicKey;
      if (point !== undefined) point[40] = (point[40] as number) ^ 1;
      return answer;
    },
  };
  await signed.alarm('signature', /another key than before/);
  signed.proxy.forge = {
    CurrentState: (answer) => {
      if (answer.signature !== undefined) answer.signature.signature = Buffer.from('no');
      return answer;
    },
  };
  await signed.alarm('signature', /does not hold/);
});

test('a value that was edited, and one that the server itself finds damaged', async (t) => {
  const scene = await Scene.start(t, 4);
  await scene.clean();
  scene.proxy.forge = {
    TxById: (answer) => {
      const [entry] = answer.entries;
      if (entry?.value.length) entry.value = Buffer.from('\0forged');
      return answer;
    },
  };
  await scene.alarm('value', /not the one that was written/);
  scene.proxy.forge = {
    TxById: () => ({ code: 2, details: 'data is corrupted: value length or digest mismatch' }),
  };
  await scene.alarm('value', /damaged.*mismatch/);
  scene.proxy.forge = {
    CurrentState: () => ({
      code: 2,
      details: 'the database can not be opened, see the log of the server',
    }),
  };
  await scene.alarm('damaged', /can not be opened/);
  await scene.restart({ sampleSize: 0 });
  scene.proxy.forge = {};
  await scene.clean();
  assert.equal(scene.metric('stele_auditor_sampled_transactions_total'), 0);
});

test('a transaction that was removed, and one in the place of another', async (t) => {
  const scene = await Scene.start(t, 6);
  await scene.clean();
  scene.proxy.forge = { VerifiableTxById: () => ({ code: 2, details: 'tx not found' }) };
  await scene.alarm('tampered', /gone/);
  await scene.client.set('key 1', 'newer');
  await scene.alarm('tampered', /does not prove the state/);
  scene.proxy.forge = {
    TxById: (answer) => {
      answer.entries.length = 0;
      return answer;
    },
  };
  await scene.alarm('value', /missing/);
});

test('a history of a key that was cut', async (t) => {
  const scene = await Scene.start(t, 7);
  await scene.clean();
  scene.proxy.forge = {
    History: (answer) => {
      answer.entries = answer.entries.filter(({ tx }) => tx !== 4);
      return answer;
    },
  };
  await scene.alarm('value', /lacks its version/);
});

test('the alarm is written down once, with the states that contradict each other', async (t) => {
  const scene = await Scene.start(t, 3);
  await scene.clean();
  scene.proxy.target = await scene.otherHistory(3);
  await scene.alarm('tampered');
  await scene.alarm('tampered');
  const text = await readFile(path.join(scene.folder, 'alarms.jsonl'), 'utf8');
  const [record, ...others] = text.trimEnd().split('\n');
  assert.deepEqual(others, []);
  const { kind, database, previous, current } = JSON.parse(record as string);
  assert.deepEqual([kind, database, previous.txId, current.txId], ['tampered', 'defaultdb', 3, 3]);
  assert.notEqual(previous.txHash, current.txHash);
});

test('one of several databases does not hide another', async (t) => {
  const scene = await Scene.start(t, 2);
  for (const databaseName of ['aone', 'atwo']) {
    await scene.client.call('CreateDatabase', { databaseName });
    await scene.client.useDatabase(databaseName);
    await scene.client.set('key', databaseName);
  }
  await scene.clean();
  scene.proxy.forge = {
    CurrentState: (answer) => {
      if (answer.db === 'aone') answer.txHash = Buffer.alloc(32, 1);
      return answer;
    },
  };
  await scene.alarm('tampered');
  assert.equal(scene.metric('stele_auditor_result', '"aone"'), 0);
  assert.equal(scene.metric('stele_auditor_result', '"atwo"'), 1);
  assert.equal(scene.metric('stele_auditor_result', '"defaultdb"'), 1);
});
