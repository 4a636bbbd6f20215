import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { METHOD_ROWS } from '../../src/rpc/methods.js';
import { METHOD_NAMES, type MethodName, pb } from '../../src/wire/index.js';
import type { GrpcClient } from '../support/grpc-client.js';
import { grpcStatus, onTheWire, openStream, RpcFixture, rawCall } from './fixture.js';

/** What a table of methods and callers cannot show; the table is in role-matrix.ts. */

const PASSWORD = 'Passw0rd!';
const ROLES = { reader: 1, writer: 2, boss: 254, stranger: 1 } as const;
/** The database `other` where the method names one. */
function requestFor(method: MethodName): Buffer {
  const row = METHOD_ROWS[method];
  const named = !('unimplemented' in row) && typeof row.database === 'object';
  return named ? pb.encodeDatabase({ databaseName: 'other' }) : Buffer.alloc(0);
}

async function start(t: TestContext) {
  const fixture = await RpcFixture.start(t, { auth: { maxTokensPerUser: 10_000 } });
  const admin = await fixture.loggedIn();
  await admin.call('CreateDatabase', { databaseName: 'other' });
  for (const [name, permission] of Object.entries(ROLES)) {
    const database = name === 'stranger' ? 'other' : 'defaultdb';
    const [user, password] = [Buffer.from(name), Buffer.from(PASSWORD)];
    await admin.call('CreateUser', { user, password, permission, database });
  }
  return { fixture, admin };
}

async function clientOf(fixture: RpcFixture, role: keyof typeof ROLES): Promise<GrpcClient> {
  const client = await fixture.loggedIn(role, PASSWORD);
  if (role === 'stranger') await client.useDatabase('other');
  return client;
}

test('rights that are taken away are gone with the next call', async (t) => {
  const { fixture, admin } = await start(t);
  const writer = await clientOf(fixture, 'writer');
  const write = { KVs: [{ key: Buffer.from('k'), value: Buffer.from('v') }] };
  await writer.call('Set', write);
  const grant = { action: 0, username: 'writer', database: 'defaultdb', permission: 1 };
  await admin.call('ChangePermission', grant);
  await assert.rejects(writer.call('Set', write), { details: /not logged in/ });
  await writer.login('writer', PASSWORD);
  await assert.rejects(writer.call('Set', write), { code: 13, details: 'permission denied' });
  assert.equal((await writer.call('Get', { key: Buffer.from('k') })).tx, 1);
});

test('rights that are taken away while a request is on its way are gone when it arrives', async (t) => {
  const { fixture, admin } = await start(t);
  const writer = await clientOf(fixture, 'writer');
  const authorization = `Bearer ${await writer.login('writer', PASSWORD)}`;
  const stream = openStream(t, fixture, 'Set', { authorization });
  const ended = grpcStatus(stream);
  await once(stream, 'response');
  await admin.call('SetActiveUser', { username: 'writer', active: false });
  const entry = { key: Buffer.from('k'), value: Buffer.from('v') };
  stream.end(onTheWire(pb.encodeSetRequest({ KVs: [entry] })));
  assert.equal(await ended, '2');
  assert.equal((await fixture.databases.open('defaultdb')).state().txId, 0);
});

test('nobody writes to the system database, and its readers see it', async (t) => {
  const { fixture } = await start(t);
  const client = fixture.client();
  await client.openSession('systemdb');
  const write = { KVs: [{ key: Buffer.from('k'), value: Buffer.from('v') }] };
  await assert.rejects(client.call('Set', write), { code: 13, details: 'permission denied' });
  assert.equal((await client.call('CurrentState', {})).db, 'systemdb');
});

test('with authentication off everybody near works on the default database and nobody logs in', async (t) => {
  const fixture = await RpcFixture.start(t, { auth: { enabled: false } });
  const client = fixture.client();
  await client.call('Set', { KVs: [{ key: Buffer.from('k'), value: Buffer.from('v') }] });
  const disabled = { code: 2, details: /authentication disabled/ };
  await assert.rejects(client.login(), disabled);
  await assert.rejects(client.openSession(), disabled);
  const create = client.call('CreateDatabase', { databaseName: 'other' });
  await assert.rejects(create, { code: 3, details: 'authentication must be on' });
});

test('in maintenance a database is selected without a login and nothing is written', async (t) => {
  const fixture = await RpcFixture.start(t, { auth: { enabled: false, maintenance: true } });
  const client = fixture.client();
  const first = client.call('Get', { key: Buffer.from('k') });
  await assert.rejects(first, { code: 2, details: 'please select database first' });
  await client.useDatabase('defaultdb');
  await assert.rejects(client.call('Get', { key: Buffer.from('k') }), { details: 'key not found' });
  const refusal = { code: 3, details: 'operation not allowed in maintenance mode' };
  for (const method of METHOD_NAMES) {
    const row = METHOD_ROWS[method];
    if ('unimplemented' in row || row.maintenance) continue;
    const { code, details } = await rawCall(client, method, [requestFor(method)]);
    assert.deepEqual({ code, details }, refusal, method);
  }
});
