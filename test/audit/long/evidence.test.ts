import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { projectRoot } from '../../support/project.js';
import { checkByDocument } from '../independent/stream-format.js';
import { entry, Fixture } from '../server-fixture.js';
import { readStream } from '../stream-reader.js';

/** A person who has the files, the seals and a noted state, and no program of ours. */

/** By two rotations that were asked for and two starts. */
const CLOSED_FILES = 4;

/** Closed files of a server that has stopped, compressed and plain, with the seals in `auditseals`. */
async function stopped(
  t: TestContext,
): Promise<{ f: Fixture; records: Record<'key' | 'value', string>[] }> {
  const f = new Fixture(t);
  const flags = ['--audit-seal-db=auditseals', '--audit-checkpoint-interval=100ms'];
  for (const compress of ['true', 'false']) {
    const server = await f.start(...flags, `--audit-compress=${compress}`);
    const client = await f.client();
    for (let at = 0; at < 10; at++) await client.call('Set', { KVs: [entry(`k${at}`)] });
    await client.call('RotateAudit', {});
    await client.call('Set', { KVs: [entry('Größe ☃ "\\', 'ü')] });
    await f.until('audit.checkpoint');
    await f.stop(server);
  }
  const server = await f.start(...flags);
  const client = await f.client();
  const { token } = await client.call('UseDatabase', { databaseName: 'auditseals' });
  const asAuditor = { headers: { authorization: `Bearer ${token}` } };
  const prefix = Buffer.from('audit/');
  let records: Record<'key' | 'value', string>[] = [];
  const seals = () => records.filter(({ key }) => key.startsWith('audit/seal/')).length;
  // The file before this start gets its seal while the server runs.
  for (let tries = 0; seals() < CLOSED_FILES; tries++) {
    assert.ok(tries < 500, `${seals()} seals`);
    await delay(10);
    const { entries } = await client.call('Scan', { prefix }, asAuditor);
    records = entries.map(({ key, value }) => {
      return { key: Buffer.from(key).toString(), value: Buffer.from(value).toString() };
    });
  }
  await f.stop(server);
  return { f, records };
}

test('files and records are what FORMAT.md says, to the byte', async (t) => {
  const { f, records } = await stopped(t);
  // Checkpoints of the last server came after the records were read; their lines are not asked for.
  const found = checkByDocument(f.audit, records);
  assert.ok(
    found.files === CLOSED_FILES + 1 && found.seals === CLOSED_FILES && found.checkpoints >= 2,
    JSON.stringify(found),
  );
  assert.equal(found.lines, readStream(f.audit).events.length);
});

test('a proof of one event is checked by a program that shares nothing with the server', async (t) => {
  const { f } = await stopped(t);
  const set = f.events('kv.set')[3];
  const proof = f.stele(['audit', 'prove', '--seq', String(set?.seq), '--seal-db', 'auditseals']);
  assert.equal(proof.status, 0, proof.stderr);
  const folder = path.join(f.folder, 'proofs');
  mkdirSync(folder);
  const verdict = (text: string, ...state: string[]) => {
    const file = path.join(folder, 'proof.json');
    writeFileSync(file, text);
    const program = path.join(projectRoot, 'dist/test/audit/independent/verify-proof.js');
    const done = spawnSync(process.execPath, [program, file, ...state], { encoding: 'utf8' });
    return { ok: done.status === 0, text: done.stdout };
  };
  const { ok, text } = verdict(proof.stdout);
  assert.ok(ok, text);
  assert.deepEqual(JSON.parse(JSON.parse(text).line), set);
  const { anchor } = JSON.parse(proof.stdout);
  const state = `${anchor.state.txId}:${anchor.state.txHash.$hex}`;
  assert.ok(verdict(proof.stdout, state).ok);
  assert.ok(
    !verdict(
      proof.stdout,
      state.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
    ).ok,
  );
  const forgeries = [
    proof.stdout.replace('immudb', 'nobody'),
    proof.stdout.replace(/"leaf": (\d+)/, (_all, leaf) => `"leaf": ${Number(leaf) + 1}`),
    proof.stdout.replace(/"merkle_root\\":\\"./, (text_) => `${text_.slice(0, -1)}x`),
    proof.stdout.replace(/"eH": \{\s*"\$hex": "./, (found) => `${found.slice(0, -1)}x`),
  ];
  for (const forged of forgeries) {
    assert.notEqual(forged, proof.stdout);
    assert.ok(!verdict(forged).ok);
  }
  const source = readFileSync(
    path.join(projectRoot, 'test/audit/independent/verify-proof.ts'),
    'utf8',
  );
  assert.deepEqual([...source.matchAll(/from '(?!node:)/g)], []);
});
