import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertPasswordRule, DEFAULT_HASH_COST, PasswordHasher } from '../../src/auth/passwords.js';
import { bytes, CHEAP_HASH, refusal, STRONG } from '../support/auth-fixture.js';

test('a password of 8 to 64 characters with an upper-case letter, a digit and a sign is accepted', () => {
  const accepted = [
    'Passw0rd!',
    'Aa1!aaaa',
    `Aa1!${'a'.repeat(60)}`,
    'Äpfel-2026',
    'ПАРОЛЬ1€',
    `A1!${'😀'.repeat(5)}`,
    `A1!${'😀'.repeat(61)}`,
  ];
  for (const password of accepted) assert.doesNotThrow(() => assertPasswordRule(bytes(password)));
});

test('a password that is short, long, without a class, or with other characters is refused', () => {
  const refused = [
    'Aa1!aaa',
    `Aa1!${'a'.repeat(61)}`,
    'passw0rd!',
    'Password!',
    'Passw0rds',
    'Passw0rd! ',
    'Pass w0rd!',
    'Passw0rd!\t',
    'Passw0rd!\u0000',
    'x',
    `A1!${'a'.repeat(2_000_000)}`,
  ];
  for (const password of refused) {
    assert.throws(
      () => assertPasswordRule(bytes(password)),
      refusal('passwordWeak'),
      password.slice(0, 80),
    );
  }
  const notText = Uint8Array.of(...bytes('Passw0rd!'), 0xff, 0xfe);
  assert.throws(() => assertPasswordRule(notText), refusal('passwordWeak'));
});

test('an empty password has a refusal of its own', () => {
  assert.throws(() => assertPasswordRule(bytes('')), refusal('passwordEmpty'));
});

test('the text names the rule with 64', () => {
  assert.throws(() => assertPasswordRule(bytes('x')), {
    message:
      'password must have between 8 and 64 letters, digits and special characters of which at ' +
      'least 1 uppercase letter, 1 digit and 1 special character',
  });
});

test('hashes are argon2id with 19 MiB, two passes and one lane', async () => {
  const hasher = new PasswordHasher(32, DEFAULT_HASH_COST);
  const hash = await hasher.hash(bytes(STRONG));
  assert.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  await hasher.prepare();
  assert.equal(await hasher.verify(hash, bytes(STRONG)), true);
  assert.equal(await hasher.verify(hash, bytes('Passw0rd?')), false);
  assert.equal(hasher.needsRehash(hash), false);
});

test('a hash made with other costs is seen as one to renew', async () => {
  const cheap = await new PasswordHasher(32, CHEAP_HASH).hash(bytes(STRONG));
  assert.equal(new PasswordHasher(32, DEFAULT_HASH_COST).needsRehash(cheap), true);
});

test('no user, or a password longer than any, verifies as false after one hash all the same', async () => {
  const hasher = new PasswordHasher(32, CHEAP_HASH);
  await hasher.prepare();
  const long = bytes('A'.repeat(1025));
  const hashOfPart = await hasher.hash(long.subarray(0, 1024));
  assert.equal(await hasher.verify(undefined, bytes(STRONG)), false);
  assert.equal(await hasher.verify(hashOfPart, long), false);
  assert.equal(await hasher.verify(hashOfPart, long.subarray(0, 1024)), true);
});

for (const [cores, atOnce] of [
  [1, 1],
  [2, 1],
  [4, 2],
  [64, 2],
] as const) {
  test(`on ${cores} cores ${atOnce} run at a time, 3 wait, and one more is refused`, async () => {
    const hasher = new PasswordHasher(3, CHEAP_HASH, cores);
    const admitted = Array.from({ length: atOnce + 3 }, () => hasher.hash(bytes(STRONG)));
    assert.equal(hasher.pending, atOnce + 3);
    await assert.rejects(hasher.hash(bytes(STRONG)), refusal('passwordQueueFull'));
    await assert.rejects(hasher.verify('$argon2id$', bytes('x')), refusal('passwordQueueFull'));
    await Promise.all(admitted);
    assert.equal(hasher.pending, 0);
    await hasher.hash(bytes(STRONG));
  });
}

test('a check that fails gives its place back', async () => {
  const hasher = new PasswordHasher(1, CHEAP_HASH, 1);
  await assert.rejects(hasher.verify('not a hash', bytes('x')));
  assert.equal(hasher.pending, 0);
  await hasher.hash(bytes(STRONG));
});
