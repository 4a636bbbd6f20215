import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Receiver, Scene } from './scene.js';

/** Waits for what must come; a test that waits in vain runs into the limit of its runner. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10);
}

test('what is posted is signed, and names the receiver only in the body and its header', async (t) => {
  const receiver = await Receiver.start(t);
  const scene = await Scene.start(t, 2, { notification: receiver.options({ secret: 'hush' }) });
  await scene.clean();
  assert.equal(receiver.received.length, 0, 'a first state is nothing to tell of');
  await scene.clean();
  const [{ headers, body } = { headers: {}, body: '' }] = receiver.received;
  const hmac = createHmac('sha256', 'hush').update(body).digest('hex');
  assert.equal(headers['x-stele-signature'], `sha256=${hmac}`);
  assert.equal(headers['content-type'], 'application/json');
  const basic = Buffer.from('hookuser:hookpass').toString('base64');
  assert.equal(headers.authorization, `Basic ${basic}`);
  const { username, password, tampered, db } = JSON.parse(body);
  assert.deepEqual(
    [username, password, tampered, db],
    ['hookuser', 'hookpass', false, 'defaultdb'],
  );
  assert.ok(!scene.lines.some((line) => /hush|hookpass/.test(line)));
});

test('an alarm waits on disk until the receiver acknowledges it, also over a restart', async (t) => {
  const receiver = await Receiver.start(t);
  receiver.status = 500;
  receiver.answer = 'no thanks, hookpass';
  const notification = receiver.options({ secret: 'hush' });
  const scene = await Scene.start(t, 3, { notification });
  await scene.clean();
  scene.proxy.target = await scene.otherHistory(3);
  await scene.alarm('tampered');
  assert.equal(scene.metric('stele_auditor_pending_notifications'), 1);
  const error = scene.lines.find((line) => /^ERROR: error publishing/.test(line)) ?? '';
  assert.match(error, /status 500 .* response body no thanks, \*\*\*$/);
  const waiting = path.join(scene.folder, 'notifications');
  const [name] = await readdir(waiting);
  const kept = await readFile(path.join(waiting, name as string), 'utf8');
  assert.ok(!/hookpass|hush/.test(kept), 'credentials are not written to disk');
  receiver.status = 204;
  await scene.restart();
  await until(() => receiver.received.length >= 2);
  await until(() => scene.metric('stele_auditor_pending_notifications') === 0);
  const [first, second] = receiver.received;
  assert.equal(first?.headers['x-stele-delivery'], second?.headers['x-stele-delivery']);
  assert.equal(first?.body, second?.body);
  const { tampered, alarm } = JSON.parse(second?.body ?? '{}');
  assert.deepEqual([tampered, alarm.kind], [true, 'tampered']);
  await scene.restart();
  assert.equal(scene.metric('stele_auditor_pending_notifications'), 0);
});

test('one that was not acknowledged is tried again without waiting for the next cycle', async (t) => {
  const receiver = await Receiver.start(t);
  receiver.status = 503;
  const scene = await Scene.start(t, 3, { notification: receiver.options() });
  await scene.clean();
  scene.proxy.target = await scene.otherHistory(3);
  await scene.alarm('tampered');
  receiver.status = 200;
  await until(() => scene.metric('stele_auditor_pending_notifications') === 0);
  assert.equal(receiver.received.length, 2);
});

test('a receiver that is away is not asked for each database', async (t) => {
  const receiver = await Receiver.start(t);
  const scene = await Scene.start(t, 2, { notification: receiver.options() });
  for (const databaseName of ['aone', 'atwo', 'athree']) {
    await scene.client.call('CreateDatabase', { databaseName });
    await scene.client.useDatabase(databaseName);
    await scene.client.set('key', databaseName);
  }
  await scene.clean();
  receiver.status = 500;
  await scene.clean();
  assert.equal(receiver.received.length, 1);
  const skipped = scene.lines.filter((line) => /was not sent/.test(line));
  assert.equal(skipped.length, 3);
});

test('with changes only what differs is posted, and an end of an alarm is told of', async (t) => {
  const receiver = await Receiver.start(t);
  const scene = await Scene.start(t, 3, { notification: receiver.options({ about: 'changes' }) });
  await scene.clean();
  await scene.clean();
  const sound = scene.proxy.target;
  scene.proxy.target = await scene.otherHistory(3);
  await scene.alarm('tampered');
  await scene.alarm('tampered');
  scene.proxy.target = sound;
  await scene.clean();
  await scene.clean();
  assert.deepEqual(
    receiver.bodies().map(({ tampered }) => tampered),
    [true, false],
  );
});

test('a redirection is not followed: credentials go where they were meant to', async (t) => {
  const elsewhere = await Receiver.start(t);
  const receiver = await Receiver.start(t);
  receiver.status = 307;
  const scene = await Scene.start(t, 2, { notification: receiver.options() });
  await scene.clean();
  await scene.clean();
  assert.equal(receiver.received.length, 1);
  assert.equal(elsewhere.received.length, 0);
  assert.ok(scene.lines.some((line) => /status 307/.test(line)));
});

test('a waiting notification that cannot be read is put aside and does not stop the others', async (t) => {
  const receiver = await Receiver.start(t);
  const scene = await Scene.start(t, 2, { notification: receiver.options() });
  await scene.clean();
  const folder = path.join(scene.folder, 'notifications');
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, `${'a'.repeat(32)}.json`), '{"about":');
  await scene.restart();
  await scene.clean();
  assert.equal(receiver.received.length, 1);
  assert.deepEqual(await readdir(folder), [`${'a'.repeat(32)}.json.bad`]);
  assert.ok(scene.lines.some((line) => /^ERROR: .*cannot be read and is put aside/.test(line)));
});
