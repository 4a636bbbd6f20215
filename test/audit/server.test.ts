import assert from 'node:assert/strict';
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { parseSeal } from '../../src/audit/records.js';
import { sha256 } from '../../src/base/sha256.js';
import { entry, Fixture } from './server-fixture.js';
import { auditedTxs, readStream } from './stream-reader.js';

test('every selected call has its event before it is answered, refused ones too, and no secret', async (t) => {
  const f = new Fixture(t);
  const server = await f.start('--audit-events=all');
  const client = await f.client();
  await client.call('Set', { KVs: [entry('s3cret-key')] }, { headers: { 'x-request-id': 'r-17' } });
  const [set] = f.events('kv.set');
  assert.equal(set?.event_data.tx_id, 1);
  assert.equal(set?.request_id, 'r-17');
  assert.equal(set?.username, 'immudb');
  assert.equal(set?.resource, 'db:defaultdb');
  assert.equal(set?.source_ip_address, '127.0.0.1');
  assert.match(String(set?.event_data.keys), /^h:[0-9a-f]{32}$/);
  await client.call('Get', { key: Buffer.from('s3cret-key') });
  assert.equal(f.events('kv.get')[0]?.read_only, true);
  await f.client('mallory', 'Wr0ng-password!').catch(() => undefined);
  const [failed] = f.events('auth.login.failed');
  assert.equal(failed?.username, 'mallory');
  assert.equal(failed?.event_data.reason, 'bad_credentials');
  await client.call('Set', { KVs: [entry('k')] }, { anonymous: true }).catch(() => undefined);
  assert.equal(f.events('auth.rejected')[0]?.event_data.attempted, 'kv.set');
  const password = Buffer.from('Al1ce-pass!');
  const user = Buffer.from('alice');
  await client.call('CreateUser', { user, password, permission: 1, database: 'defaultdb' });
  const alice = await f.client('alice', 'Al1ce-pass!');
  await alice.call('Set', { KVs: [entry('k')] }).catch(() => undefined);
  const [denied] = f.events('authz.denied');
  assert.equal(denied?.username, 'alice');
  assert.equal(denied?.event_data.attempted, 'kv.set');
  await client.call('ChangePassword', { user, newPassword: Buffer.from('N3w-pass!') });
  const token = await client.login();
  await client.call('VerifiableSet', { setRequest: { KVs: [entry('s3cret-key')] } });
  const sessionId = await client.openSession();
  await client.call('Set', { KVs: [entry('s3cret-key')] });
  await client.call('CloseSession', {});
  await f.stop(server);
  const secrets = ['S3cret-value', 's3cret-key', 'Wr0ng', 'Al1ce', 'N3w-pass', 'Bearer'];
  const texts = [server.log, readStream(f.audit).text];
  for (const name of readdirSync(f.audit).filter((one) => one !== 'audit.key')) {
    texts.push(readFileSync(path.join(f.audit, name)).toString('latin1'));
  }
  for (const secret of [...secrets, token, token.slice(-20), sessionId]) {
    const encoded = Buffer.from(secret).toString('base64').replaceAll('=', '');
    for (const text of texts) assert.ok(!text.includes(secret) && !text.includes(encoded), secret);
  }
});

test('refusals leave events also where what was refused leaves none', async (t) => {
  const f = new Fixture(t);
  const server = await f.start('--audit-events=admin');
  const client = await f.client();
  await client.call('Set', { KVs: [entry('k')] });
  await client.call('Get', { key: Buffer.from('k') }, { anonymous: true }).catch(() => undefined);
  await f.stop(server);
  assert.equal(f.events('kv.set').length, 0);
  assert.equal(f.events('auth.rejected')[0]?.event_data.attempted, 'kv.get');
});

test('after kill -9 every acknowledged write has its event and every transaction one', async (t) => {
  const f = new Fixture(t);
  let server = await f.start();
  const client = await f.client();
  const acknowledged: number[] = [];
  const lanes = Array.from({ length: 16 }, async (_, lane) => {
    for (let i = 0; ; i++) {
      const { id } = await client.call('Set', { KVs: [entry(`${lane}/${i}`)] });
      acknowledged.push(id);
    }
  });
  // The kill ends them all.
  const ended = Promise.allSettled(lanes);
  while (acknowledged.length < 300) await delay(5);
  await server.kill();
  await ended;
  const before = auditedTxs(readStream(f.audit).events, 'defaultdb');
  for (const id of acknowledged) assert.equal(before.get(id), 1, `transaction ${id}`);
  server = await f.start();
  const { txId } = await (await f.client()).call('CurrentState', {});
  const { events, broken } = readStream(f.audit);
  assert.deepEqual(broken, []);
  const after = auditedTxs(events, 'defaultdb');
  for (let id = 1; id <= txId; id++) assert.equal(after.get(id), 1, `transaction ${id}`);
  await f.stop(server);
});

test('SIGUSR1 closes the file, seals it and loses nothing', async (t) => {
  const f = new Fixture(t);
  const server = await f.start();
  const client = await f.client();
  await client.openSession();
  await client.call('Set', { KVs: [entry('a')] });
  server.signal('SIGUSR1');
  await f.until('audit.file_archived');
  await client.call('Set', { KVs: [entry('b')] });
  assert.equal(f.events('kv.set').length, 2);
  assert.equal(f.events('audit.rotated')[0]?.event_data.reason, 'signal');
  const system = await f.client();
  await system.openSession('systemdb');
  const sealKey = Buffer.from('audit/seal/00000000000000000001');
  const { value } = await system.call('Get', { key: sealKey });
  const seal = parseSeal(value);
  assert.ok(seal);
  const { files } = readStream(f.audit);
  assert.equal(files[0], `${seal.file}.gz`);
  assert.equal(f.events('audit.opened')[1]?.event_data.previous_sha256, seal.sha256);
  await f.stop(server);
});

test('a live file that is deleted, grows or is cut is noticed, and the chain goes on', async (t) => {
  const f = new Fixture(t);
  const server = await f.start();
  const client = await f.client();
  const live = path.join(f.audit, 'audit.json');
  rmSync(live);
  await client.call('Set', { KVs: [entry('a')] });
  const told = () =>
    readFileSync(live, 'utf8')
      .split('\n')
      .filter((l) => l.includes('tamper.det'));
  assert.match(told()[0] ?? '', /"actual":"deleted"/);
  appendFileSync(live, 'x\n');
  await client.call('Set', { KVs: [entry('b')] });
  assert.equal(told().length, 1);
  truncateSync(live, 10);
  await client.call('Set', { KVs: [entry('c')] });
  assert.equal(told().length, 1);
  assert.match(told()[0] ?? '', /"actual":"10 bytes"/);
  await f.stop(server);
});

test('lines that are cut off a stopped stream are missed at the next start', async (t) => {
  const f = new Fixture(t);
  let server = await f.start();
  await f.client();
  await f.stop(server);
  const live = path.join(f.audit, 'audit.json');
  const lines = readFileSync(live, 'utf8').trimEnd().split('\n');
  truncateSync(live, statSync(live).size - lines.slice(-3).join('\n').length - 1);
  server = await f.start();
  const found = readFileSync(live, 'utf8');
  assert.match(found, /tamper\.detected/);
  await f.stop(server);
});

test('a torn batch is taken off and reported', async (t) => {
  const f = new Fixture(t);
  let server = await f.start();
  await f.client();
  await server.kill();
  appendFileSync(path.join(f.audit, 'audit.json'), '{"event_time":"2026');
  server = await f.start();
  await f.client();
  await f.stop(server);
  const [recovered] = f.events('audit.recovered');
  assert.equal(recovered?.event_data.torn_bytes, 19);
  assert.equal(
    recovered?.event_data.torn_sha256,
    sha256(Buffer.from('{"event_time":"2026')).toString('hex'),
  );
  assert.equal(f.events('tamper.detected').length, 0);
});

test('another format begins a new file, and the chain goes on', async (t) => {
  const f = new Fixture(t);
  let server = await f.start('--audit-rotate-on-start=false');
  await (await f.client()).call('Set', { KVs: [entry('a')] });
  await f.stop(server);
  const { events } = readStream(f.audit);
  const last = events.at(-1);
  server = await f.start('--auditFormat=JSON', '--audit-compress=false');
  await f.client();
  await f.stop(server);
  const lines = readFileSync(path.join(f.audit, 'audit.json'), 'utf8').trimEnd().split('\n');
  const first = JSON.parse(lines[0] ?? '') as { seq: number; prev: string };
  assert.equal(first.seq, (last?.seq ?? 0) + 1);
  assert.ok(lines.some((line) => line.includes('"atype":"authenticate"')));
  assert.ok(!lines.some((line) => line.includes('tamper')));
});

test('the filter is read again at SIGHUP, and the change is an event', async (t) => {
  const f = new Fixture(t);
  const config = path.join(f.folder, 'stele.toml');
  writeFileSync(config, `audit-filter = '{ "users.user": "tim" }'\n`);
  const server = await f.start('--config', config);
  const client = await f.client();
  await client.call('Set', { KVs: [entry('a')] });
  assert.equal(f.events('kv.set').length, 0);
  writeFileSync(config, `audit-filter = '{ event_name: /^kv/ }'\n`);
  server.signal('SIGHUP');
  const changed = await f.until('audit.config_changed');
  assert.equal(changed.event_data.filter_old, '{ "users.user": "tim" }');
  while (f.events('kv.set').length === 0) await client.call('Set', { KVs: [entry('b')] });
  await f.stop(server);
});

test('files rotate by size under load without a gap', async (t) => {
  const f = new Fixture(t);
  const server = await f.start('--audit-rotate-size=16KiB', '--audit-retention-files=0');
  const client = await f.client();
  for (let round = 0; round < 20; round++) {
    const keys = Array.from({ length: 10 }, (_, i) => `${round}/${i}`);
    await Promise.all(keys.map((key) => client.call('Set', { KVs: [entry(key)] })));
  }
  await f.stop(server);
  const { events, broken, files } = readStream(f.audit);
  assert.deepEqual(broken, []);
  assert.ok(files.length > 3, `${files.length} files`);
  assert.equal(auditedTxs(events, 'defaultdb').size, 200);
});
