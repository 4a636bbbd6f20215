import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationText, parseDuration } from '../../src/auditor/index.js';
import { sample } from '../../src/auditor/values.js';
import { Scene } from './scene.js';

test('a sample is of the numbers asked for, each once, in order', () => {
  assert.deepEqual(sample(3, 2, 5), []);
  assert.deepEqual(sample(1, 3, 5), [1, 2, 3]);
  for (let i = 0; i < 50; i++) {
    const found = sample(10, 40, 7);
    assert.equal(new Set(found).size, 7);
    assert.deepEqual(
      found,
      [...found].sort((a, b) => a - b),
    );
    assert.ok(found.every((n) => n >= 10 && n <= 40));
  }
});

test('values that are too large to be held are checked as they come', async (t) => {
  const scene = await Scene.start(t, 1);
  const large = Buffer.alloc(5 << 20, 'x');
  await scene.client.set('large', large);
  await scene.client.setAll([
    { key: 'a', value: Buffer.alloc(3 << 20, 'a') },
    { key: 'b', value: Buffer.alloc(3 << 20, 'b') },
  ]);
  await scene.client.setReference('reference', 'large');
  // The proxy passes calls with one message each way only; this auditor asks the server itself.
  const direct = await scene.direct();
  assert.deepEqual(await direct(), { alarms: [], failures: 0 });
  assert.equal(scene.metric('stele_auditor_sampled_transactions_total'), 4);
});

test('a server that gives no values with transactions is asked for the entries', async (t) => {
  const scene = await Scene.start(t, 3);
  scene.proxy.forge = {
    TxById: (answer) => {
      for (const entry of answer.entries) entry.value = Buffer.alloc(0);
      return answer;
    },
  };
  await scene.clean();
  scene.proxy.forge.VerifiableGet = (answer) => {
    if (answer.entry !== undefined) answer.entry.value = Buffer.from('forged');
    return answer;
  };
  await scene.alarm('tampered', /not in its transaction/);
});

test('a key of many versions is looked up in a few calls', async (t) => {
  const scene = await Scene.start(t, 0, { sampleSize: 1 });
  for (let i = 0; i < 60; i++) await scene.client.set('hot', `value ${i}`);
  let calls = 0;
  scene.proxy.forge = {
    History: (answer) => {
      calls++;
      assert.equal(answer.entries.length, 1);
      return answer;
    },
  };
  await scene.clean();
  assert.ok(calls > 0 && calls <= 8, `${calls} calls`);
});

test('durations are written and read as Go does', () => {
  for (const [ms, text] of [
    [1000, '1s'],
    [60_000, '1m0s'],
    [3_661_500, '1h1m1.5s'],
    [86.061938, '86.061938ms'],
    [0.5, '500µs'],
  ] as const) {
    assert.equal(durationText(ms), text);
    assert.equal(parseDuration(text), ms);
  }
  for (const text of ['X', '', '5', '1 s', '-1s']) assert.equal(parseDuration(text), undefined);
});
