import assert from 'node:assert/strict';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { openTokenKey } from '../../src/auth/token-key.js';
import { type Log, silentLog } from '../../src/base/log.js';
import { refusal } from '../support/auth-fixture.js';
import { temporaryFolder } from '../support/store-fixture.js';

test('the key is made once, 32 bytes, for the owner alone', async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, 'token.key');
  const key = await openTokenKey(file, silentLog);
  assert.equal(key.length, 32);
  assert.deepEqual(await readFile(file), key);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual(await openTokenKey(file, silentLog), key);
  assert.deepEqual(await readdir(folder), ['token.key']);
});

test('each server has a key of its own', async (t) => {
  const folder = await temporaryFolder(t);
  const one = await openTokenKey(path.join(folder, 'one'), silentLog);
  const two = await openTokenKey(path.join(folder, 'two'), silentLog);
  assert.notDeepEqual(one, two);
});

test('a file of another size is refused and left alone', async (t) => {
  const file = path.join(await temporaryFolder(t), 'token.key');
  for (const size of [0, 31, 33]) {
    await writeFile(file, Buffer.alloc(size), { mode: 0o600 });
    await assert.rejects(openTokenKey(file, silentLog), refusal('tokenKeyInvalid'));
    assert.equal((await stat(file)).size, size);
  }
});

test('a key that others can read is closed to them, with a warning', async (t) => {
  const file = path.join(await temporaryFolder(t), 'token.key');
  const key = await openTokenKey(file, silentLog);
  await chmod(file, 0o644);
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => warnings.push(message) };
  assert.deepEqual(await openTokenKey(file, log), key);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.equal(warnings.length, 1);
});

test('a folder that is missing is an error, not a key in memory', async (t) => {
  const file = path.join(await temporaryFolder(t), 'missing', 'token.key');
  await assert.rejects(openTokenKey(file, silentLog), { code: 'ENOENT' });
});
