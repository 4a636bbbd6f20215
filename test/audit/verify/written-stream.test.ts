import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import {
  AUDIT_FORMATS,
  type AuditFormat,
  AuditLog,
  checkEventProof,
  databaseSeals,
  lineFormat,
  listAuditFiles,
  proveEvent,
  verifyAudit,
} from '../../../src/audit/index.js';
import type { Database } from '../../../src/database/index.js';
import { logFixture } from '../log-fixture.js';

/** What the writer of the server writes, read by the verifier. */

interface Written {
  readonly live: string;
  readonly database: Database;
}

async function written(t: TestContext, format: AuditFormat, compress: boolean): Promise<Written> {
  const { live, seals, options } = await logFixture(t, {
    format: lineFormat(format, { productVersion: '0.0.0' }),
    compress,
  });
  for (let start = 0; start < 2; start++) {
    const audit = await AuditLog.open(options);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 20; j++) await audit.say('config.changed', { changes: { i, j } });
      await audit.rotate('admin');
    }
    await audit.say('config.changed', { changes: {} });
    await audit.close();
  }
  return { live, database: seals };
}

test('what the server writes verifies, in every format, plain and compressed', async (t) => {
  for (const format of AUDIT_FORMATS) {
    const { live, database } = await written(t, format, format === 'native');
    const report = await verifyAudit({ path: live, source: databaseSeals(database, 'seals') });
    assert.deepEqual(report.problems, [], format);
    assert.ok(report.sealsChecked >= 6, `${format}: ${report.sealsChecked} seals`);
    assert.equal(report.checkpointChecked, true, format);
    assert.ok(report.lines > 120);
  }
});

test('every sealed line that the server wrote can be proved alone', async (t) => {
  const { live, database } = await written(t, 'native', false);
  const source = databaseSeals(database, 'seals');
  const state = database.state();
  for (const { seal } of await source.seals()) {
    for (const seq of [seal.first_seq, seal.last_seq]) {
      const proof = await proveEvent(live, seq, source);
      assert.equal(checkEventProof(proof, state).ok, true);
      const forged = { ...proof, line: proof.line.replace('"read_only":', '"read_only" :') };
      assert.equal(checkEventProof(forged, state).ok, false);
    }
  }
});

test('one changed byte in a file of the server is found in its line', async (t) => {
  const { live, database } = await written(t, 'native', false);
  const [, second] = await listAuditFiles(live);
  assert.ok(second);
  const whole = readFileSync(second.path, 'utf8');
  writeFileSync(second.path, whole.replace('"j":7', '"j":8'));
  const { problems } = await verifyAudit({ path: live, source: databaseSeals(database, 'seals') });
  const line = whole.split('\n').findIndex((text) => text.includes('"j":7')) + 1;
  assert.deepEqual([problems[0]?.file, problems[0]?.line], [second.name, line]);
});
