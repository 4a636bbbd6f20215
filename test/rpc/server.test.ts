import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeStatusDetails, METHOD_NAMES, pb } from '../../src/wire/index.js';
import { FakeClock } from '../support/fake-clock.js';
import type { CallError } from '../support/grpc-client.js';
import { grpcStatus, openStream, RpcFixture, rawCall, UUID } from './fixture.js';

const key = Buffer.from('k');
const value = Buffer.from('v');

test('a value is written and read, with a token and with a session', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const header = await client.call('Set', { KVs: [{ key, value }] });
  assert.equal(header.id, 1);
  assert.deepEqual(Buffer.from((await client.call('Get', { key })).value), value);
  const session = fixture.client();
  await session.openSession();
  assert.equal((await session.call('Get', { key })).tx, 1);
});

test('the identity of the server is in the headers of every answer, failures included', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = fixture.client();
  for (const method of METHOD_NAMES) {
    const { headers } = await rawCall(client, method, [Buffer.alloc(0)]);
    assert.deepEqual(headers?.get('immudb-uuid'), [UUID], method);
    assert.deepEqual(headers?.get('stele-version'), ['0.0.0-test'], method);
  }
});

test('a message above the limit is refused with the identity in the headers', async (t) => {
  const fixture = await RpcFixture.start(t, { rpc: { limits: { receiveBytesMax: 4096 } } });
  const client = await fixture.loggedIn();
  const big = await rawCall(client, 'Set', [Buffer.alloc(5000)]);
  assert.equal(big.code, 8);
  assert.deepEqual(big.headers?.get('immudb-uuid'), [UUID]);
});

test('error details come in their trailer', async (t) => {
  const fixture = await RpcFixture.start(t);
  const { trailers, details } = await rawCall(fixture.client(), 'Get', [Buffer.alloc(0)]);
  const [bytes] = trailers.get('grpc-status-details-bin');
  assert.ok(Buffer.isBuffer(bytes));
  assert.deepEqual(decodeStatusDetails(bytes), {
    status: 2,
    message: details,
    errorInfo: { code: '28000', cause: 'not logged in, please login first' },
    retryDelayMs: 0,
  });
});

test('methods that are out of scope, and those nobody knows, are unimplemented', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const sql = await rawCall(client, 'SQLExec', [Buffer.alloc(0)]);
  assert.deepEqual([sql.code, sql.details], [12, 'SQL is not supported']);
  for (const path of [
    '/immudb.schema.ImmuService/NoSuch',
    '/immudb.model.DocumentService/CreateCollection',
    '/immudb.model.AuthorizationService/OpenSession',
  ]) {
    const { code } = await client.raw(path, 'unary', [Buffer.alloc(0)]);
    assert.equal(code, 12, path);
  }
});

test('UseDatabase without a login says so in its own status', async (t) => {
  const fixture = await RpcFixture.start(t);
  const { code } = await rawCall(fixture.client(), 'UseDatabase', [Buffer.alloc(0)]);
  assert.equal(code, 16);
});

test('numbers beyond 2^53 are refused by the name of their field', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  // ScanRequest{limit: 2^64 - 1}
  const request = Buffer.from('20ffffffffffffffffff01', 'hex');
  const { code, details } = await rawCall(client, 'Scan', [request]);
  assert.equal(code, 3);
  assert.match(details, /ScanRequest\.limit/);
});

test('a transaction with an id beyond 2^53 is not found', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  await client.call('Set', { KVs: [{ key, value }] });
  // KeyRequest{key: "k", atTx: 2^64 - 1}, TxRequest{tx: 2^64 - 1}
  const calls = [
    ['Get', '0a016b10ffffffffffffffffff01'],
    ['TxById', '08ffffffffffffffffff01'],
  ] as const;
  for (const [method, request] of calls) {
    const { details } = await rawCall(client, method, [Buffer.from(request, 'hex')]);
    assert.equal(details, 'tx not found', method);
  }
});

test('a scan since transaction 2^64 - 1 that does not wait asks for nothing', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  await client.call('Set', { KVs: [{ key, value }] });
  const noWait = Buffer.from('28ffffffffffffffffff013001', 'hex');
  const { code, messages } = await rawCall(client, 'Scan', [noWait]);
  assert.equal(code, 0);
  assert.equal(pb.decodeEntries(messages[0] as Buffer).entries.length, 1);
  const waiting = Buffer.from('28ffffffffffffffffff01', 'hex');
  assert.equal((await rawCall(client, 'Scan', [waiting])).details, 'illegal arguments');
});

test('a request without the message it wraps is illegal', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  for (const method of ['VerifiableSet', 'VerifiableSetReference', 'VerifiableZAdd'] as const) {
    const { code, details } = await rawCall(client, method, [Buffer.alloc(0)]);
    assert.deepEqual([code, details], [3, 'illegal arguments'], method);
  }
  await client.call('CreateDatabase', { databaseName: 'other' });
  const update = client.call('UpdateDatabaseV2', { database: 'other' });
  await assert.rejects(update, (e: CallError) => e.code === 3);
});

test('who may not call is refused before the body is read', async (t) => {
  const fixture = await RpcFixture.start(t);
  const stream = openStream(t, fixture, 'Set');
  // The head of a message of 30 MiB, and nothing of it.
  stream.write(Buffer.from([0, 1, 224, 0, 0]));
  assert.equal(await grpcStatus(stream), '2');
});

test('a call that takes too long is ended, and the next one works', async (t) => {
  const clock = new FakeClock();
  const fixture = await RpcFixture.start(t, { rpc: { clock, limits: { unaryDeadlineMs: 1000 } } });
  const stream = openStream(t, fixture, 'Health');
  const ended = grpcStatus(stream);
  await new Promise((resolve) => stream.once('response', resolve));
  clock.advance(1001);
  assert.equal(await ended, '4');
  assert.equal((await fixture.client().call('Health', {})).status, true);
});

test('draining lets a call under way end and refuses new connections', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const writes = Array.from({ length: 20 }, (_, i) =>
    client.call('Set', { KVs: [{ key: Buffer.from(`k${i}`), value }] }),
  );
  await client.call('Get', { key: Buffer.from('k0') }).catch(() => undefined);
  const drained = fixture.server.drain(5000);
  const outcomes = await Promise.allSettled(writes);
  await drained;
  assert.equal(fixture.server.inFlight, 0);
  const written = outcomes.filter(({ status }) => status === 'fulfilled').length;
  const database = await fixture.databases.open('defaultdb');
  assert.equal(database.state().txId, written);
  await assert.rejects(fixture.client().waitForReady(500));
});

test('health and server info need no login and survive a foreign session', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = fixture.client();
  const options = { sessionId: 'nobody' };
  assert.deepEqual(await client.call('Health', {}, options), { status: true, version: '1.9.7' });
  const info = await client.call('ServerInfo', {}, options);
  assert.equal(info.numDatabases, 1);
  const get = client.call('Get', { key }, options);
  await assert.rejects(get, (e: CallError) => e.code === 7 && e.details === 'session not found');
});

test('health turns false when the server says so', async (t) => {
  const fixture = await RpcFixture.start(t, { rpc: { health: () => false } });
  assert.equal((await fixture.client().call('Health', {})).status, false);
});
