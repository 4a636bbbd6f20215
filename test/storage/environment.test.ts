import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { open as openLmdb } from 'lmdb';
import { realDisk } from '../../src/storage/disk.js';
import { Environment, type EnvironmentOptions } from '../../src/storage/environment.js';
import type { StorageError } from '../../src/storage/errors.js';
import {
  cleanUp,
  MemoryLog,
  storageError,
  storeOptions,
  TestDisk,
  temporaryFolder,
} from '../support/store-fixture.js';

const KEY = Buffer.from('key');
const VALUE = Buffer.from('value');

async function open(
  t: TestContext,
  folder: string,
  more: Partial<EnvironmentOptions> = {},
): Promise<Environment> {
  const environment = await Environment.open(storeOptions(folder, more));
  cleanUp(t, () => environment.close());
  return environment;
}

function putOne(environment: Environment, value = VALUE): Promise<void> {
  return environment.commit(64, (batch) => batch.put('meta', KEY, value));
}

test('what was committed is read back, also after reopening', async (t) => {
  const folder = await temporaryFolder(t);
  const first = await open(t, folder);
  const commit = first.commit(64, (batch) => {
    batch.put('meta', KEY, VALUE);
    batch.put('log', KEY, Buffer.from('other'));
  });
  await Promise.resolve();
  assert.equal(first.hasUnfinishedCommit, true);
  await commit;
  assert.equal(first.hasUnfinishedCommit, false);
  await first.close();
  const again = await open(t, folder);
  assert.deepEqual(again.table('meta').get(KEY), VALUE);
  assert.equal(again.table('log').get(KEY)?.toString(), 'other');
  assert.equal(again.table('meta').get(Buffer.from('format'))?.toString(), '1');
  assert.ok(again.diskSize() > 0);
});

test('a table is emptied in the commit that says so', async (t) => {
  const environment = await open(t, await temporaryFolder(t));
  await putOne(environment);
  await environment.commit(64, (batch) => {
    batch.clear('meta');
    batch.put('meta', Buffer.from('after'), VALUE);
  });
  const keys = environment.table('meta').keys({});
  assert.deepEqual(keys.map(String), ['after']);
});

test('files of another format version are refused and stay as they are', async (t) => {
  const folder = await temporaryFolder(t);
  const { path: environmentPath } = storeOptions(folder);
  mkdirSync(environmentPath);
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  const other = openLmdb({ path: environmentPath, noSubdir: false, maxDbs: 16, ...binary });
  await other.openDB('meta', binary).put(Buffer.from('format'), Buffer.from('2'));
  await other.close();
  const file = path.join(environmentPath, 'data.mdb');
  const before = readFileSync(file);
  await assert.rejects(Environment.open(storeOptions(folder)), (error: StorageError) => {
    assert.match(error.message, /has format version 2; this program reads 1/);
    return storageError('unknownFormat')(error);
  });
  assert.deepEqual(readFileSync(file), before);
});

test('tables without a format version are refused', async (t) => {
  const folder = await temporaryFolder(t);
  const environment = await open(t, folder);
  await environment.commit(64, (batch) => batch.remove('meta', Buffer.from('format')));
  await environment.close();
  await assert.rejects(Environment.open(storeOptions(folder)), storageError('unknownFormat'));
});

test('a file that is no environment, or the beginning of one, is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(storeOptions(folder).path, 'data.mdb');
  const environment = await open(t, folder);
  await environment.commit(64, (batch) => batch.put('log', KEY, Buffer.alloc(500_000)));
  await environment.close();
  const whole = readFileSync(file);
  const wrongMeta = Buffer.from(whole);
  wrongMeta.writeUInt32LE(8192, 4096 + 48);
  const tooLong = Buffer.from(whole);
  tooLong.writeBigUInt64LE(2n ** 60n, 144);
  const cut = [1, 100, 4096, 4200, 100_000].map((length) => whole.subarray(0, length));
  for (const bytes of [Buffer.alloc(65_536, 0x5a), wrongMeta, tooLong, ...cut]) {
    writeFileSync(file, bytes);
    await assert.rejects(Environment.open(storeOptions(folder)), storageError('corrupted'));
    assert.deepEqual(readFileSync(file), bytes);
  }
});

test('a file without its last pages is opened, and reads nothing beyond its end', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(storeOptions(folder).path, 'data.mdb');
  const environment = await open(t, folder);
  const value = Buffer.alloc(500_000, 1);
  await environment.commit(64, (batch) => batch.put('log', KEY, value));
  await environment.close();
  truncateSync(file, 450_000);
  const again = await open(t, folder);
  assert.notDeepEqual(again.table('log').get(KEY), value);
});

test('a folder that has lost its file is refused, and what was left half made is made anew', async (t) => {
  const folder = await temporaryFolder(t);
  const { path: environmentPath } = storeOptions(folder);
  mkdirSync(`${environmentPath}.new`);
  writeFileSync(`${environmentPath}.new/data.mdb`, 'half');
  const environment = await open(t, folder);
  await environment.close();
  assert.deepEqual(readdirSync(folder), ['environment']);
  rmSync(path.join(environmentPath, 'data.mdb'));
  await assert.rejects(Environment.open(storeOptions(folder)), storageError('corrupted'));
});

test('after a commit that failed nothing is written any more', async (t) => {
  const disk = new TestDisk();
  const failures: StorageError[] = [];
  const log = new MemoryLog();
  const onFailure = (error: StorageError) => void failures.push(error);
  const environment = await open(t, await temporaryFolder(t), { disk, log, onFailure });
  disk.faults.push('fail');
  await assert.rejects(putOne(environment), storageError('storageFailed'));
  const commits = disk.commits;
  await assert.rejects(putOne(environment), (error) => error === failures[0]);
  assert.equal(disk.commits, commits);
  assert.equal(failures.length, 1);
  assert.match(String(environment.failure?.message), /no more writes: EIO: injected/);
  assert.equal(environment.hasUnfinishedCommit, false);
  assert.equal(log.lines.filter(({ level }) => level === 'error').length, 1);
});

test('a commit that waits for one that fails is not begun', async (t) => {
  const disk = new TestDisk();
  const environment = await open(t, await temporaryFolder(t), { disk, onFailure() {} });
  disk.faults.push('fail');
  const results = await Promise.allSettled([putOne(environment), putOne(environment, KEY)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.equal(disk.commits, 2);
  assert.notDeepEqual(environment.table('meta').get(KEY), KEY);
});

test('a commit that does not finish in its time is a failure, and stays under way', async (t) => {
  const disk = new TestDisk();
  const options = { disk, commitTimeoutMs: 20, onFailure() {} };
  const environment = await open(t, await temporaryFolder(t), options);
  disk.faults.push('hang');
  await assert.rejects(putOne(environment), /did not finish within 20 ms/);
  assert.equal(environment.hasUnfinishedCommit, true);
  await assert.rejects(putOne(environment), storageError('storageFailed'));
});

test('a write that throws on its way is a failure: part of it may be in LMDB', async (t) => {
  const environment = await open(t, await temporaryFolder(t), { onFailure() {} });
  const tooLong = Buffer.alloc(3000, 1);
  await assert.rejects(
    environment.commit(64, (batch) => batch.put('meta', tooLong, VALUE)),
    storageError('storageFailed'),
  );
});

test('below the reserve writes are refused and reads go on; with space writes go on too', async (t) => {
  const disk = new TestDisk();
  const options = { disk, reserveBytes: 1000, reserveFraction: 0.5 };
  const environment = await open(t, await temporaryFolder(t), options);
  await putOne(environment);
  disk.free = 1000 + 3 * 64 - 1;
  await assert.rejects(putOne(environment), storageError('diskFull'));
  assert.deepEqual(environment.table('meta').get(KEY), VALUE);
  assert.equal(environment.failure, undefined);
  assert.deepEqual(environment.space(), { free: disk.free, reserve: 1000 });
  disk.free++;
  await putOne(environment);
});

test('the reserve is a part of a small disk', async (t) => {
  const disk = { ...realDisk, space: () => ({ free: 5000, total: 10_000 }) };
  const options = { disk, reserveBytes: 500, reserveFraction: 0.02 };
  const environment = await open(t, await temporaryFolder(t), options);
  assert.deepEqual(environment.space(), { free: 5000, reserve: 200 });
});

test('a closed environment refuses reads and writes', async (t) => {
  const environment = await open(t, await temporaryFolder(t));
  const table = environment.table('meta');
  table.get(KEY);
  await environment.close();
  await environment.close();
  for (const read of [
    () => table.get(KEY),
    () => table.view(KEY),
    () => table.rows({}),
    () => table.keys({}),
  ]) {
    assert.throws(read, storageError('closed'));
  }
  await assert.rejects(putOne(environment), storageError('closed'));
});
