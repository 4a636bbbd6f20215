import assert from 'node:assert/strict';
import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { StateHistory } from '../../src/auditor/state-history.js';
import type { SignedState } from '../../src/client/index.js';
import { temporaryFolder } from '../support/store-fixture.js';
import { Scene } from './scene.js';

function state(txId: number): SignedState {
  return { txId, txHash: Buffer.alloc(32, txId) };
}

async function written(t: TestContext): Promise<string> {
  const file = path.join(await temporaryFolder(t), 'states.jsonl');
  const history = await StateHistory.open(file);
  for (const txId of [2, 5, 9]) await history.append(state(txId), new Date(1_000));
  return file;
}

const unusable = { code: 'stateUnusable' };

test('what was appended is there again, signatures too', async (t) => {
  const file = await written(t);
  const history = await StateHistory.open(file);
  assert.deepEqual(history.newest, state(9));
  assert.equal(history.signer, undefined);
  const signature = { signature: Buffer.from([1, 2]), publicKey: Buffer.from([4, 5]) };
  await history.append({ ...state(10), signature }, new Date());
  await history.append(state(11), new Date());
  const again = await StateHistory.open(file);
  assert.deepEqual(again.newest, state(11));
  assert.deepEqual(again.signer, signature.publicKey);
  await again.check();
});

test('a line that was being written when the process was killed is cut off', async (t) => {
  const file = await written(t);
  const before = await readFile(file, 'utf8');
  await appendFile(file, '{"format":1,"seq":4,"at"');
  const history = await StateHistory.open(file);
  assert.deepEqual(history.newest, state(9));
  assert.equal(await readFile(file, 'utf8'), before);
});

test('any change of a byte is found', async (t) => {
  const file = await written(t);
  const bytes = await readFile(file);
  for (let at = 0; at < bytes.length; at += 7) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 1;
    await writeFile(file, changed);
    await assert.rejects(StateHistory.open(file), unusable, `byte ${at}`);
  }
});

test('lines that were removed, swapped or added are found', async (t) => {
  const file = await written(t);
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const [one, two, three] = lines as [string, string, string];
  const spoiled = [
    [two, three],
    [one, three],
    [two, one, three],
    [one, one, two, three],
    ['', one],
  ];
  for (const order of spoiled) {
    await writeFile(file, `${order.join('\n')}\n`);
    await assert.rejects(StateHistory.open(file), unusable, order.join('\n'));
  }
});

test('what another process wrote meanwhile is found', async (t) => {
  const file = await written(t);
  const history = await StateHistory.open(file);
  await truncate(file, 10);
  await assert.rejects(history.check(), unusable);
  await rm(file);
  await assert.rejects(history.check(), unusable);
});

test('a state that cannot be used is an alarm, now and after a restart, and never trust anew', async (t) => {
  const scene = await Scene.start(t, 3);
  await scene.clean();
  const folder = path.join(scene.folder, scene.proxy.uuid);
  const file = path.join(folder, 'defaultdb.jsonl');
  const bytes = await readFile(file);
  for (const spoil of [
    () => rm(file),
    () => writeFile(file, ''),
    () => writeFile(file, bytes.subarray(0, 20)),
    () => writeFile(file, `${'x'.repeat(200)}\n`),
    () => writeFile(path.join(folder, 'databases.json'), '{'),
    () => writeFile(path.join(folder, 'databases.json'), '{}'),
    () => writeFile(path.join(scene.folder, 'servers.json'), '[]'),
  ]) {
    const kept = await Promise.all(
      [file, path.join(folder, 'databases.json'), path.join(scene.folder, 'servers.json')].map(
        async (name) => [name, await readFile(name)] as const,
      ),
    );
    await spoil();
    await scene.alarm('stateUnusable');
    await scene.restart();
    await scene.alarm('stateUnusable');
    for (const [name, content] of kept) await writeFile(name, content);
    await scene.restart();
    await scene.clean();
  }
});

test('a killed first examination leaves nothing that looks like tampering', async (t) => {
  const scene = await Scene.start(t, 3);
  await scene.clean();
  // As if it had been killed between its state and the name of the database.
  await rm(path.join(scene.folder, scene.proxy.uuid, 'databases.json'));
  await scene.restart();
  await scene.clean();
  await scene.restart();
  await scene.clean();
});
