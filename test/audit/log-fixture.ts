import assert from 'node:assert/strict';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type AuditLogOptions, lineFormat } from '../../src/audit/index.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLog } from '../../src/base/log.js';
import type { DatabaseManager } from '../../src/database/index.js';
import { DatabasesFixture } from '../support/database-fixture.js';
import { cleanUp, temporaryFolder } from '../support/store-fixture.js';

/** What a stream beside these databases is opened with; the seals have a database of their own, `seals`. */
export async function logOptions(
  manager: DatabaseManager,
  dir: string,
  more: Partial<AuditLogOptions> = {},
): Promise<AuditLogOptions> {
  await manager.create('seals', {}, { createdBy: '', ifNotExists: true });
  return {
    path: path.join(dir, 'audit', 'audit.json'),
    format: lineFormat('native', { productVersion: '0.0.0' }),
    rules: { preset: 'write', filter: undefined },
    kinds: [],
    databases: manager,
    sealDatabase: await manager.open('seals'),
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
}

/** The same with databases of its own. */
export async function logFixture(t: TestContext, more: Partial<AuditLogOptions> = {}) {
  const { manager, dir } = await new DatabasesFixture(await temporaryFolder(t)).open();
  cleanUp(t, () => manager.close());
  const options = await logOptions(manager, dir, more);
  const { path: live } = options;
  const seals = await manager.open('seals');
  return { manager, seals, live, folder: path.dirname(live), options };
}
