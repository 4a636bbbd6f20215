import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Caller } from '../../src/auth/index.js';
import { decodeUser, encodeUser } from '../../src/auth/user-record.js';
import { type AuthFixture, bytes, openAuth, refusal, STRONG } from '../support/auth-fixture.js';
import { MemorySystemStore } from '../support/memory-system-store.js';

function names(fixture: AuthFixture, caller: Caller): string[] {
  return fixture.auth.listUsers(caller).map((user) => user.name);
}

test('a created user is listed with creator, time, permission and status', async (t) => {
  const f = await openAuth(t);
  await f.createUser(await f.root(), 'alice', 1);
  const [alice] = f.auth.listUsers(await f.root());
  assert.deepEqual(alice, {
    name: 'alice',
    permissions: [{ database: 'defaultdb', permission: 1 }],
    createdBy: 'immudb',
    createdAt: f.clock.now(),
    active: true,
  });
});

test('creating a user is refused for each thing that is wrong, in words of its own', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  const alice = (await f.login('alice')).caller;
  const good = { userName: 'bob', password: bytes(STRONG), permission: 1, database: 'defaultdb' };
  const cases = [
    [root, { userName: '' }, 'userNameEmpty'],
    [root, { userName: 'b o b' }, 'userNameInvalid'],
    [root, { userName: 'b'.repeat(64) }, 'userNameInvalid'],
    [root, { userName: 'alice' }, 'userExists'],
    [root, { userName: 'immudb' }, 'userExists'],
    [root, { userName: 'alice', password: bytes('') }, 'userExists'],
    [root, { password: bytes('') }, 'passwordEmpty'],
    [root, { password: bytes('weak') }, 'passwordWeak'],
    [root, { permission: 0 }, 'permissionUnknown'],
    [root, { permission: 7 }, 'permissionUnknown'],
    [root, { permission: 253 }, 'permissionUnknown'],
    [root, { permission: 4294967295 }, 'permissionUnknown'],
    [root, { permission: 255 }, 'sysadminNotCreated'],
    [root, { database: 'nodb' }, 'userDatabaseNotFound'],
    [root, { database: 'DEFAULTDB' }, 'userDatabaseNotFound'],
    [root, { database: 'systemdb' }, 'userDatabaseNotFound'],
    [root, { database: '' }, 'userDatabaseEmpty'],
    [alice, {}, 'userDatabaseNotAdmin'],
    [alice, { database: 'other' }, 'userDatabaseNotAdmin'],
    [alice, { userName: 'immudb' }, 'userDatabaseNotAdmin'],
    [alice, { userName: 'b o b' }, 'userDatabaseNotAdmin'],
    [root, { userName: 'b o b', database: 'nodb' }, 'userDatabaseNotFound'],
  ] as const;
  for (const [caller, change, code] of cases) {
    await assert.rejects(f.auth.createUser(caller, { ...good, ...change }), refusal(code));
  }
  assert.deepEqual(names(f, root), ['alice', 'immudb']);
});

test('texts of refused creations name what was asked for', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await assert.rejects(f.createUser(root, 'bob', 1, 'nodb'), {
    message: 'database nodb does not exist',
  });
  const long = f.createUser(root, 'bob', 1, 'n'.repeat(1_000_000));
  await assert.rejects(long, (error: Error) => error.message.length < 200);
});

test('without a database the only one there is is meant', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'bob', 2, '');
  const bob = f.auth.listUsers(root).find((user) => user.name === 'bob');
  assert.deepEqual(bob?.permissions, [{ database: 'defaultdb', permission: 2 }]);
});

test('an admin of a database creates users for it and for no other', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  await f.createUser(await f.root(), 'boss', 254);
  const boss = (await f.login('boss')).caller;
  await f.createUser(boss, 'clerk', 1);
  await assert.rejects(f.createUser(boss, 'spy', 1, 'other'), refusal('userDatabaseNotAdmin'));
});

test('names keep their case: anna and ANNA are two', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'anna');
  await f.createUser(root, 'ANNA');
  assert.deepEqual(names(f, root), ['ANNA', 'anna', 'immudb']);
});

test('lists show everybody to a sysadmin, a database to its admin, and else oneself', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'boss', 254);
  await f.createUser(root, 'reader', 1);
  await f.createUser(root, 'stranger', 2, 'other');
  await f.auth.setActiveUser(root, 'reader', false);
  const boss = (await f.login('boss')).caller;
  const stranger = (await f.login('stranger')).caller;
  assert.deepEqual(names(f, root), ['boss', 'immudb', 'reader', 'stranger']);
  assert.deepEqual(names(f, boss), ['boss', 'reader']);
  assert.deepEqual(names(f, stranger), ['stranger']);
  const inOther = f.auth.useDatabase(stranger, 'other').caller;
  assert.deepEqual(names(f, inOther), ['stranger']);
});

test('users are not listed from within the system database', async (t) => {
  const f = await openAuth(t);
  const inside = f.auth.useDatabase(await f.root(), 'systemdb').caller;
  assert.throws(() => f.auth.listUsers(inside), refusal('sessionDatabaseNotFound'));
});

test('a grant replaces what the user had there, a revoke takes it away', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  const permissions = () => f.auth.listUsers(root).find((u) => u.name === 'alice')?.permissions;
  await f.grant(root, 'alice', 'defaultdb', 2);
  await f.grant(root, 'alice', 'other', 254);
  assert.deepEqual(permissions(), [
    { database: 'defaultdb', permission: 2 },
    { database: 'other', permission: 254 },
  ]);
  await f.revoke(root, 'alice', 'defaultdb', 1);
  await f.revoke(root, 'alice', 'defaultdb', 2);
  assert.deepEqual(permissions(), [{ database: 'other', permission: 254 }]);
});

test('a change of permissions is refused for each thing that is wrong', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  await f.createUser(root, 'carol', 1);
  await f.createUser(root, 'boss', 254);
  await f.auth.setActiveUser(root, 'carol', false);
  const boss = (await f.login('boss')).caller;
  const alice = (await f.login('alice')).caller;
  const good = { action: 0, userName: 'alice', database: 'defaultdb', permission: 2 };
  const cases = [
    [root, { userName: '' }, 'grantUserNameEmpty'],
    [root, { database: '' }, 'grantDatabaseEmpty'],
    [root, { permission: 0 }, 'grantPermissionUnknown'],
    [root, { permission: 99 }, 'grantPermissionUnknown'],
    [root, { permission: 255 }, 'grantPermissionUnknown'],
    [root, { permission: 4294967295 }, 'grantPermissionUnknown'],
    [root, { action: 1, permission: 99 }, 'grantPermissionUnknown'],
    [root, { action: 5 }, 'grantActionUnknown'],
    [root, { action: -1 }, 'grantActionUnknown'],
    [root, { action: 5, permission: 0 }, 'grantActionUnknown'],
    [root, { action: 5, database: 'nodb' }, 'grantDatabaseNotFound'],
    [root, { userName: 'immudb', database: 'systemdb' }, 'grantToOneself'],
    [root, { userName: 'immudb' }, 'grantToOneself'],
    [boss, { userName: 'boss' }, 'grantToOneself'],
    [boss, { userName: 'immudb' }, 'grantToSysadmin'],
    [boss, { userName: 'immudb', action: 1 }, 'grantToSysadmin'],
    [root, { database: 'nodb' }, 'grantDatabaseNotFound'],
    [root, { database: '*' }, 'grantDatabaseNotFound'],
    [root, { userName: 'nobody' }, 'grantUserNotFound'],
    [root, { userName: 'carol' }, 'grantUserInactive'],
    [root, { database: 'systemdb' }, 'permissionDenied'],
    [boss, { database: 'other' }, 'grantNotAdmin'],
    [boss, { database: 'systemdb', permission: 1 }, 'grantNotAdmin'],
    [alice, { userName: 'carol' }, 'grantNotAdmin'],
  ] as const;
  for (const [caller, change, code] of cases) {
    await assert.rejects(f.auth.changePermission(caller, { ...good, ...change }), refusal(code));
  }
});

test('a grant leaves creator and time of creation alone, so nobody is taken over by it', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  await f.createUser(root, 'boss', 254);
  const created = f.auth.listUsers(root)[0];
  const boss = (await f.login('boss')).caller;
  f.clock.advance(5_000);
  await f.grant(boss, 'alice', 'defaultdb', 2);
  const alice = f.auth.listUsers(root)[0];
  assert.equal(alice?.createdBy, 'immudb');
  assert.equal(alice?.createdAt, created?.createdAt);
  const request = { userName: 'alice', oldPassword: bytes(''), newPassword: bytes('Taken0ver!') };
  await assert.rejects(f.auth.changePassword(boss, request), refusal('passwordTargetRefused'));
  await assert.rejects(f.auth.setActiveUser(boss, 'alice', false), refusal('statusNotCreator'));
});

test('two grants at once are both kept', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'one', 'two'] });
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  await Promise.all([f.grant(root, 'alice', 'one', 1), f.grant(root, 'alice', 'two', 254)]);
  const alice = f.auth.listUsers(root).find((user) => user.name === 'alice');
  assert.deepEqual(alice?.permissions, [
    { database: 'defaultdb', permission: 1 },
    { database: 'one', permission: 1 },
    { database: 'two', permission: 254 },
  ]);
});

test('a caller whose rights are taken while his change waits is refused', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'boss', 254);
  await f.createUser(root, 'alice', 1);
  const boss = (await f.login('boss')).caller;
  const outcomes = await Promise.allSettled([
    f.auth.setActiveUser(root, 'boss', false),
    f.grant(boss, 'alice', 'defaultdb', 254),
    f.createUser(boss, 'accomplice', 254),
  ]);
  assert.deepEqual(
    outcomes.map((o) => (o.status === 'fulfilled' ? 'ok' : (o.reason as { code: string }).code)),
    ['ok', 'notLoggedIn', 'notLoggedIn'],
  );
  assert.deepEqual(names(f, root), ['alice', 'boss', 'immudb']);
});

test('a database deleted while a grant on it waits is not granted', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  const first = f.grant(root, 'alice', 'defaultdb', 2);
  const second = f.grant(root, 'alice', 'other', 2);
  f.databases.delete('other');
  await first;
  await assert.rejects(second, refusal('grantDatabaseNotFound'));
});

test('passwords are changed by a sysadmin and by the creator who is an admin, nobody else', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'boss', 254);
  await f.createUser(root, 'alice', 1);
  const boss = (await f.login('boss')).caller;
  const alice = (await f.login('alice')).caller;
  await f.createUser(boss, 'clerk', 1);
  const change = (caller: Caller, userName: string, newPassword = 'Chang3d!!') =>
    f.auth.changePassword(caller, {
      userName,
      oldPassword: bytes('wrong'),
      newPassword: bytes(newPassword),
    });
  await assert.rejects(change(alice, 'alice'), refusal('notAdminAnywhere'));
  await assert.rejects(change(alice, 'immudb'), refusal('notAdminAnywhere'));
  await assert.rejects(change(boss, 'alice'), refusal('passwordTargetRefused'));
  await assert.rejects(change(boss, 'immudb'), refusal('passwordTargetRefused'));
  await assert.rejects(change(root, 'nobody'), refusal('passwordTargetRefused'));
  await assert.rejects(change(root, ''), refusal('userNameEmpty'));
  await assert.rejects(change(alice, ''), refusal('notAdminAnywhere'));
  await assert.rejects(change(root, 'nobody', ''), refusal('passwordTargetRefused'));
  await assert.rejects(change(root, 'alice', ''), refusal('passwordEmpty'));
  await assert.rejects(change(root, 'alice', 'x'), refusal('passwordWeak'));
  await change(boss, 'clerk');
  await f.login('clerk', 'Chang3d!!');
  await change(root, 'alice');
  await f.login('alice', 'Chang3d!!');
  await assert.rejects(f.login('alice', STRONG), refusal('invalidCredentials'));
});

test('the password of immudb changes only for who knows the old one', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  const change = (oldPassword: string, newPassword: string) =>
    f.auth.changePassword(root, {
      userName: 'immudb',
      oldPassword: bytes(oldPassword),
      newPassword: bytes(newPassword),
    });
  await assert.rejects(change('wrong', 'Adm1n!!!!'), refusal('oldPasswordIncorrect'));
  await assert.rejects(change('', 'Adm1n!!!!'), refusal('oldPasswordIncorrect'));
  await assert.rejects(change('wrong', 'weak'), refusal('oldPasswordIncorrect'));
  await change('immudb', 'Adm1n!!!!');
  await f.login('immudb', 'Adm1n!!!!');
  await assert.rejects(f.login('immudb', 'immudb'), refusal('invalidCredentials'));
});

test('status is changed by a sysadmin and by the creator who is an admin, never one’s own', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'boss', 254);
  await f.createUser(root, 'alice', 1);
  const boss = (await f.login('boss')).caller;
  const alice = (await f.login('alice')).caller;
  await f.createUser(boss, 'clerk', 1);
  const { auth } = f;
  await assert.rejects(auth.setActiveUser(root, '', false), refusal('userNameEmpty'));
  await assert.rejects(auth.setActiveUser(alice, 'alice', true), refusal('notAdminAnywhere'));
  await assert.rejects(auth.setActiveUser(boss, 'boss', false), refusal('ownStatus'));
  await assert.rejects(auth.setActiveUser(root, 'immudb', false), refusal('ownStatus'));
  await assert.rejects(auth.setActiveUser(root, 'nobody', false), refusal('statusUserNotFound'));
  await assert.rejects(auth.setActiveUser(boss, 'alice', false), refusal('statusNotCreator'));
  await assert.rejects(auth.setActiveUser(boss, 'immudb', false), refusal('statusNotCreator'));
  await auth.setActiveUser(boss, 'clerk', false);
  await auth.setActiveUser(boss, 'clerk', false);
  await assert.rejects(f.login('clerk'), refusal('userInactive'));
  await auth.setActiveUser(boss, 'clerk', true);
  await f.login('clerk');
});

/** No call makes a second sysadmin; a store that came from elsewhere may have one. */
async function withTwoSysadmins(t: TestContext) {
  const store = new MemorySystemStore();
  const { auth } = await openAuth(t, { store });
  auth.dispose();
  const first = decodeUser('immudb', store.get('user:immudb')?.value ?? new Uint8Array());
  store.overwrite('user:second', encodeUser({ ...first, name: 'second' }));
  const f = await openAuth(t, { store });
  return { f, root: await f.root(), second: (await f.login('second', 'immudb')).caller };
}

test('two sysadmins who deactivate each other at once leave one of them', async (t) => {
  const { f, root, second } = await withTwoSysadmins(t);
  const outcomes = await Promise.allSettled([
    f.auth.setActiveUser(root, 'second', false),
    f.auth.setActiveUser(second, 'immudb', false),
  ]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'rejected'],
  );
});

test('of two changes of the first password at once, with one old password, one wins', async (t) => {
  const { f, root, second } = await withTwoSysadmins(t);
  const change = (caller: Caller, newPassword: string) =>
    f.auth.changePassword(caller, {
      userName: 'immudb',
      oldPassword: bytes('immudb'),
      newPassword: bytes(newPassword),
    });
  const [first, other] = await Promise.allSettled([
    change(root, 'F1rst!!!!'),
    change(second, 'Sec0nd!!!'),
  ]);
  assert.equal(first.status, 'fulfilled');
  assert.equal(other.status, 'rejected');
  await f.login('immudb', 'F1rst!!!!');
});

test('permissions on a deleted database do not come back with a new one of its name', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'alice', 2, 'other');
  const alice = (await f.login('alice')).caller;
  await f.auth.forgetDatabase('other');
  assert.equal(alice.ended, true);
  const again = (await f.login('alice')).caller;
  assert.equal(again.permissionOn('other'), 0);
  assert.throws(() => f.auth.useDatabase(again, 'other'), refusal('noPermissionToSelect'));
});
