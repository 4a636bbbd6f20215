import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Log, silentLog } from '../../src/base/log.js';
import { METHOD_NAMES, type MethodName, pb } from '../../src/wire/index.js';
import type { GrpcClient } from '../support/grpc-client.js';
import { frame, RpcFixture, rawCall } from './fixture.js';

/** mulberry32: the same bodies in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const entry = { key: Buffer.from('k'), value: Buffer.from('v') };

/** Something of each shape, to be damaged. */
const SAMPLES: readonly Buffer[] = [
  pb.encodeSetRequest({ KVs: [entry, { ...entry, metadata: { deleted: true } }] }),
  pb.encodeVerifiableSetRequest({ setRequest: { KVs: [entry] }, proveSinceTx: 7 }),
  pb.encodeExecAllRequest({ Operations: [{ operation: 'kv', kv: entry }] }),
  pb.encodeScanRequest({ prefix: Buffer.from('k'), limit: 3, seekKey: Buffer.from('k') }),
  pb.encodeZScanRequest({ set: Buffer.from('s'), minScore: { score: Number.NaN }, limit: 2 }),
  pb.encodeTxScanRequest({ initialTx: 1, limit: 4_000_000_000, entriesSpec: {} }),
  pb.encodeChunk({ content: Buffer.concat([frame('key'), frame('value')]) }),
  pb.encodeChunk({ content: frame(Buffer.from([1])) }),
  pb.encodeDatabaseNullableSettings({
    maxKeyLen: { value: 0 },
    writeTxHeaderVersion: { value: 9 },
  }),
  Buffer.alloc(0),
];

/** Would end the login or stop others from logging in. */
const DANGEROUS: ReadonlySet<MethodName> = new Set(['Logout', 'CloseSession', 'ChangePassword']);

function damaged(random: () => number): Buffer {
  const pick = Math.floor(random() * SAMPLES.length);
  const bytes = Buffer.from(SAMPLES[pick] as Buffer);
  switch (Math.floor(random() * 4)) {
    case 0:
      return bytes.subarray(0, Math.floor(random() * bytes.length));
    case 1:
      return Buffer.from(Array.from({ length: 1 + random() * 40 }, () => random() * 256));
    case 2:
      for (let i = 0; i < 3 && bytes.length > 0; i++) {
        bytes[Math.floor(random() * bytes.length)] = random() * 256;
      }
      return bytes;
    default:
      return Buffer.concat([bytes, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])]);
  }
}

function logOfErrors(errors: string[]): Log {
  return { ...silentLog, error: (message, fields) => errors.push(`${message} ${fields?.error}`) };
}

async function assertWorks(client: GrpcClient): Promise<void> {
  await client.login();
  const { id } = await client.call('Set', { KVs: [entry] });
  assert.equal((await client.call('Get', { key: entry.key })).tx, id);
}

test('no body of any method crashes the server, shows its inside, or stops the next call', async (t) => {
  const errors: string[] = [];
  const fixture = await RpcFixture.start(t, {
    log: logOfErrors(errors),
    auth: { maxTokensPerUser: 100_000, loginFailuresBeforeDelay: 0 },
  });
  const client = await fixture.loggedIn();
  const random = seeded(20_261_123);
  for (const method of METHOD_NAMES) {
    if (DANGEROUS.has(method)) continue;
    for (let i = 0; i < 15; i++) {
      const bodies = Array.from({ length: 1 + Math.floor(random() * 3) }, () => damaged(random));
      const { code, details } = await rawCall(client, method, bodies);
      const what = `${method} ${bodies.map((b) => b.toString('hex'))}: ${code} ${details}`;
      assert.notEqual(details, 'internal error', what);
      assert.doesNotMatch(details, /\bat .*\.(?:js|ts):|undefined|RangeError|TypeError/, what);
      assert.ok(![14].includes(code), what);
    }
  }
  assert.deepEqual(errors, []);
  await assertWorks(client);
});

test('methods that end logins take any body too', async (t) => {
  const errors: string[] = [];
  const fixture = await RpcFixture.start(t, { log: logOfErrors(errors) });
  const client = fixture.client();
  const random = seeded(7);
  for (const method of DANGEROUS) {
    await client.login();
    for (let i = 0; i < 20; i++) {
      const { details } = await rawCall(client, method, [damaged(random)]);
      assert.notEqual(details, 'internal error');
    }
  }
  assert.deepEqual(errors, []);
  await assertWorks(client);
});

const NO_MESSAGE = 'grpc: error unmarshalling request: ';

test('bytes that are no message get the answer of gRPC libraries, which says what is wrong', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const cut = await rawCall(client, 'Set', [Buffer.from([0x0a, 0x05, 0x01])]);
  assert.deepEqual([cut.code, cut.details], [13, `${NO_MESSAGE}the message ends inside a field`]);
  const text = await rawCall(client, 'UseDatabase', [Buffer.from([0x0a, 0x01, 0xff])]);
  assert.deepEqual(
    [text.code, text.details],
    [13, `${NO_MESSAGE}a text of the message is not UTF-8`],
  );
});

test('a stream without any message is refused where one is needed', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const { code } = await client.raw('/immudb.schema.ImmuService/Get', 'clientStream', []);
  assert.equal(code, 3);
});
