import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import jwt from 'jsonwebtoken';
import { type AuthFixture, openAuth, refusal, STRONG } from '../support/auth-fixture.js';
import { MemorySystemStore } from '../support/memory-system-store.js';

const DAY_MS = 24 * 3_600_000;

function authenticate(fixture: AuthFixture, token: string) {
  return fixture.auth.authenticate({ authorization: `Bearer ${token}` });
}

function keyOf(fixture: AuthFixture): Promise<Buffer> {
  return readFile(path.join(fixture.folder, 'token.key'));
}

/** A small generator, so that a failing run can be repeated. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test('a token is a JWT signed with HS256 that names user, database, audience, id and end', async (t) => {
  const f = await openAuth(t);
  const { token, caller } = await f.login('immudb', 'immudb');
  const decoded = jwt.verify(token, await keyOf(f), {
    complete: true,
    clockTimestamp: f.clock.now() / 1000,
  });
  assert.deepEqual(decoded.header, { alg: 'HS256', typ: 'JWT' });
  const issuedAt = Math.floor(f.clock.now() / 1000);
  assert.deepEqual(decoded.payload, {
    jti: caller.loginId,
    sub: 'immudb',
    aud: 'stele',
    db: 'defaultdb',
    iat: issuedAt,
    exp: issuedAt + DAY_MS / 1000,
  });
});

test('a token is good until it expires, and its lifetime is an option', async (t) => {
  const f = await openAuth(t, { tokenLifetimeMs: 60_000 });
  const { token } = await f.login('immudb', 'immudb');
  f.clock.advance(59_000);
  authenticate(f, token);
  f.clock.advance(1_000);
  assert.throws(() => authenticate(f, token), refusal('tokenExpired'));
  assert.throws(() => authenticate(f, token), refusal('tokenExpired'));
  assert.equal(f.auth.stats().tokens, 0);
});

test('sweeping removes what has expired and ends its streams', async (t) => {
  const f = await openAuth(t);
  const { caller } = await f.login('immudb', 'immudb');
  const ended = new Promise<void>((resolve) => caller.onEnd(resolve));
  f.clock.advance(DAY_MS);
  f.auth.sweep();
  await ended;
  assert.equal(f.auth.stats().tokens, 0);
});

test('logout ends the token it came with and no other', async (t) => {
  const f = await openAuth(t);
  const first = await f.login('immudb', 'immudb');
  const second = await f.login('immudb', 'immudb');
  const inside = f.auth.useDatabase(first.caller, 'defaultdb');
  assert.equal(new Set([first.token, second.token, inside.token]).size, 3);
  f.auth.logout({ authorization: `Bearer ${first.token}` });
  assert.throws(() => authenticate(f, first.token), refusal('notLoggedIn'));
  authenticate(f, second.token);
  authenticate(f, inside.token);
  assert.equal(first.caller.ended, true);
  assert.equal(second.caller.ended, false);
});

test('a token that was ended stays ended when its user logs in again', async (t) => {
  const f = await openAuth(t);
  const { token } = await f.login('immudb', 'immudb');
  f.auth.logout({ authorization: token });
  await f.login('immudb', 'immudb');
  assert.throws(() => authenticate(f, token), refusal('notLoggedIn'));
  assert.throws(() => f.auth.logout({ authorization: token }), refusal('logoutWithoutLogin'));
});

test('a change of password, permissions or status ends all tokens of the user, and of him alone', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'alice');
  await f.createUser(root, 'bystander');
  const bystander = await f.login('bystander');
  const changes = [
    () => f.grant(root, 'alice', 'defaultdb', 2),
    () => f.revoke(root, 'alice', 'defaultdb'),
    () =>
      f.auth.changePassword(root, {
        userName: 'alice',
        oldPassword: Buffer.alloc(0),
        newPassword: Buffer.from(STRONG),
      }),
    () => f.auth.setActiveUser(root, 'alice', false),
  ];
  for (const change of changes) {
    const tokens = [await f.login('alice'), await f.login('alice')];
    await change();
    for (const { token, caller } of tokens) {
      assert.equal(caller.ended, true);
      assert.throws(() => authenticate(f, token), refusal('notLoggedIn'));
    }
  }
  authenticate(f, bystander.token);
});

test('a change that changes nothing ends nothing', async (t) => {
  const f = await openAuth(t);
  const root = await f.root();
  await f.createUser(root, 'alice', 1);
  const { token } = await f.login('alice');
  await f.grant(root, 'alice', 'defaultdb', 1);
  await f.auth.setActiveUser(root, 'alice', true);
  authenticate(f, token);
});

test('a restart ends all tokens, although the key stays', async (t) => {
  const store = new MemorySystemStore();
  const f = await openAuth(t, { store });
  const { token } = await f.login('immudb', 'immudb');
  const key = await keyOf(f);
  f.auth.dispose();
  const again = await openAuth(t, {
    store,
    tokenKeyPath: path.join(f.folder, 'token.key'),
  });
  assert.throws(() => authenticate(again, token), refusal('notLoggedIn'));
  assert.deepEqual(await keyOf(f), key);
});

test('tokens made in other ways are refused: algorithm none, other keys, other claims', async (t) => {
  const f = await openAuth(t);
  const { token } = await f.login('immudb', 'immudb');
  const key = await keyOf(f);
  const claims = jwt.decode(token) as jwt.JwtPayload;
  const [head = '', body = '', signature = ''] = token.split('.');
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (header: string, payload: string, secret: Buffer, hash = 'sha256') =>
    `${header}.${payload}.${createHmac(hash, secret).update(`${header}.${payload}`).digest('base64url')}`;
  const none = encode({ alg: 'none', typ: 'JWT' });
  const hs512 = encode({ alg: 'HS512', typ: 'JWT' });
  const forged = [
    `${none}.${body}.`,
    `${none}.${body}.${signature}`,
    `${encode({ alg: 'None' })}.${body}.`,
    `${encode({ alg: 'RS256', typ: 'JWT' })}.${body}.${signature}`,
    `${head}.${encode({ ...claims, sub: 'other' })}.${signature}`,
    `${head}.${encode({ ...claims, exp: 9_999_999_999 })}.${signature}`,
    signed(head, body, Buffer.alloc(32)),
    signed(head, body, Buffer.from('')),
    signed(hs512, body, key, 'sha512'),
    signed(head, encode({ ...claims, aud: 'somebody else' }), key),
    `${head}.${body}`,
    `${head}..${signature}`,
    '..',
    '.',
    'garbage',
    'v2.public.abc',
    `${token}.`,
    `${token}x`,
    `${token}=`,
    token.slice(0, -1),
    'A'.repeat(1_000_000),
    `${token}${'A'.repeat(1_000_000)}`,
    `${head}.${'A'.repeat(1_000_000)}.${signature}`,
  ];
  for (const text of forged) {
    assert.throws(() => authenticate(f, text), refusal('invalidToken'), text.slice(0, 100));
  }
  // Well signed, but never given out: whoever has the key alone is not let in.
  const own = [
    signed(head, encode({ ...claims, jti: 'another' }), key),
    signed(head, encode({ ...claims, sub: 'somebody' }), key),
    signed(encode({ typ: 'JWT', alg: 'HS256' }), body, key),
  ];
  for (const text of own) assert.throws(() => authenticate(f, text), refusal('notLoggedIn'));
  authenticate(f, token);
});

test('of 10,000 mutations of a good token none is accepted', async (t) => {
  const f = await openAuth(t);
  const { token } = await f.login('immudb', 'immudb');
  const seed = 20260102;
  const below = randomFrom(seed);
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.+/ ';
  const letter = () => letters[below(letters.length)] ?? 'A';
  const mutations: Array<(text: string, at: number) => string> = [
    (text, at) => text.slice(0, at) + letter() + text.slice(at + 1),
    (text, at) => text.slice(0, at) + letter() + text.slice(at),
    (text, at) => text.slice(0, at) + text.slice(at + 1),
    (text, at) => text.slice(0, at) + text.slice(at + below(20)),
    (text, at) => text.slice(at) + text.slice(0, at),
    (text) => text.slice(0, -1) + letter(),
  ];
  let tried = 0;
  while (tried < 10_000) {
    const mutate = mutations[below(mutations.length)];
    let text = mutate?.(token, below(token.length)) ?? '';
    if (below(3) === 0) text = mutate?.(text, below(text.length)) ?? '';
    if (text.trim() === token) continue;
    tried++;
    const refused = (error: unknown) => refusal('invalidToken')(error);
    try {
      authenticate(f, text);
    } catch (error) {
      const code = (error as { code?: string }).code;
      // Another spelling of the same signature is well signed, and still not the token.
      if (code !== 'notLoggedIn') refused(error);
      continue;
    }
    assert.fail(`accepted, seed ${seed}: ${text}`);
  }
});

test('a full user loses the token that was unused for longest, never one in use', async (t) => {
  const f = await openAuth(t, { maxTokensPerUser: 3 });
  const first = await f.login('immudb', 'immudb');
  const second = await f.login('immudb', 'immudb');
  await f.login('immudb', 'immudb');
  await assert.rejects(f.login('immudb', 'immudb'), refusal('tooManyTokensOfUser'));
  f.clock.advance(14 * 60_000);
  authenticate(f, first.token);
  f.clock.advance(60_000);
  await f.login('immudb', 'immudb');
  assert.equal(second.caller.ended, true);
  authenticate(f, first.token);
  assert.equal(f.auth.stats().tokens, 3);
});

test('the total is bounded, and a user without tokens is then refused', async (t) => {
  const f = await openAuth(t, { maxTokens: 2 });
  await f.createUser(await f.root(), 'alice');
  await f.login('immudb', 'immudb');
  f.clock.advance(3_600_000);
  await assert.rejects(f.login('alice'), refusal('tooManyTokens'));
  await f.login('immudb', 'immudb');
  assert.equal(f.auth.stats().tokens, 2);
});

test('who a known token belongs to is found in less than 5 microseconds', async (t) => {
  const f = await openAuth(t);
  const { token } = await f.login('immudb', 'immudb');
  const header = `Bearer ${token}`;
  const rounds = 20_000;
  let best = Number.POSITIVE_INFINITY;
  for (let repeat = 0; repeat < 5; repeat++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < rounds; i++) f.auth.authenticate({ authorization: header });
    best = Math.min(best, Number(process.hrtime.bigint() - start) / rounds);
  }
  assert.ok(best < 5_000, `${best} ns`);
});
