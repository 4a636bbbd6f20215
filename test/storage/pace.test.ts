import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkStore, type PaceTimer } from '../../src/storage/index.js';
import { Pace } from '../../src/storage/pace.js';
import { commitTxs, openStore, plain, temporaryFolder } from '../support/store-fixture.js';

/** Time passes only while somebody waits. */
class WaitedTime implements PaceTimer {
  ms = 1000;
  waits = 0;

  now(): number {
    return this.ms;
  }

  async wait(ms: number): Promise<void> {
    this.ms += ms;
    this.waits++;
  }
}

test('what is read at a rate takes exactly its time, however it is cut', async () => {
  for (const pieces of [1, 3, 1000, 30_000]) {
    const timer = new WaitedTime();
    const pace = new Pace(4_000_000, undefined, timer);
    for (let i = 0; i < pieces; i++) {
      await pace.after(3_000_000 / pieces);
      const passed = timer.ms - 1000;
      const due = ((i + 1) * 750) / pieces;
      assert.ok(passed > due - 5.001 && passed < due + 0.001, `${pieces}: ${passed} of ${due}`);
    }
    await pace.end();
    assert.ok(Math.abs(timer.ms - 1750) < 1e-6, `${pieces}: ${timer.ms}`);
  }
});

test('time that the reading itself takes is not waited for again', async () => {
  const timer = new WaitedTime();
  const pace = new Pace(1_000_000, undefined, timer);
  timer.ms += 2000;
  await pace.after(1_000_000);
  await pace.end();
  assert.deepEqual([timer.ms, timer.waits], [3000, 0]);
});

test('without a rate nothing is waited for', async () => {
  const timer = new WaitedTime();
  const pace = new Pace(undefined, undefined, timer);
  assert.equal(await pace.after(1e9), false);
  timer.ms += 4;
  assert.equal(await pace.after(1e9), true);
  await pace.end();
  assert.equal(timer.waits, 0);
});

test('a check of a store takes the bytes it reports at its rate', async (t) => {
  const store = await openStore(t, await temporaryFolder(t));
  await commitTxs(store, [[plain('large', Buffer.alloc(3_000_000, 7))], [plain('k', 'v')]]);
  const timer = new WaitedTime();
  const report = await checkStore(store, { bytesPerSecond: 4_000_000, timer });
  assert.ok(report.bytes > 3_000_000);
  assert.ok(Math.abs(timer.ms - 1000 - report.bytes / 4000) < 1e-3);
});
