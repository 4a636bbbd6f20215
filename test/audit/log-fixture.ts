import assert from 'node:assert/strict';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type AuditLogOptions, lineFormat } from '../../src/audit/index.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLog } from '../../src/base/log.js';
import { DatabasesFixture } from '../support/database-fixture.js';
import { temporaryFolder } from '../support/store-fixture.js';

/** Databases, and what a stream beside them is opened with; the seals have one of their own, `seals`. */
export async function logFixture(t: TestContext, more: Partial<AuditLogOptions> = {}) {
  const { manager, dir } = await new DatabasesFixture(await temporaryFolder(t)).open();
  t.after(() => manager.close());
  await manager.create('seals', {}, { createdBy: '', ifNotExists: false });
  const seals = await manager.open('seals');
  const live = path.join(dir, 'audit', 'audit.json');
  const options: AuditLogOptions = {
    path: live,
    format: lineFormat('native', { productVersion: '0.0.0' }),
    rules: { preset: 'write', filter: undefined },
    kinds: [],
    databases: manager,
    sealDatabase: seals,
    clock: systemClock,
    log: silentLog,
    eventSource: 'stele:test',
    queueBytesMax: 1 << 20,
    sync: true,
    rotateBytes: 1 << 20,
    rotateIntervalMs: 0,
    rotateOnStart: true,
    compress: false,
    retention: { maxAgeMs: 0, maxFiles: 0, maxBytes: 0, requireArchive: false },
    sinks: [],
    requiredSink: undefined,
    checkpointIntervalMs: 1000,
    space: { warnBytes: 0, warnPercent: 0, criticalBytes: 0, criticalPercent: 0, reserveBytes: 0 },
    onFailure: 'reject',
    blockTimeoutMs: 1000,
    eventBytesMax: 16_384,
    locked: false,
    onFatal: assert.fail,
    ...more,
  };
  return { manager, seals, live, folder: path.dirname(live), options };
}
