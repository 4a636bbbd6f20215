import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUser, type User, withPermission } from '../../src/auth/user-record.js';
import { Users } from '../../src/auth/users.js';
import { refusal } from '../support/auth-fixture.js';
import { MemorySystemStore } from '../support/memory-system-store.js';

function user(name: string, fields: Partial<User> = {}): User {
  return {
    name,
    passwordHash: '$argon2id$',
    passwordSerial: 0,
    permissions: [],
    createdBy: 'immudb',
    createdAt: 0,
    active: true,
    ...fields,
  };
}

/** What a server started on the same store would know. */
async function reloaded(store: MemorySystemStore): Promise<User[]> {
  const users = new Users(store);
  await users.load();
  return users.all();
}

async function withAnna(): Promise<{ store: MemorySystemStore; users: Users }> {
  const store = new MemorySystemStore();
  const users = new Users(store);
  await users.change('anna', 'created', () => user('anna'));
  return { store, users };
}

test('changes of one user at the same time are all kept', async () => {
  const { store, users } = await withAnna();
  const names = Array.from({ length: 40 }, (_, i) => `db${i}`);
  await Promise.all(
    names.map((name) =>
      users.change('anna', 'permissions', (anna) => anna && withPermission(anna, name, 1)),
    ),
  );
  assert.equal(users.get('anna')?.permissions.length, 40);
  assert.deepEqual(await reloaded(store), users.all());
});

test('of two who create one user at once, one is told that he exists', async () => {
  const users = new Users(new MemorySystemStore());
  const create = () =>
    users.change('anna', 'created', (existing) => {
      if (existing !== undefined) throw new Error('exists');
      return user('anna');
    });
  const outcomes = await Promise.allSettled([create(), create()]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'rejected'],
  );
});

test('a write of somebody else in between is seen and built upon, never overwritten', async () => {
  const { store, users } = await withAnna();
  store.beforeNextPut = () => {
    store.overwrite('user:anna', encodeUser(user('anna', { active: false })));
  };
  await users.change('anna', 'permissions', (anna) => anna && withPermission(anna, 'db1', 2));
  const [anna] = await reloaded(store);
  assert.equal(anna?.active, false);
  assert.deepEqual(anna?.permissions, [{ database: 'db1', permission: 2 }]);
});

test('a change that meets a new conflict each time is given up', async () => {
  const { store, users } = await withAnna();
  const interfere = () => {
    store.overwrite('user:anna', encodeUser(user('anna')));
    store.beforeNextPut = interfere;
  };
  store.beforeNextPut = interfere;
  const change = users.change('anna', 'status', (anna) => anna && { ...anna, active: false });
  await assert.rejects(change, refusal('updateConflict'));
});

test('a change that could not be stored is not visible and does not stop later ones', async () => {
  const { store, users } = await withAnna();
  store.nextPutError = new Error('disk is full');
  const deactivate = () =>
    users.change('anna', 'status', (anna) => anna && { ...anna, active: false });
  await assert.rejects(deactivate(), /disk is full/);
  assert.equal(users.get('anna')?.active, true);
  await deactivate();
  assert.equal(users.get('anna')?.active, false);
});

test('nothing is written and nobody is told when nothing changes', async () => {
  const { store, users } = await withAnna();
  users.onChange(() => assert.fail('no change'));
  await users.change('anna', 'status', (anna) => anna);
  await users.change('otto', 'status', () => undefined);
  assert.equal(store.putCount, 1);
});

test('listeners hear of a change when it is stored, not before', async () => {
  const { store, users } = await withAnna();
  const heard: string[] = [];
  const giveUp = users.onChange(({ kind, user }) => heard.push(`${kind} ${user.name}`));
  store.beforeNextPut = () => assert.deepEqual(heard, []);
  await users.change('anna', 'status', (anna) => anna && { ...anna, active: false });
  assert.deepEqual(heard, ['status anna']);
  giveUp();
  await users.change('anna', 'status', (anna) => anna && { ...anna, active: true });
  assert.deepEqual(heard, ['status anna']);
});

test('forgetting a database takes it from everybody, however many there are', async () => {
  const store = new MemorySystemStore();
  for (let i = 0; i < 1_200; i++) {
    const permissions = [
      { database: 'gone', permission: 1 },
      { database: 'kept', permission: 2 },
    ] as const;
    store.overwrite(`user:u${i}`, encodeUser(user(`u${i}`, { permissions })));
  }
  const users = new Users(store);
  await users.load();
  await users.forgetDatabase('gone');
  for (const { permissions } of await reloaded(store)) {
    assert.deepEqual(permissions, [{ database: 'kept', permission: 2 }]);
  }
  assert.equal(store.putCount, 3);
});

test('a record that cannot be read keeps the layer from opening', async () => {
  const store = new MemorySystemStore();
  store.overwrite('user:anna', Buffer.from('{}'));
  await assert.rejects(new Users(store).load(), refusal('userRecordInvalid'));
});
