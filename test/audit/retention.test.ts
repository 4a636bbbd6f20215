import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { AuditLog, databaseSeals, type SinkLine, verifyAudit } from '../../src/audit/index.js';
import { FakeClock } from '../support/fake-clock.js';
import { logFixture } from './log-fixture.js';
import { readStream } from './stream-reader.js';

const KEEP = { maxAgeMs: 0, maxFiles: 0, maxBytes: 0, requireArchive: false };
const DAY_MS = 86_400_000;

function closedFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^audit\.\d{8}T/.test(name))
    .sort();
}

function bytesOfClosed(folder: string): number {
  return closedFiles(folder)
    .map((name) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0);
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 1000, 'it does not happen');
    await delay(10);
  }
}

const deletions = (folder: string) =>
  readStreamLoosely(folder).filter(({ event_name: name }) => name === 'audit.file_deleted');

/** The first files are gone, so the chain begins in the middle. */
function readStreamLoosely(folder: string) {
  return readStream(folder).events;
}

test('closed files beyond their number are deleted, each after an event, and verify knows', async (t) => {
  const { options, folder, seals, live } = await logFixture(t, {
    retention: { ...KEEP, maxFiles: 2 },
  });
  const audit = await AuditLog.open(options);
  for (let file = 0; file < 5; file++) {
    await audit.say('config.changed', { changes: { file } });
    await audit.rotate('admin');
  }
  await until(() => closedFiles(folder).length === 2);
  await audit.close();
  assert.deepEqual(
    deletions(folder).map(({ event_data: data }) => [data.file_no, data.reason]),
    [
      [1, 'max_files'],
      [2, 'max_files'],
      [3, 'max_files'],
    ],
  );
  const report = await verifyAudit({ path: live, source: databaseSeals(seals, 'seals') });
  assert.deepEqual(report.problems, []);
  assert.equal(report.deletedFiles, 3);
});

test('files are deleted by age and by size', async (t) => {
  const offset = { ms: 0 };
  const clock = { now: () => Date.now() + offset.ms };
  const byAge = await logFixture(t, { clock, retention: { ...KEEP, maxAgeMs: DAY_MS } });
  const audit = await AuditLog.open(byAge.options);
  await audit.rotate('admin');
  await audit.rotate('admin');
  assert.equal(closedFiles(byAge.folder).length, 2);
  offset.ms = 2 * DAY_MS;
  await audit.rotate('admin');
  await until(() => closedFiles(byAge.folder).length === 0);
  await audit.close();
  assert.equal(deletions(byAge.folder).at(-1)?.event_data.reason, 'max_age');
  const bySize = await logFixture(t, { retention: { ...KEEP, maxBytes: 4096 } });
  const small = await AuditLog.open(bySize.options);
  for (let file = 0; file < 4; file++) {
    await small.say('config.changed', { changes: { text: 'x'.repeat(3000) } });
    await small.rotate('admin');
  }
  // The deletions are events too, and may be in a file that is closed later.
  await until(() => bytesOfClosed(bySize.folder) <= 4096);
  await small.close();
  assert.equal(deletions(bySize.folder)[0]?.event_data.reason, 'max_bytes');
});

test('what a sink has not taken is kept when that is asked for', async (t) => {
  let isUp = false;
  let taken = 0;
  const sink = {
    async send(lines: readonly SinkLine[]) {
      if (!isUp) throw new Error('gone');
      taken = lines.at(-1)?.seq ?? taken;
    },
    async close() {},
  };
  const { options, folder } = await logFixture(t, {
    retention: { ...KEEP, maxFiles: 1, requireArchive: true },
    sinks: [{ name: 'archive', sink }],
  });
  const audit = await AuditLog.open(options);
  for (let file = 0; file < 3; file++) await audit.rotate('admin');
  await audit.say('config.changed', { changes: {} });
  assert.equal(closedFiles(folder).length, 3);
  assert.equal(deletions(folder).length, 0);
  isUp = true;
  const { seq } = audit.settings();
  await until(() => taken >= seq);
  await audit.rotate('admin');
  await until(() => closedFiles(folder).length === 1);
  await audit.close();
});

test('a clock that goes back and stands still costs neither order nor names', async (t) => {
  const clock = new FakeClock();
  const { options, folder, seals, live } = await logFixture(t, {
    clock,
    rotateIntervalMs: 3_600_000,
  });
  const audit = await AuditLog.open(options);
  for (const step of [0, 0, -7_200_000, 0, 1]) {
    clock.advance(step);
    await audit.say('config.changed', { changes: {} });
    await audit.rotate('admin');
  }
  await audit.say('config.changed', { changes: {} });
  await audit.close();
  const { events, broken, files } = readStream(folder);
  assert.deepEqual(broken, []);
  assert.equal(files.length, 6);
  const ids = events.map(({ event_id: id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const report = await verifyAudit({ path: live, source: databaseSeals(seals, 'seals') });
  assert.deepEqual(report.problems, []);
  assert.equal(report.files, 6);
});
