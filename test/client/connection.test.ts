import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import {
  CallError,
  ClientError,
  FileTrustStore,
  needsLogin,
  SteleClient,
} from '../../src/client/index.js';
import { RpcFixture, UUID } from '../rpc/fixture.js';
import { freePort } from '../support/server-process.js';

test('a client logs in by token, uses a database, and writes and reads in it', async (t) => {
  const { port } = await RpcFixture.start(t);
  await using client = await SteleClient.connect({ port });
  assert.equal(client.serverUuid, UUID);
  const { warning } = await client.login('immudb', 'immudb');
  assert.match(warning, /default password/);
  await client.call('CreateDatabase', { databaseName: 'books' });
  await client.useDatabase('books');
  assert.equal(client.database, 'books');
  const { id } = await client.call('Set', {
    KVs: [{ key: Buffer.from('k'), value: Buffer.from([0, 255]) }],
  });
  assert.equal(id, 1);
  const { value } = await client.call('Get', { key: Buffer.from('k') });
  assert.deepEqual(Buffer.from(value), Buffer.from([0, 255]));
  await client.logout();
  await assert.rejects(client.call('CurrentState', {}), needsLogin);
});

test('a session is opened, kept alive, resumed by another client and closed', async (t) => {
  const { port } = await RpcFixture.start(t);
  await using client = await SteleClient.connect({ port, keepAliveMs: 5 });
  await client.openSession('immudb', 'immudb');
  await client.call('Set', { KVs: [{ key: Buffer.from('k'), value: Buffer.from('v') }] });
  await using other = await SteleClient.connect({ port });
  other.resume(client.credentials);
  assert.equal((await other.call('CurrentState', {})).txId, 1);
  await client.logout();
  await assert.rejects(other.call('CurrentState', {}), needsLogin);
});

test('what the server refuses arrives with status, text and details', async (t) => {
  const { port } = await RpcFixture.start(t);
  await using client = await SteleClient.connect({ port });
  await assert.rejects(client.login('immudb', 'wrong'), (error: unknown) => {
    assert.ok(error instanceof CallError);
    assert.equal(error.code, 'refused');
    assert.equal(error.details, 'invalid user name or password');
    assert.equal(error.errorInfo?.code, '08004');
    return true;
  });
});

test('a server that is not there is named within a second', async () => {
  const port = await freePort();
  const started = performance.now();
  await assert.rejects(SteleClient.connect({ port, retries: 0 }), (error: unknown) => {
    assert.ok(error instanceof ClientError);
    assert.equal(error.code, 'unreachable');
    assert.match(error.message, new RegExp(`127.0.0.1:${port}: connection refused`));
    return true;
  });
  assert.ok(performance.now() - started < 1000);
});

test('an aborted call ends at once and leaves the client usable', async (t) => {
  const { port } = await RpcFixture.start(t);
  await using client = await SteleClient.connect({ port });
  await client.login('immudb', 'immudb');
  const abort = new AbortController();
  const call = client.call('CurrentState', {}, { signal: abort.signal });
  abort.abort();
  await assert.rejects(call, { code: 'aborted' });
  assert.equal((await client.call('CurrentState', {})).txId, 0);
});

test('the verified state is trusted first, then proved, and survives in a file', async (t) => {
  const { port } = await RpcFixture.start(t);
  const directory = await mkdtemp(path.join(tmpdir(), 'stele-trust-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const trust = new FileTrustStore(directory);
  await using client = await SteleClient.connect({ port, trust });
  await client.login('immudb', 'immudb');
  assert.equal((await client.verifiedState()).txId, 0);
  assert.equal(await client.trustedState(), undefined);
  for (const name of ['a', 'b', 'c']) {
    await client.call('Set', { KVs: [{ key: Buffer.from(name), value: Buffer.from(name) }] });
    await client.verifiedState();
  }
  const again = new FileTrustStore(directory);
  const state = await again.load({ server: UUID, database: 'defaultdb' });
  assert.equal(state?.txId, 3);
});
