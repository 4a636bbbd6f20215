import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Auditor } from '../../src/auditor/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { freePort } from '../support/server-process.js';
import { temporaryFolder } from '../support/store-fixture.js';
import { auditorOptions, filledServer, Receiver, Scene } from './scene.js';

const NOT_ABORTED = new AbortController();

test('an outage is an alarm when it goes on, however often it is tried', async (t) => {
  const receiver = await Receiver.start(t);
  const clock = new FakeClock();
  const notification = receiver.options();
  const scene = await Scene.start(t, 2, { clock, notification, intervalMs: 60_000 });
  await scene.clean();
  scene.proxy.forge = { DatabaseList: () => ({ code: 14, details: 'away' }) };
  for (let i = 0; i < 5; i++) {
    const { alarms, failures } = await scene.cycle();
    assert.deepEqual([alarms.length, failures], [0, 1], 'tries within one interval are no cycles');
    clock.advance(1000);
  }
  assert.equal(scene.metric('immuclient_audit_result_per_server'), -2);
  assert.equal(scene.metric('stele_auditor_missed_checks'), 5);
  clock.advance(60_000);
  assert.deepEqual((await scene.cycle()).alarms, []);
  clock.advance(60_000);
  await scene.alarm('outage', /away/);
  const [body] = receiver.bodies() as { alarm: { kind: string }; tampered: boolean }[];
  assert.deepEqual([body?.alarm.kind, body?.tampered], ['outage', false]);
  clock.advance(60_000);
  assert.deepEqual((await scene.cycle()).alarms, [], 'not in every cycle');
  clock.advance(120_000);
  await scene.alarm('outage');
  scene.proxy.forge = {};
  await scene.clean();
  assert.equal(scene.metric('stele_auditor_missed_checks'), 0);
});

test('one database that cannot be looked at is an outage of its own', async (t) => {
  const clock = new FakeClock();
  const scene = await Scene.start(t, 2, { clock, intervalMs: 1000, outageCycles: 2 });
  await scene.client.call('CreateDatabase', { databaseName: 'aone' });
  await scene.clean();
  scene.proxy.forge = {
    UseDatabase: () => ({ code: 7, details: 'no permission' }),
    CurrentState: (answer) =>
      answer.db === 'aone' ? { code: 7, details: 'no permission' } : answer,
  };
  assert.deepEqual(await scene.cycle(), { alarms: [], failures: 1 });
  clock.advance(1000);
  await scene.alarm('outage', /no permission/);
  assert.equal(scene.metric('stele_auditor_result', '"defaultdb"'), 1);
  assert.equal(scene.metric('stele_auditor_result', '"aone"'), -2);
});

test('of several servers one that is away holds up no other', async (t) => {
  const { port } = await filledServer(t, 2);
  const servers = [
    { host: '127.0.0.1', port: await freePort() },
    { host: '127.0.0.1', port },
  ];
  const folder = await temporaryFolder(t);
  const lines: string[] = [];
  const options = auditorOptions(folder, port, {
    servers,
    outageCycles: 1,
    log: (_level, text) => lines.push(text),
  });
  await using auditor = await Auditor.open(options);
  const { alarms, failures } = await auditor.cycle(NOT_ABORTED.signal);
  assert.deepEqual([alarms.map(({ kind }) => kind), failures], [['outage'], 1]);
  assert.ok(lines.some((line) => /its state at tx 2 is trusted/.test(line)));
  assert.match((await auditor.health()) ?? '', /connection refused/);
});

test('it goes on from cycle to cycle, and stops when it is told to', async (t) => {
  const scene = await Scene.start(t, 2, { intervalMs: 20 });
  const abort = new AbortController();
  const running = scene.auditor.run(abort.signal);
  while ((scene.metric('stele_auditor_cycles_total') ?? 0) < 3) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  abort.abort();
  await running;
  assert.equal(scene.metric('stele_auditor_result', 'defaultdb'), 1);
});

test('a login that ended is made anew, without an alarm', async (t) => {
  const scene = await Scene.start(t, 2);
  await scene.clean();
  let ended = true;
  scene.proxy.forge = {
    CurrentState: (answer) => {
      if (!ended) return answer;
      ended = false;
      return { code: 2, details: 'please login first' };
    },
  };
  await scene.clean();
  assert.equal(ended, false);
});

test('two auditors do not work in one folder', async (t) => {
  const scene = await Scene.start(t, 1);
  const second = Auditor.open(auditorOptions(scene.folder, scene.proxy.port));
  await assert.rejects(second, { code: 'lockHeld' });
});
