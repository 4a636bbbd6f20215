import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Certificates } from '../support/certificates.js';
import { GrpcClient } from '../support/grpc-client.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { entry, Fixture } from './server-fixture.js';
import { readStream } from './stream-reader.js';

/** What the events of the catalogue say beyond what every event says. */

const USER = Buffer.from('alice');
const PASSWORD = Buffer.from('Al1ce-pass!');

test('events of logins and users tell what came before and what it did', async (t) => {
  const f = new Fixture(t);
  const server = await f.start('--audit-trusted-proxies=127.0.0.0/8', '--audit-hash-unknown-users');
  const client = await f.client();
  const [login] = f.events('auth.login.succeeded');
  assert.equal(login?.event_data.default_password, true);
  assert.equal(login?.event_data.user_active, true);
  const request = { user: USER, password: PASSWORD, permission: 1, database: 'defaultdb' };
  await client.call('CreateUser', request);
  await f.client('alice', 'wrong-one').catch(() => undefined);
  await f.client('alice', 'wrong-one').catch(() => undefined);
  await f.client('My-Passw0rd!', 'wrong-one').catch(() => undefined);
  const failures = f.events('auth.login.failed');
  assert.deepEqual(
    failures.map(({ event_data: data }) => data.failures_recent),
    [
      { address: 1, user: 1 },
      { address: 2, user: 2 },
      { address: 3, user: 1 },
    ],
  );
  assert.equal(failures[0]?.username, 'alice');
  assert.match(String(failures[2]?.username), /^h:[0-9a-f]{32}$/);
  const alice = await f.client('alice', 'Al1ce-pass!');
  await alice.openSession('defaultdb', 'alice', 'Al1ce-pass!');
  const change = { username: 'alice', database: 'defaultdb', permission: 2 };
  await client.call('ChangePermission', { action: 0, ...change });
  const [granted] = f.events('user.permission_grant');
  assert.equal(granted?.event_data.previous, 1);
  assert.equal(granted?.event_data.sessions_revoked, 2);
  await f.client('alice', 'Al1ce-pass!');
  await client.call('ChangePassword', { user: USER, newPassword: Buffer.from('Other-pass0!') });
  const [changed] = f.events('user.password_change');
  assert.equal(changed?.event_data.self, false);
  assert.equal(changed?.event_data.sessions_revoked, 1);
  await client.call('SetActiveUser', { username: 'alice', active: false });
  assert.equal(f.events('user.deactivate')[0]?.event_data.sessions_revoked, 0);
  await client.call('Set', { KVs: [entry('k')] }, { headers: { 'x-forwarded-for': '10.9.8.7' } });
  const [set] = f.events('kv.set');
  assert.deepEqual(set?.event_data.roles, ['sysadmin']);
  assert.equal(set?.event_data.forwarded_for, '10.9.8.7');
  assert.equal(set?.source_ip_address, '127.0.0.1');
  assert.match(String(set?.event_data.conn), /^[0-9a-f-]{36}$/);
  assert.equal(set?.event_data.conn, login?.event_data.conn);
  await client.call('Logout', {});
  const [logout] = f.events('auth.logout');
  assert.equal(logout?.event_data.reason, 'explicit');
  assert.ok(Number(logout?.event_data.session_age_ms) >= 0);
  await f.stop(server);
  assert.ok(!readStream(f.audit).text.includes('My-Passw0rd'));
});

test('keys of users stand in events as the option says', async (t) => {
  const key = 'tenant-7/secret';
  const forms = [
    ['prefix:8', /^tenant-7$/],
    ['none', /^undefined$/],
  ] as const;
  for (const [form, expected] of forms) {
    const f = new Fixture(t);
    const server = await f.start(`--audit-keys=${form}`);
    await (await f.client()).call('Set', { KVs: [entry(key)] });
    const { keys, key_count: count } = f.events('kv.set')[0]?.event_data ?? {};
    assert.match(String(Array.isArray(keys) ? keys[0] : keys), expected, form);
    assert.equal(count, 1);
    await f.stop(server);
  }
});

test('events of databases tell their state and what changed of their settings', async (t) => {
  const f = new Fixture(t);
  let server = await f.start();
  let client = await f.client();
  await client.call('Set', { KVs: [entry('k')] });
  const settings = { writeTxHeaderVersion: { value: 1 } };
  await client.call('CreateDatabaseV2', { name: 'ledger', settings });
  assert.deepEqual(f.events('database.create')[0]?.event_data.settings, {
    writeTxHeaderVersion: 1,
  });
  await client.call('UpdateDatabaseV2', {
    database: 'ledger',
    settings: { autoload: { value: false } },
  });
  assert.deepEqual(f.events('database.update')[0]?.event_data.changes, { autoload: [true, false] });
  await client.call('UnloadDatabase', { database: 'ledger' });
  await client.call('LoadDatabase', { database: 'ledger' });
  assert.equal(f.events('database.unload')[0]?.event_data.tx_id, 0);
  await client.call('UnloadDatabase', { database: 'ledger' });
  await client.call('DeleteDatabase', { database: 'ledger' });
  await f.stop(server);
  const of = (name: string, db: string) =>
    f.events(name).filter(({ event_data: data }) => data.target_db === db);
  assert.deepEqual(
    of('database.load', 'ledger').map(({ username }) => username),
    ['immudb'],
    'one event for one call',
  );
  const closed = of('database.unload', 'defaultdb').at(-1);
  assert.equal(closed?.event_data.reason, 'shutdown');
  assert.equal(closed?.event_data.tx_id, 1);
  server = await f.start();
  client = await f.client();
  const opened = of('database.load', 'defaultdb').at(-1);
  assert.equal(opened?.event_data.reason, 'startup');
  assert.equal(opened?.event_data.alh, closed?.event_data.alh);
  await f.stop(server);
});

test('sessions that end by themselves, and a password that a start replaced, are events', async (t) => {
  const f = new Fixture(t);
  let server = await f.start(
    ...['--session-timeout=1s', '--sessions-guard-check-interval=100ms'],
    ...['--admin-password=F1rst-pass!'],
  );
  const client = new GrpcClient(f.port);
  t.after(() => client.close());
  await client.openSession('defaultdb', 'immudb', 'F1rst-pass!');
  const expired = await f.until('auth.session.expired');
  assert.equal(expired.username, 'immudb');
  assert.equal(expired.event_data.reason, 'timeout');
  assert.ok(Number(expired.event_data.session_age_ms) >= 1000);
  const [login] = f.events('auth.login.succeeded');
  assert.equal(expired.event_data.session, login?.event_data.session);
  await client.openSession('defaultdb', 'immudb', 'F1rst-pass!');
  await f.stop(server);
  const reasons = f.events('auth.session.expired').map(({ event_data: data }) => data.reason);
  assert.deepEqual(reasons, ['timeout', 'shutdown']);
  assert.equal(f.events('user.admin_reset').length, 0);
  server = await f.start('--admin-password=Other-pass0!', '--force-admin-password');
  assert.equal((await f.until('user.admin_reset')).resource, 'user:immudb');
  await f.stop(server);
  assert.ok(!/F1rst-pass|Other-pass/.test(readStream(f.audit).text));
});

test('the certificate of a client is named', async (t) => {
  const f = new Fixture(t);
  const certificates = new Certificates(path.join(f.folder, 'certificates'));
  const port = await freePort();
  const server = ServerProcess.spawn({
    ...{ dir: f.dir, port },
    flags: ['--audit-reserve=0B', ...certificates.serverFlags],
  });
  t.after(() => server.kill());
  const client = new GrpcClient(`localhost:${port}`, certificates.channel());
  t.after(() => client.close());
  while (!server.log.includes('listening')) await delay(10);
  await client.login();
  const [login] = f.events('auth.login.succeeded');
  assert.match(String(login?.event_data.tls_subject), /CN=localhost/);
  server.signal('SIGTERM');
  assert.equal((await server.ended(10_000)).code, 0, server.log);
});
