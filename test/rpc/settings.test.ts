import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DatabaseSettings } from '../../src/database/index.js';
import {
  oldSettingsUpdateFrom,
  settingsToMessage,
  settingsUpdateFrom,
} from '../../src/rpc/convert/settings.js';
import { RpcError, type RpcErrorCode } from '../../src/rpc/rpc-error.js';
import { pb } from '../../src/wire/index.js';
import { RpcFixture } from './fixture.js';

const SETTINGS: DatabaseSettings = {
  maxKeyLen: 1024,
  maxValueLen: 33_554_432,
  maxTxEntries: 1024,
  excludeCommitTime: false,
  writeTxHeaderVersion: 'auto',
  autoload: true,
  readOnly: false,
  retentionPeriodMs: 0,
  truncationFrequencyMs: 86_400_000,
  kept: {},
};

type Message = Parameters<typeof pb.encodeDatabaseNullableSettings>[0];

function decoded(message: Message): pb.DatabaseNullableSettings {
  return pb.decodeDatabaseNullableSettings(pb.encodeDatabaseNullableSettings(message));
}

function refusal(code: RpcErrorCode) {
  return (error: unknown) => error instanceof RpcError && error.code === code;
}

/** All fields of a message, nested ones dotted. */
function fieldsOf(message: object, prefix = ''): string[] {
  return Object.entries(message).flatMap(([name, value]: [string, object | undefined]) => {
    if (value === undefined) return [];
    return 'value' in value ? [prefix + name] : fieldsOf(value, `${prefix}${name}.`);
  });
}

test('a database without special settings shows every field, filled', () => {
  const shown = fieldsOf(decoded(settingsToMessage(SETTINGS)));
  assert.equal(shown.length, 21 + 13 + 15 + 2 + 2);
  assert.ok(shown.includes('indexSettings.bulkPreparationTimeout'));
  assert.ok(shown.includes('replicationSettings.waitForIndexing'));
});

test('what is set comes back as it was, whether it has an effect here or not', () => {
  const message = decoded({
    fileSize: { value: 1024 },
    maxKeyLen: { value: 64 },
    excludeCommitTime: { value: true },
    embeddedValues: { value: true },
    syncFrequency: { value: 7 },
    indexSettings: { cleanupPercentage: { value: 0.5 }, renewSnapRootAfter: { value: 5 } },
    ahtSettings: { syncThreshold: { value: 3 } },
    truncationSettings: { retentionPeriod: { value: 90_000_000 } },
    replicationSettings: { allowTxDiscarding: { value: true } },
  });
  const { kept, ...update } = settingsUpdateFrom(message);
  const settings = { ...SETTINGS, ...update, kept: { ...kept } };
  const again = decoded(settingsToMessage(settings));
  for (const name of fieldsOf(message)) {
    const pick = (from: unknown) =>
      name.split('.').reduce<unknown>((m, part) => (m as Record<string, unknown>)[part], from);
    assert.deepEqual(pick(again), pick(message), name);
  }
});

test('a setting that is absent stays as it is', () => {
  assert.deepEqual(settingsUpdateFrom(undefined), {});
  assert.deepEqual(settingsUpdateFrom(decoded({})), {});
});

test('to be a replica, or to wait for one, is refused in plain words', () => {
  for (const replicationSettings of [
    { replica: { value: true } },
    { primaryHost: { value: 'example.org' } },
    { primaryPassword: { value: 'secret' } },
    { syncReplication: { value: true } },
    { syncAcks: { value: 1 } },
  ]) {
    const update = () => settingsUpdateFrom(decoded({ replicationSettings }));
    assert.throws(update, refusal('replicationUnsupported'));
    assert.throws(update, (error: Error) => !error.message.includes('secret'));
  }
  const off = { replica: { value: false }, primaryHost: { value: '' }, syncAcks: { value: 0 } };
  assert.deepEqual(settingsUpdateFrom(decoded({ replicationSettings: off })), {});
  const old = pb.decodeDatabaseSettings(pb.encodeDatabaseSettings({ replica: true }));
  assert.throws(() => oldSettingsUpdateFrom(old), refusal('replicationUnsupported'));
});

test('numbers that mean nothing are refused', () => {
  const version = decoded({ writeTxHeaderVersion: { value: 2 } });
  assert.throws(() => settingsUpdateFrom(version), refusal('settingUnsupported'));
  const percentage = decoded({ indexSettings: { cleanupPercentage: { value: Number.NaN } } });
  assert.throws(() => settingsUpdateFrom(percentage), refusal('settingUnsupported'));
});

test('header version 0 is shown as 0, one that is not fixed yet as 1', () => {
  const shown = (writeTxHeaderVersion: DatabaseSettings['writeTxHeaderVersion']) =>
    settingsToMessage({ ...SETTINGS, writeTxHeaderVersion }).writeTxHeaderVersion?.value;
  assert.deepEqual(
    ['auto', 0, '0-only', 1].map((v) => shown(v as 'auto')),
    [1, 0, 0, 1],
  );
});

test('a database that was asked to write version 0 refuses metadata', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const settings = { writeTxHeaderVersion: { value: 0 } };
  await client.call('CreateDatabaseV2', { name: 'old', settings });
  await client.useDatabase('old');
  const key = Buffer.from('k');
  const header = await client.call('Set', { KVs: [{ key, value: key }] });
  assert.equal(header.version, 0);
  await assert.rejects(client.call('Delete', { keys: [key] }), {
    details: /^metadata is unsupported/,
  });
});

test('a database is made, listed, unloaded, deleted, and made anew without old rights', async (t) => {
  const fixture = await RpcFixture.start(t);
  const admin = await fixture.loggedIn();
  await admin.call('CreateDatabase', { databaseName: 'Ledger' });
  const user = Buffer.from('alice');
  const password = Buffer.from('Passw0rd!');
  await admin.call('CreateUser', { user, password, permission: 254, database: 'ledger' });
  const names = async () =>
    (await admin.call('DatabaseList', {})).databases.map(({ databaseName }) => databaseName);
  assert.deepEqual(await names(), ['defaultdb', 'ledger']);
  const alice = await fixture.loggedIn('alice', 'Passw0rd!');
  await alice.useDatabase('ledger');
  await alice.call('UnloadDatabase', { database: 'ledger' });
  const closed = { code: 2, details: 'already closed' };
  await assert.rejects(alice.call('CurrentState', {}), closed);
  await assert.rejects(alice.useDatabase('ledger'), closed);
  await alice.call('DeleteDatabase', { database: 'ledger' });
  assert.deepEqual(await names(), ['defaultdb']);
  const reserved = { code: 13, details: 'database is reserved' };
  for (const name of ['defaultdb', 'systemdb']) {
    const create = admin.call('CreateDatabaseV2', { name, ifNotExists: true });
    await assert.rejects(create, reserved);
  }
  await admin.call('CreateDatabaseV2', { name: 'ledger' });
  const again = await fixture.loggedIn('alice', 'Passw0rd!');
  await assert.rejects(again.useDatabase('ledger'), { code: 7 });
});
