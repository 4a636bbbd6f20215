import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { test } from 'node:test';
import type { AuditedCall, AuditStage } from '../../src/rpc/index.js';
import { METHOD_NAMES, type MethodName, pb } from '../../src/wire/index.js';
import { frame, onTheWire, openStream, RpcFixture, rawCall, until } from './fixture.js';

const entry = { key: Buffer.from('k'), value: Buffer.from('v') };

/** Takes all events, in memory. */
class MemoryAudit implements AuditStage {
  readonly events: AuditedCall[] = [];
  /** Resolves before an event counts as written. */
  written: Promise<void> = Promise.resolve();
  admits = true;

  selects(): boolean {
    return true;
  }

  admit(): undefined {
    if (!this.admits) throw new Error('no space left');
  }

  async record(event: AuditedCall): Promise<void> {
    await this.written;
    this.events.push(event);
  }

  of(method: MethodName): AuditedCall[] {
    return this.events.filter((event) => event.method === method);
  }
}

async function start(t: Parameters<typeof RpcFixture.start>[0]) {
  const audit = new MemoryAudit();
  const fixture = await RpcFixture.start(t, { rpc: { audit } });
  const client = await fixture.loggedIn();
  return { audit, fixture, client };
}

test('every call leaves exactly one event, whatever becomes of it', async (t) => {
  const { audit, fixture } = await start(t);
  const anonymous = fixture.client();
  for (const method of METHOD_NAMES) {
    const before = audit.of(method).length;
    await rawCall(anonymous, method, [Buffer.alloc(0)]);
    assert.equal(audit.of(method).length, before + 1, method);
  }
});

test('an answer waits for its event', async (t) => {
  const { audit, client } = await start(t);
  let write: () => void = () => {};
  audit.written = new Promise((resolve) => {
    write = resolve;
  });
  let answered = false;
  const call = client.call('Set', { KVs: [entry] }).then(() => {
    answered = true;
  });
  const other = client.call('Health', {});
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(answered, false);
  write();
  await Promise.all([call, other]);
  assert.equal(audit.of('Set').length, 1);
});

test('an event says who did what, where, and how it ended', async (t) => {
  const { audit, client } = await start(t);
  await client.call('Set', { KVs: [entry] }, { headers: { 'x-request-id': 'r-1' } });
  const [event] = audit.of('Set');
  assert.ok(event);
  assert.equal(event.name, 'kv.set');
  assert.equal(event.class, 'write');
  assert.equal(event.readOnly, false);
  assert.equal(event.status, 'OK');
  assert.equal(event.caller?.userName, 'immudb');
  assert.equal(event.database, 'defaultdb');
  assert.equal(event.requestId, 'r-1');
  assert.match(event.userAgent ?? '', /grpc/);
  assert.equal(event.peer.address, '127.0.0.1');
  assert.deepEqual(
    event.keys.map((key) => Buffer.from(key)),
    [entry.key],
  );
});

test('keys of streams are in their events', async (t) => {
  const { audit, client } = await start(t);
  await client.write('streamSet', [{ content: Buffer.concat([frame('a'), frame('1')]) }]);
  await client.read('streamGet', { key: Buffer.from('a') });
  for (const method of ['streamSet', 'streamGet'] as const) {
    const [event] = audit.of(method);
    assert.deepEqual(
      event?.keys.map((key) => Buffer.from(key).toString()),
      ['a'],
      method,
    );
    assert.equal(event?.status, 'OK', method);
  }
});

test('who is turned away leaves an event of the stage that turned him away', async (t) => {
  const { audit, fixture, client } = await start(t);
  const password = Buffer.from('Passw0rd!');
  const user = Buffer.from('alice');
  await client.call('CreateUser', { user, password, permission: 1, database: 'defaultdb' });
  const alice = await fixture.loggedIn('alice', 'Passw0rd!');
  await alice.call('Set', { KVs: [entry] }).catch(() => undefined);
  await alice.call('Get', { key: entry.key }, { anonymous: true }).catch(() => undefined);
  await alice.call('Get', { key: entry.key }).catch(() => undefined);
  assert.deepEqual(
    audit.events.slice(-3).map(({ stage, errorCode }) => [stage, errorCode]),
    [
      ['authorize', 'permissionDenied'],
      ['identify', 'notLoggedIn'],
      ['execute', 'keyNotFound'],
    ],
  );
});

test('a failed login has a name of its own', async (t) => {
  const { audit, fixture } = await start(t);
  await fixture.loggedIn('immudb', 'wrong').catch(() => undefined);
  const names = audit.of('Login').map(({ name }) => name);
  assert.deepEqual(names, ['auth.login.succeeded', 'auth.login.failed']);
});

test('nothing is done for a call whose event could not be written', async (t) => {
  const { audit, fixture, client } = await start(t);
  audit.admits = false;
  const refusal = { code: 14, details: 'the audit event could not be written' };
  await assert.rejects(client.call('Set', { KVs: [entry] }), refusal);
  assert.equal((await fixture.databases.open('defaultdb')).state().txId, 0);
});

test('a call whose event was not written is not answered with success', async (t) => {
  const { audit, client } = await start(t);
  audit.written = Promise.reject(new Error('EIO'));
  audit.written.catch(() => undefined);
  const refusal = {
    code: 14,
    details: 'the audit event could not be written; transaction 1 is stored',
  };
  await assert.rejects(client.call('Set', { KVs: [entry] }), refusal);
});

test('a client that gives up in the middle of a stream leaves an event and no transaction', async (t) => {
  const { audit, fixture, client } = await start(t);
  const authorization = `Bearer ${await client.login()}`;
  const pair = pb.encodeChunk({ content: Buffer.concat([frame('k'), frame('v')]) });
  const stream = openStream(t, fixture, 'streamSet', { authorization });
  stream.write(onTheWire(pair));
  await once(stream, 'response');
  stream.close(constants.NGHTTP2_CANCEL);
  await until(() => audit.of('streamSet').length > 0);
  assert.equal(audit.of('streamSet')[0]?.errorCode, 'cancelled');
  assert.equal((await fixture.databases.open('defaultdb')).state().txId, 0);
});
