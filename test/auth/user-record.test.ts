import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeUser,
  encodeUser,
  goTimeText,
  isUserName,
  maySelect,
  type User,
  userInfo,
} from '../../src/auth/user-record.js';
import { bytes, refusal } from '../support/auth-fixture.js';

const ANNA: User = {
  name: 'anna',
  passwordHash: '$argon2id$v=19$m=64,t=1,p=1$abc$def',
  passwordSerial: 3,
  permissions: [{ database: 'defaultdb', permission: 2 }],
  createdBy: 'immudb',
  createdAt: 1_700_000_000_123,
  active: true,
};

test('a user reads back as it was written', () => {
  assert.deepEqual(decodeUser('anna', encodeUser(ANNA)), ANNA);
});

test('what is listed of a user has no password hash', () => {
  assert.deepEqual(Object.keys(userInfo(ANNA)).sort(), [
    'active',
    'createdAt',
    'createdBy',
    'name',
    'permissions',
  ]);
});

test('a record that does not hold exactly a user of that name is refused', () => {
  const good = JSON.parse(Buffer.from(encodeUser(ANNA)).toString()) as Record<string, unknown>;
  const wrong: Array<Record<string, unknown>> = [
    { format: 2 },
    { name: 'otto' },
    { passwordHash: 7 },
    { passwordHash: '' },
    { passwordSerial: 1.5 },
    { permissions: 'all' },
    { permissions: [null] },
    { permissions: [{ database: 'defaultdb', permission: 4294967295 }] },
    { permissions: [{ permission: 1 }] },
    { createdBy: null },
    { createdAt: '2026' },
    { active: 1 },
  ];
  for (const change of wrong) {
    const record = bytes(JSON.stringify({ ...good, ...change }));
    assert.throws(() => decodeUser('anna', record), refusal('userRecordInvalid'));
  }
  for (const text of ['', 'null', '[]', '{', '"anna"']) {
    assert.throws(() => decodeUser('anna', bytes(text)), refusal('userRecordInvalid'));
  }
});

test('user names are 1 to 63 ASCII letters, digits and underscores', () => {
  for (const name of ['a', 'A_9', '__proto__', 'x'.repeat(63)]) assert.ok(isUserName(name), name);
  for (const name of ['', 'a b', 'a-b', 'ä', 'a\n', 'x'.repeat(64), 'a\u0000']) {
    assert.ok(!isUserName(name), name);
  }
});

test('a database is selected by 1, 2 and 254 on it, or by 255 on all, but not by 255 on it alone', () => {
  const holding = (database: string, permission: 0 | 1 | 2 | 254 | 255): User => ({
    ...ANNA,
    permissions: [{ database, permission }],
  });
  for (const permission of [1, 2, 254] as const) {
    assert.ok(maySelect(holding('defaultdb', permission), 'defaultdb'));
    assert.ok(!maySelect(holding('defaultdb', permission), 'other'));
  }
  assert.ok(maySelect(holding('*', 255), 'other'));
  assert.ok(!maySelect(holding('defaultdb', 255), 'defaultdb'));
  assert.ok(!maySelect(holding('defaultdb', 0), 'defaultdb'));
  assert.ok(!maySelect(holding('*', 254), 'defaultdb'));
});

test('times read as Go prints them, without trailing zeros', () => {
  const at = (ms: number) => goTimeText(Date.UTC(2021, 3, 8, 15, 33, 50) + ms);
  assert.equal(at(5_123), '2021-04-08 15:33:55.123 +0000 UTC');
  assert.equal(at(120), '2021-04-08 15:33:50.12 +0000 UTC');
  assert.equal(at(7), '2021-04-08 15:33:50.007 +0000 UTC');
  assert.equal(at(0), '2021-04-08 15:33:50 +0000 UTC');
});
