import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, openAuth, refusal } from '../support/auth-fixture.js';

test('no credentials, and empty ones, are no login, in words for old and new clients', async (t) => {
  const { auth } = await openAuth(t);
  for (const authorization of [
    undefined,
    '',
    'Bearer ',
    'Bearer',
    'bearer  ',
    [],
    [''],
    ['Bearer '],
  ]) {
    assert.throws(() => auth.authenticate({ authorization }), refusal('notLoggedIn'));
  }
  assert.throws(() => auth.authenticate({}), /not logged in, please login first/);
});

test('a token counts with and without Bearer, in any case, and the first of several', async (t) => {
  const f = await openAuth(t);
  const { token } = await f.login('immudb', 'immudb');
  const accepted = [
    token,
    `Bearer ${token}`,
    `bearer ${token}`,
    [`Bearer ${token}`, token],
    [token, 'garbage'],
  ];
  for (const authorization of accepted) {
    assert.equal(f.auth.authenticate({ authorization }).userName, 'immudb');
  }
  const refused = { authorization: ['garbage', token] };
  assert.throws(() => f.auth.authenticate(refused), refusal('invalidToken'));
});

test('a session id wins over a token, for good and bad', async (t) => {
  const f = await openAuth(t);
  await f.createUser(await f.root(), 'alice');
  const { token } = await f.login('immudb', 'immudb');
  const { sessionId } = await f.openSession('alice');
  const authorization = `Bearer ${token}`;
  assert.equal(f.auth.authenticate({ authorization, sessionId }).userName, 'alice');
  const bad = { authorization, sessionId: 'nope' };
  assert.throws(() => f.auth.authenticate(bad), refusal('sessionNotFound'));
  const empty = { authorization, sessionId: '' };
  assert.throws(() => f.auth.authenticate(empty), refusal('noSessionId'));
  assert.equal(f.auth.authenticate({ authorization: 'garbage', sessionId }).userName, 'alice');
});

test('streams are told of an unknown session in their own words', async (t) => {
  const { auth } = await openAuth(t);
  assert.throws(
    () => auth.authenticate({ sessionId: 'nope' }, 'stream'),
    refusal('streamSessionNotFound'),
  );
});

test('calls that need no login learn who calls, or nobody, without an error', async (t) => {
  const f = await openAuth(t);
  const { token } = await f.login('immudb', 'immudb');
  assert.equal(f.auth.identify({ authorization: token })?.userName, 'immudb');
  for (const credentials of [{}, { sessionId: 'nope' }, { authorization: 'garbage' }]) {
    assert.equal(f.auth.identify(credentials), undefined);
  }
});

test('logout wants a live token: without one it says exactly "not logged in"', async (t) => {
  const f = await openAuth(t);
  const { sessionId, caller } = await f.openSession('immudb', 'immudb');
  const { token } = await f.login('immudb', 'immudb');
  const wanted = { code: 'logoutWithoutLogin', message: 'not logged in' };
  for (const credentials of [{}, { authorization: 'Bearer ' }, { sessionId }]) {
    assert.throws(() => f.auth.logout(credentials), wanted);
  }
  assert.throws(() => f.auth.logout({ sessionId, authorization: token }), wanted);
  assert.throws(() => f.auth.logout({ authorization: 'garbage' }), refusal('invalidToken'));
  assert.equal(caller.ended, false);
  f.auth.authenticate({ authorization: token });
});

test('session calls want a session id', async (t) => {
  const f = await openAuth(t);
  const { token } = await f.login('immudb', 'immudb');
  for (const call of [f.auth.keepAlive, f.auth.closeSession]) {
    assert.throws(() => call.call(f.auth, { authorization: token }), refusal('noSessionData'));
    assert.throws(() => call.call(f.auth, { sessionId: '' }), refusal('noSessionId'));
    assert.throws(() => call.call(f.auth, { sessionId: 'nope' }), refusal('sessionNotFound'));
  }
});

test('rights of a caller are those of his user on each database', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'boss', 254);
  await f.grant(root, 'boss', 'other', 1);
  const boss = (await f.login('boss')).caller;
  assert.deepEqual(
    ['defaultdb', 'other', 'nodb', 'systemdb', '*'].map((name) => boss.permissionOn(name)),
    [254, 1, 0, 0, 0],
  );
  assert.equal(boss.isSysadmin, false);
  assert.equal(boss.isAdminAnywhere, true);
  assert.equal(root.permissionOn('anything'), 255);
  assert.equal(root.isSysadmin, true);
});

test('calls on a database need the level, and nobody writes to the system database', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'reader', 1);
  const reader = (await f.login('reader')).caller;
  f.auth.authorize(reader, 'defaultdb', 'read');
  for (const level of ['write', 'admin'] as const) {
    assert.throws(() => f.auth.authorize(reader, 'defaultdb', level), refusal('permissionDenied'));
  }
  assert.throws(() => f.auth.authorize(reader, 'other', 'read'), refusal('permissionDenied'));
  f.auth.authorize(root, 'systemdb', 'read');
  f.auth.authorize(root, 'systemdb', 'admin');
  assert.throws(() => f.auth.authorize(root, 'systemdb', 'write'), refusal('permissionDenied'));
});

test('databases are selected by who has rights there, and a token may have none selected', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'stranger', 2, 'other');
  const { caller, token } = await f.login('stranger');
  assert.equal(caller.database, undefined);
  assert.throws(() => f.auth.selectedDatabase(caller), refusal('noDatabaseSelected'));
  assert.throws(() => f.auth.useDatabase(caller, 'defaultdb'), refusal('noPermissionToSelect'));
  assert.throws(() => f.auth.useDatabase(caller, 'systemdb'), refusal('noPermissionToSelect'));
  assert.throws(() => f.auth.useDatabase(caller, 'nodb'), { message: "'nodb' does not exist" });
  assert.throws(() => f.auth.useDatabase(caller, ''), { message: "'' does not exist" });
  const inside = f.auth.useDatabase(caller, 'other');
  assert.equal(f.auth.selectedDatabase(inside.caller), 'other');
  assert.equal(f.auth.authenticate({ authorization: token }).database, undefined);
  assert.equal(f.auth.useDatabase(root, 'systemdb').caller.database, 'systemdb');
});

test('databases are made by sysadmins, managed by their admins, and seen by who has rights', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const { auth } = f;
  const root = await f.root();
  await f.createUser(root, 'boss', 254, 'other');
  await f.createUser(root, 'reader', 1, 'other');
  const boss = (await f.login('boss')).caller;
  const reader = (await f.login('reader')).caller;
  auth.assertMayCreateDatabase(root);
  assert.throws(() => auth.assertMayCreateDatabase(boss), refusal('notAllowedToCreateDatabase'));
  auth.assertMayManageDatabase(root, 'nodb');
  auth.assertMayManageDatabase(boss, 'other');
  for (const [caller, name] of [
    [boss, 'defaultdb'],
    [boss, 'nodb'],
    [reader, 'other'],
  ] as const) {
    assert.throws(() => auth.assertMayManageDatabase(caller, name), {
      code: 'notAllowedToManageDatabase',
      message: `the database '${name}' does not exist or you do not have admin permission on this database`,
    });
  }
  const seenBy = (caller: typeof root) =>
    ['defaultdb', 'other', 'systemdb'].filter((name) => auth.maySee(caller, name));
  assert.deepEqual(seenBy(root), ['defaultdb', 'other']);
  assert.deepEqual(seenBy(reader), ['other']);
});

const OFF = { enabled: false };
const LOCAL = { address: '127.0.0.1' };

test('with authentication off everybody local works on defaultdb with all rights and nothing more', async (t) => {
  const f = await openAuth(t, OFF);
  for (const address of ['127.0.0.1', '::1', '::ffff:127.0.0.1', 'localhost']) {
    const caller = f.auth.authenticate({ address, authorization: 'garbage', sessionId: 'nope' });
    assert.equal(f.auth.selectedDatabase(caller), 'defaultdb');
    f.auth.authorize(caller, 'defaultdb', 'admin');
    assert.equal(caller.permissionOn('systemdb'), 0);
    assert.equal(caller.isSysadmin, false);
    assert.equal(caller.authenticated, false);
  }
});

test('with authentication off other machines are refused unless in developer mode', async (t) => {
  const f = await openAuth(t, OFF);
  for (const address of ['10.0.0.1', '127.0.0.1.evil', '', undefined, '::ffff:10.0.0.1']) {
    assert.throws(() => f.auth.authenticate({ address }), refusal('remoteRefused'));
    assert.throws(() => f.auth.assertPeerAllowed(address), refusal('remoteRefused'));
  }
  const dev = await openAuth(t, { ...OFF, devMode: true });
  dev.auth.assertPeerAllowed('10.0.0.1');
  assert.equal(dev.auth.authenticate({ address: '10.0.0.1' }).database, 'defaultdb');
});

test('developer mode changes nothing while authentication is on', async (t) => {
  const f = await openAuth(t, { devMode: true });
  f.auth.assertPeerAllowed('10.0.0.1');
  assert.throws(() => f.auth.authenticate(LOCAL), refusal('notLoggedIn'));
});

test('with authentication off nobody logs in, manages users or manages databases', async (t) => {
  const f = await openAuth(t, OFF);
  const { auth } = f;
  const caller = auth.authenticate(LOCAL);
  const passwords = { oldPassword: bytes('immudb'), newPassword: bytes('Adm1n!!!!') };
  await assert.rejects(f.login('immudb', 'immudb'), refusal('authDisabled'));
  await assert.rejects(f.openSession('immudb', 'immudb'), refusal('authDisabled'));
  assert.throws(() => auth.logout({}), refusal('authDisabled'));
  assert.throws(() => auth.closeSession({ sessionId: 'x' }), refusal('authDisabled'));
  assert.throws(() => auth.listUsers(caller), refusal('authRequired'));
  assert.throws(() => auth.useDatabase(caller, 'defaultdb'), refusal('authRequired'));
  await assert.rejects(f.createUser(caller, 'eve'), refusal('authRequired'));
  await assert.rejects(
    auth.changePassword(caller, { userName: 'immudb', ...passwords }),
    refusal('authRequired'),
  );
  await assert.rejects(f.grant(caller, 'immudb', 'defaultdb', 1), refusal('authRequired'));
  await assert.rejects(auth.setActiveUser(caller, 'immudb', false), refusal('authRequired'));
  assert.throws(() => auth.assertMayCreateDatabase(caller), refusal('authMustBeOn'));
  assert.throws(() => auth.assertMayManageDatabase(caller, 'x'), refusal('authMustBeOn'));
});

test('in maintenance any database is selected without login, and users are listed but not changed', async (t) => {
  const f = await openAuth(t, { enabled: false, maintenance: true });
  const { auth } = f;
  const anybody = auth.authenticate(LOCAL);
  assert.throws(() => auth.selectedDatabase(anybody), refusal('selectDatabaseFirst'));
  const { token } = auth.useDatabase(anybody, 'systemdb');
  const inside = auth.authenticate({ ...LOCAL, authorization: `Bearer ${token}` });
  assert.equal(auth.selectedDatabase(inside), 'systemdb');
  auth.authorize(inside, 'systemdb', 'read');
  assert.throws(() => auth.authorize(inside, 'systemdb', 'write'), refusal('permissionDenied'));
  for (const caller of [anybody, inside]) {
    assert.deepEqual(
      auth.listUsers(caller).map((user) => user.name),
      ['immudb'],
    );
    await assert.rejects(f.createUser(caller, 'eve'), refusal('notAllowedInMaintenance'));
    await assert.rejects(
      auth.setActiveUser(caller, 'immudb', false),
      refusal('notAllowedInMaintenance'),
    );
    assert.throws(() => auth.assertMayCreateDatabase(caller), refusal('notAllowedInMaintenance'));
  }
  assert.throws(() => auth.useDatabase(anybody, 'nodb'), refusal('selectedDatabaseNotFound'));
  assert.throws(() => auth.authenticate({ address: '10.0.0.1' }), refusal('remoteRefused'));
});
