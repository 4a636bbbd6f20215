import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { SealedEvent } from '../../src/audit/event.js';
import { CallError, type GrpcClient } from '../support/grpc-client.js';
import { entry, Fixture } from './server-fixture.js';
import { readStream } from './stream-reader.js';

const INVALID_ARGUMENT = 3;
const FAILED_PRECONDITION = 9;

async function refusal(work: Promise<unknown>): Promise<{ code: number; message: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CallError) return error;
    throw error;
  }
  return assert.fail('it was not refused');
}

async function sets(client: GrpcClient, ...keys: string[]): Promise<void> {
  for (const key of keys) await client.call('Set', { KVs: [entry(key)] });
}

test('a sysadmin begins a new file, and the stream says who asked for it', async (t) => {
  const f = new Fixture(t);
  const server = await f.start('--audit-compress=false');
  const client = await f.client();
  const before = await client.call('GetAuditConfig', {});
  const rotation = await client.call('RotateAudit', {});
  assert.equal(rotation.fileNo, before.fileNo + 1);
  assert.ok(readStream(f.audit).files.includes(rotation.closedFile));
  const [rotated] = f.events('audit.rotated');
  assert.equal(rotated?.event_data.reason, 'admin');
  const [asked] = f.events('audit.rotate_requested');
  assert.equal(asked?.username, 'immudb');
  const opened = f.events('audit.opened').at(-1);
  assert.equal(opened?.event_data.previous_sha256, rotation.closedSha256);
  const password = Buffer.from('Al1ce-pass!');
  const request = { user: Buffer.from('alice'), password, permission: 254, database: 'defaultdb' };
  await client.call('CreateUser', request);
  const alice = await f.client('alice', 'Al1ce-pass!');
  for (const call of [alice.call('RotateAudit', {}), alice.call('GetAuditConfig', {})]) {
    await refusal(call);
  }
  assert.equal(f.events('authz.denied').length, 2);
  assert.equal(f.events('audit.rotated').length, 1);
  await f.stop(server);
});

test('preset and filter change while the server runs, told under the old ones first', async (t) => {
  const f = new Fixture(t);
  const server = await f.start();
  const client = await f.client();
  await sets(client, 'a');
  const filter = '{ event_name: { $ne: "kv.set" } }';
  const config = await client.call('SetAuditConfig', { events: 'all', filter });
  assert.deepEqual([config.events, config.filter, config.locked], ['all', filter, false]);
  await sets(client, 'b');
  await client.call('Get', { key: Buffer.from('a') });
  await client.call('SetAuditConfig', { filter: '{}' });
  await sets(client, 'c');
  assert.equal(f.events('kv.set').length, 2);
  assert.equal(f.events('kv.get').length, 1);
  const [changed, back] = f.events('audit.config_changed');
  assert.equal(changed?.username, 'immudb');
  assert.deepEqual(changed?.event_data, {
    changes: { events: ['write', 'all'] },
    filter_new: filter,
    filter_old: '{}',
    origin: 'admin',
    outcome: 'success',
    v: 1,
  });
  assert.deepEqual(back?.event_data.changes, {});
  const [call] = f.events('config.changed');
  assert.deepEqual(call?.event_data.changes, {
    audit_events: ['write', 'all'],
    audit_filter: ['{}', filter],
  });
  // What cannot be changes nothing.
  for (const change of [{ events: 'some' }, { filter: '{ $where: "1" }' }, { filter: '{' }]) {
    assert.equal((await refusal(client.call('SetAuditConfig', change))).code, INVALID_ARGUMENT);
  }
  assert.equal((await client.call('GetAuditConfig', {})).events, 'all');
  assert.equal(f.events('audit.config_changed').length, 2);
  await f.stop(server);
  // It held until here.
  const next = await f.start();
  assert.equal((await (await f.client()).call('GetAuditConfig', {})).events, 'write');
  await f.stop(next);
});

test('locked settings stay, and without a stream there is nothing to ask', async (t) => {
  const f = new Fixture(t);
  let server = await f.start('--audit-lock');
  let client = await f.client();
  assert.equal((await client.call('GetAuditConfig', {})).locked, true);
  const locked = await refusal(client.call('SetAuditConfig', { events: 'none' }));
  assert.equal(locked.code, FAILED_PRECONDITION);
  assert.match(locked.message, /--audit-lock/);
  await f.stop(server);
  server = await f.start('--audit=false');
  client = await f.client();
  const off = await refusal(client.call('RotateAudit', {}));
  assert.equal(off.code, FAILED_PRECONDITION);
  await f.stop(server);
});

test('the database of the seals is read by whoever may, and written by the server alone', async (t) => {
  const f = new Fixture(t);
  const server = await f.start('--audit-seal-db=auditseals', '--audit-checkpoint-interval=100ms');
  const client = await f.client();
  const { token } = await client.call('UseDatabase', { databaseName: 'auditseals' });
  const asAuditor = { headers: { authorization: `Bearer ${token}` } };
  await client.call('RotateAudit', {});
  const { entries } = await client.call('Scan', { prefix: Buffer.from('audit/') }, asAuditor);
  assert.ok(entries.length > 0);
  const database = 'auditseals';
  const refused = [
    client.call('Set', { KVs: [entry('audit/seal/x')] }, asAuditor),
    client.call('Delete', { keys: [Buffer.from('audit/seal/x')] }, asAuditor),
    client.call('UnloadDatabase', { database }),
    client.call('TruncateDatabase', { database, retentionPeriod: 86_400_000 }),
    client.call('UpdateDatabaseV2', { database, settings: { syncFrequency: { value: 1 } } }),
  ];
  for (const call of refused) assert.match((await refusal(call)).message, /permission denied/);
  await f.stop(server);
  await assert.rejects(f.start('--audit-seal-db=defaultdb'), /no database of clients/);
});

test('a filter may stand in the file as a table, and SIGHUP reads it again', async (t) => {
  const f = new Fixture(t);
  const file = path.join(f.folder, 'stele.toml');
  writeFileSync(
    file,
    '[audit-filter]\n"users.user" = "nobody"\nevent_name = { "$in" = ["kv.set"] }\n',
  );
  const server = await f.start('--config', file);
  const client = await f.client();
  assert.deepEqual(JSON.parse((await client.call('GetAuditConfig', {})).filter), {
    'users.user': 'nobody',
    event_name: { $in: ['kv.set'] },
  });
  await sets(client, 'a');
  writeFileSync(file, '[audit-filter]\n"users.user" = "immudb"\n');
  server.signal('SIGHUP');
  const changed = await f.until('audit.config_changed');
  assert.equal(changed.username, 'stele');
  assert.equal(changed.event_data.origin, 'signal');
  await sets(client, 'b');
  assert.equal(f.events('kv.set').length, 1);
  writeFileSync(file, '[audit-filter]\n"$where" = "1"\n');
  server.signal('SIGHUP');
  while (!server.log.includes('the audit settings stay as they were')) await delay(10);
  assert.match((await client.call('GetAuditConfig', {})).filter, /immudb/);
  await f.stop(server);
});

test('another key is told of, in a new file, and the chain of keys is checked', async (t) => {
  const f = new Fixture(t);
  let server = await f.start('--audit-compress=false');
  const client = await f.client();
  await sets(client, 'same');
  const ids = await client.call('RotateAuditKey', {});
  await sets(client, 'same');
  const [before, after] = f.events('kv.set').map(({ event_data: data }) => String(data.keys));
  assert.notEqual(before, after);
  const [rotated] = f.events('audit.key_rotated');
  assert.deepEqual(
    [rotated?.event_data.old_key_id, rotated?.event_data.new_key_id, rotated?.username],
    [ids.oldKeyId, ids.newKeyId, 'immudb'],
  );
  assert.equal(f.events('audit.opened').at(-1)?.event_data.key_id, ids.newKeyId);
  const mode = (name: string) => statSync(path.join(f.audit, name)).mode & 0o777;
  assert.deepEqual([mode('audit.key'), mode(`audit.key.${ids.oldKeyId}`)], [0o600, 0o600]);
  await f.stop(server);
  assert.equal(f.verify().ok, true);
  const hashed = (...more: string[]) => f.stele(['audit', 'hash', ...more], 'same').stdout.trim();
  assert.deepEqual([hashed('--key-id', ids.oldKeyId), hashed()], [before, after]);
  // Somebody puts another key in its place while the server is away.
  writeFileSync(path.join(f.audit, 'audit.key'), Buffer.alloc(32, 7));
  server = await f.start();
  await f.stop(server);
  assert.equal(f.events('audit.key_rotated').at(-1)?.event_data.origin, 'startup');
  assert.equal(f.verify().ok, true);
});

test('with received lines what a call wants is on disk before it is carried out', async (t) => {
  const f = new Fixture(t);
  const server = await f.start('--audit-stages=received', '--audit-events=all');
  const client = await f.client();
  await sets(client, 'a');
  await client.call('Get', { key: Buffer.from('a') });
  const [received, complete, ...more] = f.events('kv.set');
  assert.deepEqual(more, []);
  assert.equal(received?.event_data.stage, 'received');
  assert.equal(received?.event_data.outcome, 'unknown');
  assert.equal(received?.event_data.tx_id, undefined);
  assert.equal(complete?.event_data.tx_id, 1);
  assert.deepEqual(received?.event_data.keys, complete?.event_data.keys);
  assert.equal(f.events('kv.get').length, 1);
  await f.stop(server);
});

test('a sysadmin reads and verifies the stream of a running server, and both are events', async (t) => {
  const f = new Fixture(t);
  const server = await f.start('--audit-events=all', '--audit-compress=false');
  const client = await f.client();
  await sets(client, 'a', 'b', 'c');
  await client.call('RotateAudit', {});
  await sets(client, 'd');
  const filter = '{ event_name: "kv.set" }';
  const lines = await client.read('QueryAudit', { filter, fromSeq: 0, limit: 3 });
  const read = lines.map(({ line }) => JSON.parse(line) as SealedEvent);
  assert.deepEqual(
    read,
    f.events('kv.set').filter((_event, at) => at < 3),
  );
  const [queried] = f.events('audit.queried');
  assert.deepEqual([queried?.event_data.filter, queried?.event_data.returned], [filter, 3]);
  // While others write.
  let isOver = false;
  const busy = (async () => {
    while (!isOver) await sets(client, 'x');
  })();
  for (let round = 0; round < 3; round++) {
    const verified = await client.call('VerifyAudit', {});
    assert.deepEqual(verified.problems, []);
    assert.equal(verified.ok, true);
  }
  isOver = true;
  await busy;
  assert.equal(f.events('audit.verified')[0]?.event_data.ok, true);
  const [closed] = readStream(f.audit).files;
  const file = path.join(f.audit, closed as string);
  const bytes = readFileSync(file);
  bytes[300] = (bytes[300] as number) ^ 1;
  writeFileSync(file, bytes);
  const verified = await client.call('VerifyAudit', {});
  assert.equal(verified.ok, false);
  assert.match(verified.problems.join(), /line 1, seq 1/);
  server.signal('SIGTERM');
  await server.ended(10_000);
  const live = readFileSync(path.join(f.audit, 'audit.json'), 'utf8');
  assert.match(live, /"event_name":"tamper.detected".*"where":"audit_chain"/);
});
