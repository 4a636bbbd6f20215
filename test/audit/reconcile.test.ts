import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuditLog, type EventKind } from '../../src/audit/index.js';
import { kv, SESSION } from '../support/database-fixture.js';
import { FakeClock } from '../support/fake-clock.js';
import { logFixture } from './log-fixture.js';
import { auditedTxs, readStream } from './stream-reader.js';

/** Transactions whose calls die after the commit: no event says that they are there. */

const LONG_MS = 61_000;
const KINDS: EventKind[] = [{ name: 'kv.set', class: 'write', readOnly: false }];

test('a transaction without event gets one while the server runs, also the newest, and only once', async (t) => {
  const clock = new FakeClock();
  const { manager, options, folder } = await logFixture(t, { clock, kinds: KINDS });
  const audit = await AuditLog.open(options);
  const database = await manager.open('defaultdb');
  const txs = () => [...auditedTxs(readStream(folder).events, 'defaultdb')];
  await database.set([kv('a', 'v')], SESSION);
  await database.set([kv('b', 'v')], SESSION);
  clock.advance(LONG_MS);
  // Their calls may still be under way: nobody has looked since.
  await audit.checkpoint();
  assert.deepEqual(txs(), []);
  clock.advance(LONG_MS);
  await database.set([kv('c', 'v')], SESSION);
  await audit.checkpoint();
  assert.deepEqual(txs(), [
    [1, 1],
    [2, 1],
  ]);
  clock.advance(LONG_MS);
  await audit.checkpoint();
  clock.advance(LONG_MS);
  await audit.checkpoint();
  assert.deepEqual(txs(), [
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  await audit.close();
});

test('what has no event when the server stops gets it then', async (t) => {
  const { manager, options, folder } = await logFixture(t, { kinds: KINDS });
  const audit = await AuditLog.open(options);
  const database = await manager.open('defaultdb');
  await database.set([kv('a', 'v')], SESSION);
  await audit.close();
  assert.deepEqual([...auditedTxs(readStream(folder).events, 'defaultdb')], [[1, 1]]);
  const again = await AuditLog.open(options);
  await again.close();
  assert.deepEqual([...auditedTxs(readStream(folder).events, 'defaultdb')], [[1, 1]]);
});
