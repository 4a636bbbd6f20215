import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { DatabasesFixture, element, kv, reference, SESSION } from '../support/database-fixture.js';
import { projectRoot } from '../support/project.js';
import { temporaryFolder } from '../support/store-fixture.js';
import { KEY_COUNT } from './read-damaged.js';

/**
 * LMDB has no checksums: a changed byte in its file goes unnoticed but for the records' own checksums,
 * the digests, and the order of keys. No answer may be another one than before the change.
 */

const CHANGES = Number(process.env.STELE_TEST_FLIPS ?? 60);

/** About 200 transactions: plain values, small and large, histories, references, a sorted set. */
async function writeSome(folder: string): Promise<void> {
  const fixture = await new DatabasesFixture(folder).open();
  const database = await fixture.default();
  for (let round = 0; round < 3; round++) {
    const writes = [];
    for (let i = 0; i < KEY_COUNT; i++) {
      if (round > 0 && i % (round + 1) > 0) continue;
      const length = i === 7 ? 100_000 : i * 9;
      writes.push(
        database.set([kv(`key ${i}`, randomBytes(length)), kv(`other ${i}`, 'x')], SESSION),
      );
    }
    await Promise.all(writes);
  }
  for (let i = 0; i < 20; i++) {
    await database.zAdd(element('set', i - 10, `key ${i}`, i % 3 === 0 ? i + 1 : 0), SESSION);
    await database.setReference(reference(`ref ${i}`, `key ${i}`), SESSION);
  }
  await database.delete([Buffer.from('key 9')], 0, SESSION);
  await fixture.manager.close();
}

interface Totals {
  right: number;
  errors: number;
  wrong: string[];
  /** Changes that LMDB answered by ending the process. */
  crashes: number[];
  refused: number;
}

/** @returns the change after the last one that was finished or crashed */
async function run(pristine: string, work: string, from: number, totals: Totals): Promise<number> {
  const program = path.join(projectRoot, 'dist/test/database/read-damaged.js');
  const args = [program, pristine, work, String(from), String(CHANGES)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const exited = new Promise<boolean>((resolve) => {
    child.on('exit', (code) => resolve(code === 0));
  });
  let next = from;
  let at = '';
  for await (const line of createInterface({ input: child.stdout })) {
    const [kind, number, ...rest] = line.split(' ');
    if (kind === 'begin') at = rest.join();
    else {
      const [right, errors, wrong, what] = rest;
      totals.right += Number(right);
      totals.errors += Number(errors);
      if (what === 'refused') totals.refused++;
      if (Number(wrong) > 0) totals.wrong.push(`byte ${at}: ${what}`);
      next = Number(number) + 1;
    }
  }
  if (await exited) return CHANGES;
  assert.doesNotMatch(stderr, /at .*\.(js|ts):\d+/, 'a bug of ours, not a crash of LMDB');
  totals.crashes.push(Number(at));
  return next + 1;
}

test('after any changed byte of the file every answer is the right one or an error', async (t) => {
  const totals = await changeBytes(t);
  t.diagnostic(
    `${CHANGES} changes: ${totals.right} right, ${totals.errors} errors, ${totals.refused} openings ` +
      `refused, ${totals.crashes.length} crashes of LMDB (at ${totals.crashes.join(', ') || '-'})`,
  );
  assert.deepEqual(totals.wrong, []);
  assert.ok(totals.right > 0 && totals.errors > 0);
});

async function changeBytes(t: TestContext): Promise<Totals> {
  const folder = await temporaryFolder(t);
  const pristine = path.join(folder, 'pristine');
  await writeSome(pristine);
  const totals: Totals = { right: 0, errors: 0, wrong: [], crashes: [], refused: 0 };
  for (let next = 0, i = 0; next < CHANGES; i++) {
    next = await run(pristine, path.join(folder, `work ${i}`), next, totals);
  }
  return totals;
}
