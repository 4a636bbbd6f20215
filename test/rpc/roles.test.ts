import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { METHOD_ROWS } from '../../src/rpc/methods.js';
import { METHOD_NAMES, type MethodName, pb } from '../../src/wire/index.js';
import type { GrpcClient, RawAnswer } from '../support/grpc-client.js';
import { grpcStatus, onTheWire, openStream, RpcFixture, rawCall } from './fixture.js';

/**
 * Every method, called by everybody: what the table says about permissions is what the server does.
 * Requests are empty or name a database, so a call that is let in may still fail for another reason.
 */

const PASSWORD = 'Passw0rd!';
const ROLES = { reader: 1, writer: 2, boss: 254, stranger: 1 } as const;
type Role = keyof typeof ROLES | 'sysadmin';

const REFUSAL =
  /^(?:permission denied|loggedin user does not|the database '.*' does not exist or you do not|Logged in user does not)/;
const NOT_LOGGED_IN =
  /^(?:not logged in|invalid token|session not found|no session found|no session auth data)/;

/** They log in and out, whoever calls them. */
const SKIPPED: ReadonlySet<MethodName> = new Set([
  'Logout',
  'CloseSession',
  'Login',
  'OpenSession',
]);

/** The database `other` where the method names one. */
function requestFor(method: MethodName): Buffer {
  const row = METHOD_ROWS[method];
  const named = !('unimplemented' in row) && typeof row.database === 'object';
  return named ? pb.encodeDatabase({ databaseName: 'other' }) : Buffer.alloc(0);
}

function mayCall(role: Role, method: MethodName): boolean {
  const row = METHOD_ROWS[method];
  if ('unimplemented' in row || role === 'sysadmin') return true;
  if (row.permission === 'sysadmin') return false;
  if (row.permission === 'none' || row.permission === 'ownLogin' || row.permission === 'login') {
    return true;
  }
  // Everybody but the stranger works on `defaultdb`, and he alone may read `other`.
  if (typeof row.database === 'object') return row.permission === 'read' && role === 'stranger';
  const needed = { read: 1, write: 2, admin: 254 }[row.permission];
  return ROLES[role] >= needed;
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

function assertRefused(answer: RawAnswer, pattern: RegExp, what: string): void {
  assert.notEqual(answer.code, 0, what);
  assert.match(answer.details, pattern, what);
}

test('each role gets through to exactly the methods that the table gives it', async (t) => {
  const { fixture } = await start(t);
  for (const role of ['reader', 'writer', 'boss', 'stranger'] as const) {
    const client = await clientOf(fixture, role);
    for (const method of METHOD_NAMES) {
      if (SKIPPED.has(method)) continue;
      const answer = await rawCall(client, method, [requestFor(method)]);
      const what = `${role} calls ${method}: ${answer.code} ${answer.details}`;
      if (mayCall(role, method)) assert.doesNotMatch(answer.details, REFUSAL, what);
      else assertRefused(answer, REFUSAL, what);
    }
  }
});

test('the sysadmin gets through everywhere', async (t) => {
  const { admin } = await start(t);
  for (const method of METHOD_NAMES) {
    if (SKIPPED.has(method)) continue;
    const { details } = await rawCall(admin, method, [requestFor(method)]);
    assert.doesNotMatch(details, REFUSAL, method);
    // The one method that wants a session.
    if (method !== 'KeepAlive') assert.doesNotMatch(details, NOT_LOGGED_IN, method);
  }
});

test('without a live login nothing is served but what needs none', async (t) => {
  const { fixture, admin } = await start(t);
  const ended = await admin.login();
  await admin.call('Logout', {});
  await admin.login();
  const session = fixture.client();
  const sessionId = await session.openSession();
  await session.call('CloseSession', {});
  const client = fixture.client();
  const credentials = [
    { anonymous: true },
    { headers: { authorization: 'Bearer ' } },
    { token: 'garbage' },
    { token: `${ended}x` },
    { token: ended },
    { sessionId },
    { sessionId: 'nobody' },
  ];
  for (const options of credentials) {
    for (const method of METHOD_NAMES) {
      const row = METHOD_ROWS[method];
      if ('unimplemented' in row || row.permission === 'none') continue;
      const answer = await rawCall(client, method, [requestFor(method)], options);
      assertRefused(
        answer,
        NOT_LOGGED_IN,
        `${JSON.stringify(options)} ${method}: ${answer.details}`,
      );
    }
  }
});

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
