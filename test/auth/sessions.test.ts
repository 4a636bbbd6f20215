import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AuthFixture, openAuth, refusal, STRONG } from '../support/auth-fixture.js';

const MINUTE_MS = 60_000;

function authenticate(fixture: AuthFixture, sessionId: string) {
  return fixture.auth.authenticate({ sessionId });
}

function openRoot(fixture: AuthFixture, database = 'defaultdb') {
  return fixture.openSession('immudb', 'immudb', database);
}

test('a session id is 44 characters of base64url, different each time, and not the login id', async (t) => {
  const f = await openAuth(t);
  const sessions = [await openRoot(f), await openRoot(f)];
  for (const { sessionId, caller } of sessions) {
    assert.match(sessionId, /^[A-Za-z0-9_-]{43}=$/);
    assert.equal(sessionId.includes(caller.loginId), false);
  }
  assert.notEqual(sessions[0]?.sessionId, sessions[1]?.sessionId);
});

test('a session works on the database it was opened on, looked up in lower case', async (t) => {
  const f = await openAuth(t);
  const { sessionId } = await openRoot(f, 'DEFAULTDB');
  const caller = authenticate(f, sessionId);
  assert.equal(caller.database, 'defaultdb');
  assert.equal(caller.generation, 'session');
  assert.equal(caller.userName, 'immudb');
});

test('a session opens only on a database that exists and that the user has rights on', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  await f.createUser(await f.root(), 'alice', 1);
  await assert.rejects(f.openSession('alice', STRONG, 'nodb'), refusal('sessionDatabaseNotFound'));
  await assert.rejects(f.openSession('alice', STRONG, ''), refusal('sessionDatabaseNotFound'));
  await assert.rejects(f.openSession('alice', STRONG, 'other'), refusal('noPermissionToSelect'));
  await assert.rejects(f.openSession('alice', STRONG, 'systemdb'), refusal('noPermissionToSelect'));
  await assert.rejects(f.openSession('alice', 'wrong', 'nodb'), refusal('invalidCredentials'));
  assert.equal(authenticate(f, (await openRoot(f, 'systemdb')).sessionId).database, 'systemdb');
});

test('a session ends after more than two minutes without a call', async (t) => {
  const f = await openAuth(t);
  const { sessionId, caller } = await openRoot(f);
  for (let i = 0; i < 10; i++) {
    f.clock.advance(2 * MINUTE_MS);
    authenticate(f, sessionId);
  }
  f.clock.advance(2 * MINUTE_MS + 1);
  assert.throws(() => authenticate(f, sessionId), refusal('sessionNotFound'));
  assert.equal(caller.ended, true);
  assert.equal(f.auth.stats().sessions, 0);
});

test('keeping a session alive is a call like any other', async (t) => {
  const f = await openAuth(t);
  const { sessionId } = await openRoot(f);
  for (let i = 0; i < 5; i++) {
    f.clock.advance(2 * MINUTE_MS);
    f.auth.keepAlive({ sessionId });
  }
  authenticate(f, sessionId);
});

test('a session ends at its maximum age however busy it is', async (t) => {
  const f = await openAuth(t, { sessionMaxAgeMs: 5 * MINUTE_MS });
  const { sessionId } = await openRoot(f);
  for (let i = 0; i < 5; i++) {
    f.clock.advance(MINUTE_MS);
    authenticate(f, sessionId);
  }
  f.clock.advance(1);
  assert.throws(() => authenticate(f, sessionId), refusal('sessionNotFound'));
});

test('sweeping ends what is over, with its streams, and nothing else', async (t) => {
  const f = await openAuth(t);
  const old = await openRoot(f);
  const ended = new Promise<void>((resolve) => old.caller.onEnd(resolve));
  f.clock.advance(2 * MINUTE_MS);
  const young = await openRoot(f);
  f.clock.advance(1);
  f.auth.sweep();
  await ended;
  assert.equal(f.auth.stats().sessions, 1);
  authenticate(f, young.sessionId);
});

test('a closed session stays closed', async (t) => {
  const f = await openAuth(t);
  const { sessionId } = await openRoot(f);
  assert.equal(f.auth.closeSession({ sessionId }).userName, 'immudb');
  assert.throws(() => authenticate(f, sessionId), refusal('sessionNotFound'));
  assert.throws(() => f.auth.keepAlive({ sessionId }), refusal('sessionNotFound'));
  assert.throws(() => f.auth.closeSession({ sessionId }), refusal('sessionNotFound'));
  await openRoot(f);
  assert.throws(() => authenticate(f, sessionId), refusal('sessionNotFound'));
});

test('the number of sessions is bounded in total, with over ones not counted', async (t) => {
  const f = await openAuth(t, { maxSessions: 3 });
  const [first] = [await openRoot(f), await openRoot(f), await openRoot(f)];
  await assert.rejects(openRoot(f), refusal('tooManySessions'));
  await assert.rejects(openRoot(f), {
    message: /^can not create new session: max sessions number reached/,
  });
  f.auth.closeSession({ sessionId: first.sessionId });
  await openRoot(f);
  f.clock.advance(2 * MINUTE_MS + 1);
  await openRoot(f);
  assert.equal(f.auth.stats().sessions, 1);
});

test('the number of sessions of one user is bounded, the others are not held up', async (t) => {
  const f = await openAuth(t, { maxSessionsPerUser: 2 });
  await f.createUser(await f.root(), 'alice');
  await openRoot(f);
  await openRoot(f);
  await assert.rejects(openRoot(f), refusal('tooManySessionsOfUser'));
  await f.openSession('alice');
});

test('100 sessions are open at most when nothing else is said', async (t) => {
  const f = await openAuth(t);
  for (let i = 0; i < 100; i++) await openRoot(f);
  await assert.rejects(openRoot(f), refusal('tooManySessions'));
});

test('a change of password, permissions or status ends all sessions of the user alone', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  const mine = await openRoot(f);
  const changes = [
    () => f.grant(root, 'alice', 'defaultdb', 2),
    () =>
      f.auth.changePassword(root, {
        userName: 'alice',
        oldPassword: Buffer.alloc(0),
        newPassword: Buffer.from(STRONG),
      }),
    () => f.auth.setActiveUser(root, 'alice', false),
  ];
  for (const change of changes) {
    const { sessionId, caller } = await f.openSession('alice');
    let streamEnded = false;
    caller.onEnd(() => {
      streamEnded = true;
    });
    await change();
    assert.throws(() => authenticate(f, sessionId), refusal('sessionNotFound'));
    assert.equal(caller.ended, true);
    assert.equal(streamEnded, true);
  }
  authenticate(f, mine.sessionId);
});

test('selecting a database switches the session and gives a token that works there', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const { sessionId } = await openRoot(f);
  const { token, caller } = f.auth.useDatabase(authenticate(f, sessionId), 'other');
  assert.equal(caller.database, 'other');
  assert.equal(authenticate(f, sessionId).database, 'other');
  const byToken = f.auth.authenticate({ authorization: token });
  assert.equal(byToken.database, 'other');
  assert.equal(byToken.generation, 'token');
});

test('a token from a session ends with it', async (t) => {
  const f = await openAuth(t);
  const tokenOf = async () => {
    const { sessionId } = await openRoot(f);
    const { token } = f.auth.useDatabase(authenticate(f, sessionId), 'defaultdb');
    return { sessionId, token };
  };
  const closed = await tokenOf();
  f.auth.closeSession({ sessionId: closed.sessionId });
  assert.throws(() => f.auth.authenticate({ authorization: closed.token }), refusal('notLoggedIn'));
  const idle = await tokenOf();
  f.clock.advance(2 * MINUTE_MS + 1);
  assert.throws(() => f.auth.authenticate({ authorization: idle.token }), refusal('notLoggedIn'));
  const used = await tokenOf();
  f.clock.advance(2 * MINUTE_MS);
  f.auth.authenticate({ authorization: used.token });
  f.clock.advance(2 * MINUTE_MS);
  authenticate(f, used.sessionId);
  assert.equal(f.auth.stats().tokens, 1);
});

test('a session has one token, that of its database, also when asked with that token', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const { sessionId } = await openRoot(f);
  const first = f.auth.useDatabase(authenticate(f, sessionId), 'defaultdb').token;
  const byToken = f.auth.authenticate({ authorization: first });
  const second = f.auth.useDatabase(byToken, 'other').token;
  assert.throws(() => f.auth.authenticate({ authorization: first }), refusal('notLoggedIn'));
  assert.equal(f.auth.authenticate({ authorization: second }).database, 'other');
  assert.equal(authenticate(f, sessionId).database, 'other');
  assert.equal(f.auth.stats().tokens, 1);
});

test('a session that ended during a call does not select databases any more', async (t) => {
  const f = await openAuth(t);
  const { sessionId, caller } = await openRoot(f);
  f.auth.closeSession({ sessionId });
  assert.throws(() => f.auth.useDatabase(caller, 'defaultdb'), refusal('notLoggedIn'));
  assert.equal(f.auth.stats().tokens, 0);
});

test('session ids that a client makes up open nothing', async (t) => {
  const f = await openAuth(t);
  const { sessionId, caller } = await openRoot(f);
  const tried = [
    'nope',
    ' ',
    caller.loginId,
    sessionId.toLowerCase(),
    sessionId.slice(0, -1),
    ` ${sessionId}`,
    `${sessionId}, ${sessionId}`,
    '__proto__',
    'x'.repeat(1_000_000),
  ];
  for (const id of tried) {
    assert.throws(() => authenticate(f, id), refusal('sessionNotFound'));
  }
});
