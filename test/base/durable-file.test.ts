import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  DurableAppender,
  ensureDirectory,
  readFileIfExists,
  removeFileDurably,
  writeFileDurably,
} from '../../src/base/durable-file.js';

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'stele-durable-'));
});
after(() => rm(directory, { recursive: true, force: true }));

test('a file is created with the permissions asked for, and nothing else stays behind', async () => {
  const file = path.join(directory, 'created', 'key');
  await ensureDirectory(path.dirname(file));
  await writeFileDurably(file, 'secret');
  assert.equal(await readFile(file, 'utf8'), 'secret');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await writeFileDurably(file, new Uint8Array([1, 2]), { mode: 0o644 });
  assert.deepEqual([...(await readFile(file))], [1, 2]);
  assert.equal((await stat(file)).mode & 0o777, 0o644);
  assert.deepEqual(await readdir(path.dirname(file)), ['key']);
});

test('an exclusive write refuses an existing file and leaves it as it is', async () => {
  const file = path.join(directory, 'exclusive');
  await writeFileDurably(file, 'first', { exclusive: true });
  await assert.rejects(writeFileDurably(file, 'second', { exclusive: true }), { code: 'EEXIST' });
  assert.equal(await readFile(file, 'utf8'), 'first');
  assert.ok(!(await readdir(directory)).some((name) => name.endsWith('.tmp')));
});

test('concurrent writers of one file leave the content of one of them', async () => {
  const file = path.join(directory, 'contended');
  const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(50_000));
  await Promise.all(contents.map((content) => writeFileDurably(file, content)));
  assert.ok(contents.includes(await readFile(file, 'utf8')));
});

test('a write into a missing directory fails with the reason', async () => {
  await assert.rejects(writeFileDurably(path.join(directory, 'no', 'file'), 'x'), {
    code: 'ENOENT',
  });
});

test('a missing file reads as undefined, and any other failure is an error', async () => {
  assert.equal(await readFileIfExists(path.join(directory, 'missing')), undefined);
  await assert.rejects(readFileIfExists(directory), { code: 'EISDIR' });
});

test('removing a file that is not there succeeds', async () => {
  const file = path.join(directory, 'removed');
  await writeFile(file, '');
  await removeFileDurably(file);
  await removeFileDurably(file);
  assert.equal(await readFileIfExists(file), undefined);
});

test('nested directories are created private and may exist already', async () => {
  const nested = path.join(directory, 'a', 'b', 'c');
  await ensureDirectory(nested);
  await ensureDirectory(nested);
  assert.equal((await stat(path.join(directory, 'a'))).mode & 0o777, 0o700);
});

test('records appended at once stand in order, after what was there', async () => {
  const file = path.join(directory, 'log');
  await writeFile(file, 'old\n');
  const appender = await DurableAppender.open(file);
  await Promise.all([1, 2, 3].map((n) => appender.append(`${n}\n`)));
  await appender.close();
  assert.equal(await readFile(file, 'utf8'), 'old\n1\n2\n3\n');
});

test('after one failed append every later one fails with the same error', {
  skip: process.platform !== 'linux',
}, async () => {
  const appender = await DurableAppender.open('/dev/full');
  const first = await appender.append('x').catch((error: unknown) => error);
  const second = await appender.append('y').catch((error: unknown) => error);
  await appender.close();
  assert.match(String(first), /ENOSPC/);
  assert.equal(second, first);
});
