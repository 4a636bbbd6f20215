import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { lockDirectory } from '../../src/base/lock-file.js';
import { main } from '../../src/cli/main.js';
import { DatabasesFixture, kv, SESSION } from '../support/database-fixture.js';
import { temporaryFolder } from '../support/store-fixture.js';

async function stele(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(args, {
    env: {},
    cwd: '/nowhere',
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    script: '/nowhere/stele.js',
    loadServer: () => assert.fail('no server is wanted'),
  });
  return { code, out, err };
}

/** A closed data directory with a few databases. */
async function someData(
  t: TestContext,
  change: (fixture: DatabasesFixture) => Promise<void> = async () => {},
): Promise<string> {
  const fixture = await new DatabasesFixture(await temporaryFolder(t)).open();
  const { manager } = fixture;
  const create = { createdBy: '', ifNotExists: false };
  for (const name of ['one', 'two']) await manager.create(name, {}, create);
  for (const name of ['defaultdb', 'one', 'two']) {
    const database = await manager.open(name);
    for (let i = 0; i < 5; i++) await database.set([kv(`k${i % 2}`, `${i}`)], SESSION);
  }
  await change(fixture);
  await manager.close();
  return fixture.dir;
}

test('check says that all is sound, of each database', async (t) => {
  const dir = await someData(t);
  const { code, out, err } = await stele('check', '--dir', dir);
  assert.deepEqual([code, err], [0, '']);
  const lines = out.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(':')[0]),
    ['systemdb', 'defaultdb', 'one', 'two'],
  );
  assert.match(
    out,
    /^one: sound; 5 transactions, 5 entries, 2 keys, 3 older versions, \d\.\d MB$/m,
  );
  const one = await stele('check', `--dir=${dir}`, '--database', 'one', '--json');
  const [report] = JSON.parse(one.out) as Record<string, unknown>[];
  assert.deepEqual([report?.database, report?.transactions, report?.problemCount], ['one', 5, 0]);
  assert.equal(readdirSync(dir).includes('stele.lock'), false);
});

test('check tells of damage and ends with 3', async (t) => {
  const damaged = await someData(t, async ({ manager }) => {
    const { environment } = (await manager.stored('one')).store;
    const row = environment.table('history').keys({})[0] as Buffer;
    await environment.commit(64, (batch) => batch.remove('history', row));
  });
  const found = await stele('check', '--dir', damaged);
  assert.equal(found.code, 3);
  assert.match(found.out, /^one: 2 PROBLEMS;/m);
  assert.match(found.out, /^two: sound;/m);
  assert.match(found.err, /^NOT VERIFIED: one, transaction 1, entry 0: /m);
  const rebuilt = await stele('index', 'rebuild', '--dir', damaged, '--database', 'one');
  assert.deepEqual([rebuilt.code, rebuilt.out], [0, 'one: index built from 5 transactions\n']);
  assert.equal((await stele('check', '--dir', damaged)).code, 0);
});

test('a database that cannot be opened is damage too, and the others are checked', async (t) => {
  const dir = await someData(t);
  const folders = path.join(dir, 'databases');
  const own = readdirSync(folders).find((name) => name.startsWith('one.')) as string;
  truncateSync(path.join(folders, own, 'data.mdb'), 5000);
  const { code, out, err } = await stele('check', '--dir', dir);
  assert.equal(code, 3);
  assert.match(out, /^two: sound;/m);
  assert.match(err, /^NOT VERIFIED: .*one\./m);
  truncateSync(path.join(dir, 'systemdb', 'data.mdb'), 5000);
  assert.equal((await stele('check', '--dir', dir)).code, 3);
  assert.equal((await stele('index', 'rebuild', '--dir', dir)).code, 3);
});

test('a directory that was rolled back is not verified', async (t) => {
  const dir = await someData(t);
  const states = path.join(dir, 'states');
  const own = readdirSync(states).find((name) => name.startsWith('one.')) as string;
  writeFileSync(path.join(states, own), `6 ${'00'.repeat(32)}\n`);
  const { code, err } = await stele('check', '--dir', dir, '--database', 'one');
  assert.equal(code, 3);
  assert.match(err, /6 was acknowledged: the directory was rolled back or replaced/);
});

test('the index of all databases is built anew', async (t) => {
  const dir = await someData(t);
  const { code, out } = await stele('index', 'rebuild', '--dir', dir);
  assert.equal(code, 0);
  assert.match(out, /^two: index built from 5 transactions$/m);
  assert.equal((await stele('check', '--dir', dir)).code, 0);
});

test('what cannot be done is refused, and nothing is made', async (t) => {
  const dir = await someData(t);
  const empty = path.join(dir, 'empty');
  mkdirSync(empty);
  const nothing = await stele('check', '--dir', empty);
  assert.deepEqual([nothing.code, readdirSync(empty)], [1, []]);
  assert.match(nothing.err, /holds no databases/);
  assert.equal((await stele('check', '--dir', dir, '--database', 'none')).code, 1);
  for (const args of [
    ['index'],
    ['index', 'drop'],
    ['check', '--database'],
    ['check', '--prot=1'],
  ]) {
    assert.equal((await stele(...args)).code, 2, args.join(' '));
  }
  const lock = await lockDirectory(dir);
  const held = await stele('check', '--dir', dir);
  assert.equal(held.code, 1);
  assert.match(held.err, /is using/);
  await lock.release();
  rmSync(empty, { recursive: true });
});
