import assert from 'node:assert/strict';
import { existsSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { DatabaseSettingsUpdate } from '../../src/database/index.js';
import {
  bytes,
  type DatabasesFixture,
  keyRequest,
  kv,
  openDatabases,
  refusal,
  SESSION,
  TOKEN,
} from '../support/database-fixture.js';

const CREATE = { createdBy: 'somebody', ifNotExists: false };

function create(fixture: DatabasesFixture, name: string, update: DatabaseSettingsUpdate = {}) {
  return fixture.manager.create(name, update, CREATE);
}

async function restart(fixture: DatabasesFixture): Promise<void> {
  await fixture.manager.close();
  await fixture.open();
}

/** Folder of a database. */
function folderOf(fixture: DatabasesFixture, name: string): string {
  const folder = path.join(fixture.dir, 'databases');
  const [own] = readdirSync(folder).filter((one) => one.startsWith(`${name}.`));
  return path.join(folder, own as string);
}

test('a new directory has the system database and the default one', async (t) => {
  const fixture = await openDatabases(t);
  const { manager } = fixture;
  assert.deepEqual(
    manager.list().map(({ name }) => name),
    ['defaultdb'],
  );
  assert.equal(manager.exists('systemdb'), true);
  assert.equal(manager.system.name, 'systemdb');
  assert.equal(await manager.open('systemdb'), manager.system);
  assert.deepEqual(
    manager.opened().map(({ name }) => name),
    ['systemdb', 'defaultdb'],
  );
});

test('a created database is there with its settings, also after a restart', async (t) => {
  const fixture = await openDatabases(t);
  const update = { maxKeyLen: 100, readOnly: false, kept: { fileSize: 5, 'ahtSettings.x': true } };
  const { info, alreadyExisted } = await create(fixture, 'MixedCase_1', update);
  assert.equal(alreadyExisted, false);
  assert.deepEqual(
    [info.name, info.loaded, info.numTransactions, info.createdAt, info.createdBy],
    ['mixedcase_1', true, 0, fixture.nowSeconds, 'somebody'],
  );
  assert.equal(info.settings.maxKeyLen, 100);
  assert.equal(info.settings.maxValueLen, 33_554_432);
  const database = await fixture.manager.open('mixedcase_1');
  await database.set([kv('a', '1')], SESSION);
  const before = fixture.manager.info('mixedcase_1');
  assert.equal(before.numTransactions, 1);
  assert.ok(before.diskSize > 0);
  await restart(fixture);
  assert.deepEqual(fixture.manager.info('mixedcase_1'), before);
  const again = await fixture.manager.open('mixedcase_1');
  assert.deepEqual(again.settings, database.settings);
  assert.equal(again.get(keyRequest('a')).tx, 1);
  assert.deepEqual(
    fixture.manager.list().map(({ name }) => name),
    ['defaultdb', 'mixedcase_1'],
  );
});

test('databases are listed in the order of their creation', async (t) => {
  const fixture = await openDatabases(t);
  for (const name of ['c', 'a', 'b']) await create(fixture, name);
  await restart(fixture);
  assert.deepEqual(
    fixture.manager.list().map(({ name }) => name),
    ['defaultdb', 'c', 'a', 'b'],
  );
});

test('names that are taken, reserved or malformed are refused', async (t) => {
  const fixture = await openDatabases(t);
  await create(fixture, 'taken');
  const cases = [
    ['taken', 'databaseExists'],
    ['TAKEN', 'databaseExists'],
    ['systemdb', 'databaseReserved'],
    ['defaultdb', 'databaseReserved'],
    ['', 'databaseNameLength'],
    ['n'.repeat(129), 'databaseNameLength'],
    ['with space', 'databaseNameCharacter'],
    ['with-dash', 'databaseNamePunctuation'],
    ['../up', 'databaseNamePunctuation'],
    ['a/b', 'databaseNamePunctuation'],
    ['nul\0', 'databaseNameCharacter'],
  ] as const;
  for (const [name, code] of cases)
    await assert.rejects(create(fixture, name), refusal(code), name);
  await create(fixture, 'n'.repeat(128));
  const existing = await fixture.manager.create(
    'taken',
    { maxKeyLen: 7 },
    { ...CREATE, ifNotExists: true },
  );
  assert.equal(existing.alreadyExisted, true);
  assert.equal(existing.info.settings.maxKeyLen, 1024);
});

test('two that create the same database at once: one does, the other is told', async (t) => {
  const fixture = await openDatabases(t);
  const results = await Promise.allSettled([create(fixture, 'one'), create(fixture, 'one')]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
});

test('a database that is not there, or not loaded, is refused', async (t) => {
  const fixture = await openDatabases(t);
  const { manager } = fixture;
  const notFound = refusal('databaseNotFound', 'database does not exist');
  await assert.rejects(async () => manager.open('none'), notFound);
  assert.throws(() => manager.info('none'), notFound);
  await assert.rejects(manager.load('none'), notFound);
  await assert.rejects(manager.unload('none'), notFound);
  await assert.rejects(manager.delete('none'), notFound);
  await assert.rejects(manager.updateSettings('none', {}), notFound);
  for (const name of ['defaultdb', 'systemdb']) {
    const reserved = refusal('databaseReserved', 'database is reserved');
    await assert.rejects(manager.load(name), reserved);
    await assert.rejects(manager.unload(name), reserved);
    await assert.rejects(manager.delete(name), reserved);
    await assert.rejects(manager.updateSettings(name, {}), reserved);
  }
});

test('a database is unloaded, loaded and deleted in that order only', async (t) => {
  const fixture = await openDatabases(t);
  const { manager } = fixture;
  await create(fixture, 'db');
  await (await manager.open('db')).set([kv('a', '1')], SESSION);
  await assert.rejects(manager.load('db'), refusal('databaseAlreadyLoaded'));
  await assert.rejects(manager.delete('db'), refusal('databaseStillLoaded'));
  await manager.unload('db');
  await assert.rejects(manager.unload('db'), refusal('databaseClosed', 'already closed'));
  await assert.rejects(async () => manager.open('db'), refusal('databaseClosed'));
  assert.deepEqual([manager.info('db').loaded, manager.info('db').numTransactions], [false, 0]);
  await restart(fixture);
  await assert.rejects(async () => fixture.manager.open('db'), refusal('databaseClosed'));
  await fixture.manager.load('db');
  assert.equal((await fixture.manager.open('db')).get(keyRequest('a')).tx, 1);
  await fixture.manager.unload('db');
  const folder = folderOf(fixture, 'db');
  await fixture.manager.delete('db');
  assert.equal(existsSync(folder), false);
  assert.equal(fixture.manager.exists('db'), false);
  await assert.rejects(async () => fixture.manager.open('db'), refusal('databaseNotFound'));
});

test('a name that was deleted is used again for an empty database', async (t) => {
  const fixture = await openDatabases(t);
  for (let round = 0; round < 3; round++) {
    await create(fixture, 'db');
    const database = await fixture.manager.open('db');
    assert.equal(database.state().txId, 0);
    await database.set([kv('a', '1')], SESSION);
    await fixture.manager.unload('db');
    await fixture.manager.delete('db');
  }
  await create(fixture, 'db');
  await restart(fixture);
  assert.equal((await fixture.manager.open('db')).state().txId, 0);
});

test('settings that may change do, from the next opening on, one change after the other', async (t) => {
  const fixture = await openDatabases(t, { defaults: { writeTxHeaderVersion: 'auto' } });
  const { manager } = fixture;
  await create(fixture, 'db');
  await manager.updateSettings('db', { autoload: false, kept: { syncFrequency: 7 } });
  const info = await manager.updateSettings('db', { readOnly: true, kept: { readTxPoolSize: 3 } });
  const expected = {
    autoload: false,
    readOnly: true,
    kept: { syncFrequency: 7, readTxPoolSize: 3 },
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(info.settings[name as keyof typeof expected], value);
  }
  const database = await manager.open('db');
  await database.set([kv('a', '1')], TOKEN);
  assert.equal(manager.info('db').settings.writeTxHeaderVersion, 0);
  await manager.unload('db');
  await manager.load('db');
  const again = await manager.open('db');
  assert.deepEqual(again.settings, { ...info.settings, writeTxHeaderVersion: 0 });
  await assert.rejects(again.set([kv('a', '2')], SESSION), refusal('databaseReadOnly'));
});

test('settings that are fixed, out of range or would turn history back are refused', async (t) => {
  const fixture = await openDatabases(t);
  const { manager } = fixture;
  await create(fixture, 'db', { writeTxHeaderVersion: 0 });
  const before = manager.info('db').settings;
  const fixed: [DatabaseSettingsUpdate, string][] = [
    [{ maxKeyLen: 10 }, 'max key length'],
    [{ maxValueLen: 10 }, 'max value length'],
    [{ maxTxEntries: 10 }, 'max number of entries per transaction'],
    [{ kept: { fileSize: 1 }, maxKeyLen: 1024 }, 'file size'],
    [{ kept: { embeddedValues: false } }, 'embedded values'],
    [{ kept: { preallocFiles: false } }, 'prealloc files'],
    [{ kept: { 'indexSettings.maxNodeSize': 1 } }, 'max node size'],
  ];
  for (const [update, what] of fixed) {
    const text = `illegal arguments: ${what} can not be changed after database creation ('db')`;
    await assert.rejects(manager.updateSettings('db', update), refusal('invalidSettings', text));
  }
  const cases: DatabaseSettingsUpdate[] = [
    { retentionPeriodMs: 1000 },
    { retentionPeriodMs: -1 },
    { truncationFrequencyMs: 1000 },
  ];
  for (const update of cases) {
    await assert.rejects(manager.updateSettings('db', update), refusal('invalidSettings'));
  }
  assert.deepEqual(manager.info('db').settings, before);
  await manager.updateSettings('db', { writeTxHeaderVersion: 1 });
  for (const writeTxHeaderVersion of [0, '0-only', 'auto'] as const) {
    await assert.rejects(
      manager.updateSettings('db', { writeTxHeaderVersion }),
      refusal('invalidSettings'),
    );
  }
  const news: DatabaseSettingsUpdate[] = [
    { maxKeyLen: 0 },
    { maxKeyLen: 1979 },
    { maxValueLen: 2 ** 32 },
    { maxTxEntries: 65_536 },
    { maxTxEntries: 1.5 },
  ];
  for (const update of news) {
    await assert.rejects(create(fixture, 'other', update), refusal('invalidSettings'));
  }
  assert.equal(manager.exists('other'), false);
});

test('a header version is switched from 0 to 1 in one chain', async (t) => {
  const fixture = await openDatabases(t, { defaults: { writeTxHeaderVersion: 'auto' } });
  const { manager } = fixture;
  await create(fixture, 'db');
  const write = async (value: string) =>
    (await (await manager.open('db')).set([kv('a', value)], TOKEN)).version;
  assert.equal(await write('1'), 0);
  await manager.updateSettings('db', { writeTxHeaderVersion: 1 });
  await manager.unload('db');
  await manager.load('db');
  assert.equal(await write('2'), 1);
  await fixture.check();
});

test('a database that is damaged stops neither the others nor the list', async (t) => {
  const fixture = await openDatabases(t);
  for (const name of ['good', 'bad']) {
    await create(fixture, name);
    await (await fixture.manager.open(name)).set([kv('a', '1')], SESSION);
  }
  await fixture.manager.close();
  truncateSync(path.join(folderOf(fixture, 'bad'), 'data.mdb'), 5000);
  writeFileSync(path.join(folderOf(fixture, 'defaultdb'), 'data.mdb'), 'nonsense');
  await fixture.open();
  const { manager } = fixture;
  await assert.rejects(async () => manager.open('bad'), refusal('databaseDamaged'));
  await assert.rejects(async () => manager.open('defaultdb'), refusal('databaseDamaged'));
  assert.deepEqual([...manager.damaged.keys()].sort(), ['bad', 'defaultdb']);
  assert.equal((await manager.open('good')).get(keyRequest('a')).tx, 1);
  assert.deepEqual(
    manager.list().map(({ name }) => name),
    ['defaultdb', 'good', 'bad'],
  );
  assert.ok(
    fixture.log.lines.some(
      ({ level, message }) => level === 'error' && /cannot be opened/.test(message),
    ),
  );
  await manager.unload('bad');
  await manager.delete('bad');
  assert.deepEqual([...manager.damaged.keys()], ['defaultdb']);
});

test('a database that cannot be made leaves nothing behind', async (t) => {
  const fixture = await openDatabases(t);
  fixture.disk.free = 0;
  await assert.rejects(create(fixture, 'db'), refusal('diskFull'));
  assert.equal(fixture.manager.exists('db'), false);
  fixture.disk.free = undefined;
  writeFileSync(path.join(fixture.dir, 'databases', 'db.2'), 'in the way');
  await assert.rejects(create(fixture, 'db'), refusal('databaseDamaged'));
  assert.equal(fixture.manager.exists('db'), false);
  await create(fixture, 'db');
});

test('a damaged system database refuses the start', async (t) => {
  const fixture = await openDatabases(t);
  await create(fixture, 'db');
  await fixture.manager.close();
  truncateSync(path.join(fixture.dir, 'systemdb', 'data.mdb'), 5000);
  await assert.rejects(fixture.open(), /systemdb/);
});

test('opening twice at once opens once; unloading waits for an opening', async (t) => {
  const fixture = await openDatabases(t);
  await create(fixture, 'db');
  await restart(fixture);
  const { manager } = fixture;
  const [a, b] = await Promise.all([manager.open('db'), manager.open('db')]);
  assert.equal(a, b);
  await restart(fixture);
  const opening = Promise.resolve(fixture.manager.open('db'));
  await fixture.manager.unload('db');
  await opening;
  assert.deepEqual(
    fixture.manager.opened().map(({ name }) => name),
    ['systemdb', 'defaultdb'],
  );
  await assert.rejects(async () => fixture.manager.open('db'), refusal('databaseClosed'));
});

test('after closing nothing is opened any more', async (t) => {
  const fixture = await openDatabases(t);
  await create(fixture, 'db');
  await restart(fixture);
  const { manager } = fixture;
  const opening = Promise.resolve(manager.open('db'));
  await manager.close();
  const database = await opening;
  await assert.rejects(database.set([kv('a', '1')], SESSION), refusal('databaseClosed'));
  await assert.rejects(async () => manager.open('db'), refusal('databaseClosed'));
  await fixture.open();
});

test('the scrub finds damage in any database and raises the alarm', async (t) => {
  const fixture = await openDatabases(t);
  await create(fixture, 'db');
  const database = await fixture.manager.stored('db');
  await database.set([kv('a', '1')], SESSION);
  await fixture.manager.scrub();
  assert.equal(fixture.corruptions.length, 0);
  const { finished, lastFinishedAt, bytes: read, problems } = fixture.manager.scrubStatus;
  assert.deepEqual([finished, lastFinishedAt, problems], [1, fixture.nowSeconds, 0]);
  assert.ok(read > 0);
  const done = fixture.log.lines.filter(({ message }) => message === 'scrubbed');
  assert.deepEqual(
    done.map(({ fields }) => fields.database),
    ['systemdb', 'defaultdb', 'db'],
  );
  const { environment } = database.store;
  const key = Buffer.from('\0a');
  await environment.commit(64, (batch) => batch.remove('index', key));
  await fixture.manager.scrub();
  assert.equal(fixture.corruptions.length, 1);
  assert.ok(fixture.manager.scrubStatus.problems > 0);
  assert.match(String(fixture.corruptions[0]?.message), /not in the index/);
  assert.ok(fixture.log.lines.some(({ message }) => message === 'the scrub found damage'));
});

test('a scrub under way does not hold up closing', async (t) => {
  const fixture = await openDatabases(t, { scrubRateBytes: 1 });
  const database = await fixture.default();
  for (let i = 0; i < 50; i++) await database.set([kv(`k${i}`, 'v')], SESSION);
  const scrub = fixture.manager.scrub();
  await fixture.manager.close();
  await scrub;
  await fixture.open();
  assert.equal(fixture.corruptions.length, 0);
  assert.equal((await fixture.default()).get(keyRequest('k0')).tx, 1);
  assert.equal(bytes('').length, 0);
});
