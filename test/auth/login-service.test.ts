import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUTH_ERROR_CODES, AuthError } from '../../src/auth/index.js';
import { DEFAULT_HASH_COST } from '../../src/auth/passwords.js';
import { bytes, CHEAP_HASH, openAuth, refusal, STRONG } from '../support/auth-fixture.js';
import { MemorySystemStore } from '../support/memory-system-store.js';

/** Half of the sorted numbers are below it. */
function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}

test('a login is bound to defaultdb when the user may select it', async (t) => {
  const f = await openAuth(t, { databases: ['defaultdb', 'other'] });
  const root = await f.root();
  await f.createUser(root, 'reader', 1);
  await f.createUser(root, 'stranger', 2, 'other');
  assert.equal(root.database, 'defaultdb');
  assert.equal((await f.login('reader')).caller.database, 'defaultdb');
  assert.equal((await f.login('stranger')).caller.database, undefined);
});

test('only immudb with the default password is warned', async (t) => {
  const f = await openAuth(t);
  const warning = async (userName: string, password: string) =>
    (await f.auth.login({ userName, password: bytes(password) })).warning;
  const text = 'immudb user has the default password: please change it to ensure proper security';
  assert.equal(await warning('immudb', 'immudb'), text);
  await f.createUser(await f.root(), 'alice');
  assert.equal(await warning('alice', STRONG), '');
  const other = await openAuth(t, { adminPassword: 'something else' });
  const { warning: none } = await other.auth.login({
    userName: 'immudb',
    password: bytes('something else'),
  });
  assert.equal(none, '');
});

test('an unknown user and a wrong password get one answer, in every form', async (t) => {
  const f = await openAuth(t);
  const tries = [
    ['immudb', 'wrong'],
    ['immudb', ''],
    ['', ''],
    ['nobody', 'wrong'],
    ['im mudb', 'immudb'],
    ['IMMUDB', 'immudb'],
    ['immudb\u0000', 'immudb'],
    ['__proto__', 'immudb'],
    ['immudb', 'immudb '],
    ['immudb', 'x'.repeat(1_000_000)],
  ] as const;
  for (const [userName, password] of tries) {
    const wanted = { code: 'invalidCredentials', message: 'invalid user name or password' };
    await assert.rejects(f.login(userName, password), wanted);
    await assert.rejects(f.openSession(userName, password, 'nodb'), wanted);
    f.clock.advance(11 * 60_000);
  }
});

test('an unknown user takes as long as a wrong password', async (t) => {
  const f = await openAuth(t, { hashCost: DEFAULT_HASH_COST, loginFailuresBeforeDelay: 0 });
  const times: Record<string, number[]> = { immudb: [], nobody: [] };
  for (let i = 0; i < 25; i++) {
    for (const [name, taken] of Object.entries(times)) {
      const start = performance.now();
      await assert.rejects(f.login(name, 'wrong'), refusal('invalidCredentials'));
      taken.push(performance.now() - start);
    }
  }
  const [known, unknown] = [median(times.immudb ?? []), median(times.nobody ?? [])];
  // One hash takes many milliseconds; leaving it out would show at once.
  assert.ok(known > 5 && unknown > 5, `${known} ${unknown}`);
  assert.ok(Math.abs(known - unknown) < known / 2, `${known} ${unknown}`);
});

test('an inactive user with the right password learns it, with a wrong one he does not', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'alice');
  await f.auth.setActiveUser(root, 'alice', false);
  await assert.rejects(f.login('alice'), refusal('userInactive'));
  await assert.rejects(f.login('alice', 'wrong'), refusal('invalidCredentials'));
});

test('a login that waits while its user is changed counts by what he is afterwards', async (t) => {
  const f = await openAuth(t, { hashCost: DEFAULT_HASH_COST });
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  const [granted] = await Promise.all([f.login('alice'), f.grant(root, 'alice', 'defaultdb', 2)]);
  assert.equal(granted.caller.permissionOn('defaultdb'), 2);
  assert.equal(granted.caller.ended, false);
  const [late] = await Promise.allSettled([
    f.login('alice'),
    f.auth.setActiveUser(root, 'alice', false),
  ]);
  assert.equal(late.status, 'rejected');
  // Only the one of the first user is left.
  assert.equal(f.auth.stats().tokens, 1);
});

test('a login with the old password never outlives a change of password', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'alice');
  for (let round = 0; round < 20; round++) {
    const logins = Array.from({ length: 5 }, () => f.login('alice'));
    const change = f.auth.changePassword(root, {
      userName: 'alice',
      oldPassword: bytes(''),
      newPassword: bytes('0ther-Word'),
    });
    logins.push(f.login('alice'));
    const outcomes = await Promise.allSettled(logins);
    await change;
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') assert.equal(outcome.value.caller.ended, true);
      else refusal('invalidCredentials')(outcome.reason);
    }
    await f.auth.changePassword(root, {
      userName: 'alice',
      oldPassword: bytes(''),
      newPassword: bytes(STRONG),
    });
  }
});

test('more logins than may wait are refused, and name the option', async (t) => {
  const f = await openAuth(t, { passwordHashQueue: 2 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, () => f.login('immudb', 'immudb')),
  );
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert.ok(refused.length >= 16 && refused.length <= 17);
  for (const { reason } of refused) {
    assert.ok(reason instanceof AuthError);
    assert.equal(reason.code, 'passwordQueueFull');
    assert.match(reason.message, /--password-hash-queue/);
  }
  assert.equal(f.auth.stats().pendingLogins, 0);
  assert.equal(f.auth.stats().failedLogins, 0);
  await f.login('immudb', 'immudb');
});

test('guessing is slowed down after ten failures, and the owner still gets in', async (t) => {
  const f = await openAuth(t);
  await f.createUser(await f.root(), 'alice');
  for (let i = 0; i < 10; i++) {
    await assert.rejects(f.login('alice', 'wrong'), refusal('invalidCredentials'));
  }
  await assert.rejects(f.login('alice', STRONG), refusal('loginThrottled'));
  await f.login('immudb', 'immudb');
  f.clock.advance(1_000);
  await f.login('alice', STRONG);
  assert.equal(f.auth.stats().failedLogins, 10);
  assert.equal(f.auth.stats().throttledLogins, 1);
});

test('a login renews a hash made with other costs, and ends nothing by it', async (t) => {
  const store = new MemorySystemStore();
  const cheap = await openAuth(t, { store, hashCost: CHEAP_HASH });
  cheap.auth.dispose();
  const hashNow = () => Buffer.from(store.get('user:immudb')?.value ?? []).toString();
  const f = await openAuth(t, { store, hashCost: { ...CHEAP_HASH, memoryCost: 128 } });
  const logins = await Promise.all([f.root(), f.root(), f.root()]);
  while (f.auth.stats().pendingLogins > 0 || hashNow().includes('m=64,')) {
    await new Promise(setImmediate);
  }
  assert.match(hashNow(), /m=128,/);
  assert.equal(store.putCount, 2);
  assert.ok(logins.every((login) => !login.ended));
  await f.root();
});

test('no refusal repeats a password or a token', async (t) => {
  const f = await openAuth(t);
  const { token } = await f.login('immudb', 'immudb');
  for (const attempt of [
    () => f.login('immudb', 'S3cret-Word'),
    () => f.login('nobody', 'S3cret-Word'),
    async () => f.auth.authenticate({ authorization: `${token}x` }),
  ]) {
    await assert.rejects(attempt, (error: Error) => {
      const text = `${error.stack} ${String(error.cause)}`;
      return !text.includes('S3cret-Word') && !text.includes(token);
    });
  }
});

test('every code has a text, and no text carries a status', () => {
  assert.ok(AUTH_ERROR_CODES.length > 50);
  for (const code of AUTH_ERROR_CODES) {
    const { message } = new AuthError(code, { subject: 'x' });
    assert.notEqual(message, '', code);
    assert.doesNotMatch(message, /rpc error|undefined/, code);
  }
});
