import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import {
  AuthFixture,
  bytes,
  type FixtureOptions,
  openAuth,
  refusal,
} from '../support/auth-fixture.js';
import { MemorySystemStore } from '../support/memory-system-store.js';
import { temporaryFolder } from '../support/store-fixture.js';

test('the first start makes immudb a sysadmin with the configured password', async (t) => {
  const f = await openAuth(t, { adminPassword: 'x' });
  const { caller } = await f.login('immudb', 'x');
  assert.deepEqual(f.auth.listUsers(caller), [
    {
      name: 'immudb',
      permissions: [{ database: '*', permission: 255 }],
      createdBy: '',
      createdAt: f.clock.now(),
      active: true,
    },
  ]);
});

test('later starts leave the password alone', async (t) => {
  const store = new MemorySystemStore();
  await openAuth(t, { store });
  const again = await openAuth(t, { store, adminPassword: 'another' });
  await again.login('immudb', 'immudb');
  await assert.rejects(again.login('immudb', 'another'), refusal('invalidCredentials'));
  assert.equal(store.putCount, 1);
});

test('a forced password replaces the stored one, and writes nothing when it is the same', async (t) => {
  const store = new MemorySystemStore();
  await openAuth(t, { store });
  const forced = { store, adminPassword: 'another', forceAdminPassword: true };
  const again = await openAuth(t, forced);
  await again.login('immudb', 'another');
  await assert.rejects(again.login('immudb', 'immudb'), refusal('invalidCredentials'));
  assert.equal(store.putCount, 2);
  await openAuth(t, forced);
  assert.equal(store.putCount, 2);
});

test('users, rights and status are there again after a restart', async (t) => {
  const store = new MemorySystemStore();
  const f = await openAuth(t, { store });
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  await f.createUser(root, 'carol', 2);
  await f.grant(root, 'alice', 'defaultdb', 254);
  await f.auth.setActiveUser(root, 'carol', false);
  const before = f.auth.listUsers(root);
  const again = await openAuth(t, { store });
  assert.deepEqual(again.auth.listUsers(await again.root()), before);
  await assert.rejects(again.login('carol'), refusal('userInactive'));
});

async function opening(
  t: Parameters<typeof temporaryFolder>[0],
  options: FixtureOptions,
): Promise<void> {
  const fixture = new AuthFixture(await temporaryFolder(t), options);
  await fixture.auth.open();
}

test('an empty or endless admin password keeps the server from starting', async (t) => {
  await assert.rejects(opening(t, { adminPassword: '' }), {
    code: 'adminPasswordEmpty',
    message: 'Admin password cannot be empty',
  });
  await assert.rejects(
    opening(t, { adminPassword: 'x'.repeat(1025) }),
    refusal('adminPasswordTooLong'),
  );
});

test('authentication cannot be off once there are other users or databases', async (t) => {
  const store = new MemorySystemStore();
  const f = await openAuth(t, { store });
  await opening(t, { store, enabled: false });
  await f.createUser(await f.root(), 'alice');
  await assert.rejects(opening(t, { store, enabled: false }), refusal('authOffRefused'));
  const databases = ['defaultdb', 'other'];
  await assert.rejects(opening(t, { databases, enabled: false }), refusal('authOffRefused'));
  await opening(t, { store, databases, enabled: false, maintenance: true });
});

test('maintenance needs authentication to be off', async (t) => {
  await assert.rejects(opening(t, { maintenance: true }), refusal('maintenanceNeedsAuthOff'));
});

test('a broken token key keeps the server from starting', async (t) => {
  const folder = await temporaryFolder(t);
  const tokenKeyPath = path.join(folder, 'missing', 'token.key');
  await assert.rejects(opening(t, { tokenKeyPath }), { code: 'ENOENT' });
});

test('disposing ends every login and lets the process go', async (t) => {
  const f = await openAuth(t, { sweepIntervalMs: 1 });
  const { caller } = await f.login('immudb', 'immudb');
  const session = await f.openSession('immudb', 'immudb');
  f.auth.dispose();
  assert.equal(caller.ended, true);
  assert.equal(session.caller.ended, true);
  assert.deepEqual([f.auth.stats().tokens, f.auth.stats().sessions], [0, 0]);
});

test('the sweep runs by itself', async (t) => {
  const f = await openAuth(t, { sweepIntervalMs: 1 });
  const { caller } = await f.openSession('immudb', 'immudb');
  const ended = new Promise<void>((resolve) => caller.onEnd(resolve));
  const keepRunning = setInterval(() => {}, 1_000);
  f.clock.advance(120_001);
  await ended;
  clearInterval(keepRunning);
  assert.equal(f.auth.stats().sessions, 0);
});

test('listeners are told of each kind of change', async (t) => {
  const f = await openAuth(t);
  const heard: string[] = [];
  f.auth.onUserChange(({ kind, user }) => heard.push(`${kind} ${user.name}`));
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  await f.grant(root, 'alice', 'defaultdb', 2);
  await f.auth.setActiveUser(root, 'alice', false);
  const passwords = { oldPassword: bytes(''), newPassword: bytes('Passw0rd?') };
  await f.auth.changePassword(root, { userName: 'alice', ...passwords });
  assert.deepEqual(heard, ['created alice', 'permissions alice', 'status alice', 'password alice']);
});
