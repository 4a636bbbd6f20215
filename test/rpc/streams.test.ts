import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type ClientHttp2Stream, constants } from 'node:http2';
import { test } from 'node:test';
import { pb } from '../../src/wire/index.js';
import { FakeClock } from '../support/fake-clock.js';
import type { CallError, GrpcClient } from '../support/grpc-client.js';
import {
  frame,
  framesOf,
  grpcStatus,
  onTheWire,
  openStream,
  RpcFixture,
  until,
} from './fixture.js';

const MIB = 1_048_576;

function chunks(...contents: readonly Buffer[]) {
  return contents.map((content) => ({ content }));
}

/** `length` bytes in chunks of 64 KiB, made when they are drawn. */
function* bigValue(length: number, hash = createHash('sha256')) {
  const header = Buffer.alloc(8);
  header.writeBigUInt64BE(BigInt(length));
  yield { content: header };
  for (let at = 0; at < length; at += 65_536) {
    const content = Buffer.alloc(Math.min(65_536, length - at), at / 65_536);
    hash.update(content);
    yield { content };
  }
}

async function refused(call: Promise<unknown>, code: number, details: RegExp): Promise<void> {
  await assert.rejects(call, (error: CallError) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.details, details);
    return true;
  });
}

async function txCount(client: GrpcClient): Promise<number> {
  return (await client.call('CurrentState', {})).txId;
}

test('pairs are written in one transaction wherever the chunks are cut', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const all = Buffer.concat([frame('a'), frame('1'), frame('b'), frame('')]);
  const cut = Array.from(all, (byte) => Buffer.from([byte]));
  const header = await client.write('streamSet', chunks(...cut));
  assert.equal(header.nentries, 2);
  assert.deepEqual(
    Buffer.from((await client.call('Get', { key: Buffer.from('a') })).value),
    Buffer.from('1'),
  );
  const read = await client.read('streamGet', { key: Buffer.from('b') });
  assert.deepEqual(framesOf(read.map((c) => c.content)), [Buffer.from('b'), Buffer.alloc(0)]);
});

test('a stream that ends inside a pair is refused and nothing is stored', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const whole = Buffer.concat([frame('key'), frame('value')]);
  for (let end = 1; end < whole.length; end++) {
    const write = client.write('streamSet', chunks(whole.subarray(0, end)));
    await refused(write, 3, /^not enough data to build the expected message/);
  }
  assert.equal(await txCount(client), 0);
});

test('no frames, an empty key and a key named twice are refused in the words of the method', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const prefix = '^StreamSet receives following error: ';
  await refused(client.write('streamSet', []), 2, new RegExp(`${prefix}no entries provided$`));
  const empty = client.write('streamSet', chunks(frame(''), frame('v')));
  await refused(empty, 2, new RegExp(`${prefix}illegal arguments$`));
  const twice = chunks(frame('k'), frame('1'), frame('k'), frame('2'));
  await refused(client.write('streamSet', twice), 2, new RegExp(`${prefix}duplicated keys`));
  const long = client.write('streamSet', chunks(frame('k'.repeat(1024)), frame('v')));
  await refused(long, 2, new RegExp(`${prefix}max key length exceeded$`));
});

test('declared lengths are bounded before anything is allocated', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const huge = Buffer.alloc(8, 0xff);
  await refused(client.write('streamSet', chunks(huge)), 3, /key declares/);
  const value = client.write('streamSet', chunks(frame('k'), huge));
  await refused(value, 9, /^internal store max value length exceeded$/);
  await refused(client.write('streamExecAll', chunks(huge)), 3, /operation declares/);
  await refused(client.write('streamVerifiableSet', chunks(huge)), 3, /proveSinceTx declares/);
  const zAdd = client.write('streamExecAll', chunks(frame(Buffer.from([2])), huge));
  await refused(zAdd, 3, /zAdd declares/);
  assert.equal(await txCount(client), 0);
});

test('a value of a stream has the limit of its database, all together that of the protocol', async (t) => {
  const fixture = await RpcFixture.start(t, { defaults: { maxValueLen: 100_000 } });
  const client = await fixture.loggedIn();
  for (const length of [100_000, 100_001]) {
    const single = client.write('streamSet', chunks(frame('a'), frame(Buffer.alloc(length))));
    await refused(single, 9, /^internal store max value length exceeded$/);
  }
  const value = frame(Buffer.alloc(99_999, 1));
  const pairs = (count: number) =>
    chunks(...Array.from({ length: count }, (_, i) => [frame(`k${i}`), value]).flat());
  const most = Math.floor((32 * MIB) / 99_999);
  const tooMany = client.write('streamSet', pairs(most + 1));
  await refused(tooMany, 9, /^max transaction values length exceeded$/);
  assert.equal((await client.write('streamSet', pairs(most))).nentries, most);
  const entries = Array.from({ length: 1025 }, (_, i) => [frame(`k${i}`), frame('v')]).flat();
  await refused(client.write('streamSet', chunks(...entries)), 2, /max number of entries per tx/);
});

test('a large value goes in and out piece by piece and comes back as it was', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const sent = createHash('sha256');
  const requests = function* () {
    yield { content: frame('big') };
    yield* bigValue(20 * MIB + 17, sent);
  };
  await client.write('streamSet', requests());
  const answers = await client.read('streamGet', { key: Buffer.from('big') });
  for (const { content } of answers) assert.ok(content.length <= 65_536);
  const [keyFrame, valueFrame] = framesOf(answers.map(({ content }) => content));
  assert.deepEqual(keyFrame, Buffer.from('big'));
  assert.equal(valueFrame?.length, 20 * MIB + 17);
  const received = createHash('sha256').update(valueFrame as Buffer);
  assert.equal(received.digest('hex'), sent.digest('hex'));
});

test('values that were staged for a write that is refused are given back', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const requests = function* () {
    for (const key of ['k', 'k']) {
      yield { content: frame(key) };
      yield* bigValue(MIB);
    }
  };
  await refused(client.write('streamSet', requests()), 2, /duplicated keys/);
  assert.equal(await txCount(client), 0);
  const cut = function* () {
    yield { content: frame('k') };
    const header = Buffer.alloc(8);
    header.writeBigUInt64BE(BigInt(MIB));
    yield { content: header };
    yield { content: Buffer.alloc(MIB - 1) };
  };
  await refused(client.write('streamSet', cut()), 3, /^not enough data/);
  assert.equal(await txCount(client), 0);
});

test('streamVerifiableSet begins with the transaction to prove from', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const pair = [frame('k'), frame('v')];
  const made = await client.write('streamVerifiableSet', chunks(frame(Buffer.alloc(8)), ...pair));
  assert.equal(made.tx?.header?.id, 1);
  assert.equal(made.dualProof?.targetTxHeader?.id, 1);
  const short = client.write('streamVerifiableSet', chunks(frame(Buffer.alloc(3)), ...pair));
  await refused(short, 2, /^unexpected EOF$/);
  const future = Buffer.alloc(8);
  future.writeBigUInt64BE(9n);
  const ahead = client.write('streamVerifiableSet', chunks(frame(future), ...pair));
  await refused(ahead, 2, /^StreamVerifiableSet received the following error: illegal state$/);
});

test('streamVerifiableGet sends the entry, its transaction, its proof and the value', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const metadata = { expiration: { expiresAt: 4_102_444_800 } };
  const KVs = [{ key: Buffer.from('k'), value: Buffer.from('v'), metadata }];
  await client.call('Set', { KVs });
  const keyRequest = { key: Buffer.from('k') };
  const answers = await client.read('streamVerifiableGet', { keyRequest, proveSinceTx: 1 });
  const [entryFrame, txFrame, proofFrame, value] = framesOf(answers.map((c) => c.content));
  const entry = pb.decodeEntry(entryFrame as Buffer);
  assert.deepEqual([entry.tx, entry.revision, entry.value.length], [1, 1, 0]);
  assert.equal(entry.metadata?.expiration?.expiresAt, 4_102_444_800);
  assert.equal(pb.decodeVerifiableTx(txFrame as Buffer).tx?.entries.length, 1);
  assert.equal(pb.decodeInclusionProof(proofFrame as Buffer).width, 1);
  assert.deepEqual(value, Buffer.from('v'));
  const ahead = client.read('streamVerifiableGet', { keyRequest, proveSinceTx: 9 });
  await refused(ahead, 3, /^illegal state$/);
});

test('streamExecAll takes pairs and sorted-set entries and refuses the rest', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const kv = [frame(Buffer.from([1])), frame('k'), frame('v')];
  const zAdd = pb.encodeZAddRequest({ set: Buffer.from('s'), score: 1.5, key: Buffer.from('k') });
  const operation = (kind: number) => frame(Buffer.from([kind]));
  const header = await client.write('streamExecAll', chunks(...kv, operation(2), frame(zAdd)));
  assert.equal(header.nentries, 2);
  await refused(client.write('streamExecAll', []), 3, /^empty set$/);
  await refused(client.write('streamExecAll', chunks(operation(4))), 12, /^reference operation/);
  await refused(client.write('streamExecAll', chunks(...kv, operation(9))), 3, /operation is not/);
  await refused(client.write('streamExecAll', chunks(frame(''))), 3, /operation is not/);
  const bad = client.write(
    'streamExecAll',
    chunks(operation(2), frame(Buffer.from('ffff', 'hex'))),
  );
  await refused(bad, 13, /^unable to reassemble ZAdd message/);
  const half = client.write('streamExecAll', chunks(operation(1), frame('k')));
  await refused(half, 3, /^not enough data/);
  assert.equal(await txCount(client), 1);
});

test('scans, sorted sets and histories are streamed element by element', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const [a, b, s] = ['a', 'b', 's'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
  await client.call('Set', {
    KVs: [
      { key: a, value: Buffer.from('1') },
      { key: b, value: b },
    ],
  });
  await client.call('Set', { KVs: [{ key: a, value: Buffer.from('2') }] });
  await client.call('ZAdd', { set: s, score: -2.5, key: a });
  const text = async (answers: Promise<{ content: Uint8Array }[]>) =>
    framesOf((await answers).map((c) => c.content)).map((f) => f.toString('latin1'));
  assert.deepEqual(await text(client.read('streamScan', {})), ['a', '2', 'b', 'b']);
  assert.deepEqual(await text(client.read('streamHistory', { key: a })), ['a', '1', 'a', '2']);
  const score = Buffer.alloc(8);
  score.writeDoubleBE(-2.5);
  const element = ['s', 'a', score.toString('latin1'), '\0'.repeat(8), '2'];
  assert.deepEqual(await text(client.read('streamZScan', { set: s })), element);
  await refused(client.read('streamHistory', { key: Buffer.from('no') }), 2, /^key not found$/);
  await refused(client.read('streamScan', { limit: 100_000 }), 2, /^result size limit exceeded/);
});

test('transactions are exported one frame each, and the stream of many ends with OK', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  for (const key of ['a', 'b']) {
    await client.call('Set', { KVs: [{ key: Buffer.from(key), value: Buffer.from('v') }] });
  }
  const [first] = await client.read('exportTx', { tx: 1 });
  assert.equal(Buffer.from(first?.metadata.get('committed-txid-bin') ?? []).readBigUInt64BE(), 2n);
  const both = await client.exchange('streamExportTx', [{ tx: 1 }, { tx: 2 }]);
  assert.equal(framesOf(both.map((c) => c.content)).length, 2);
  await refused(client.read('exportTx', { tx: 3 }), 2, /^no new transactions$/);
  await refused(client.read('exportTx', { tx: 0 }), 3, /^illegal arguments$/);
  const ofReplica = client.read('exportTx', { tx: 1, replicaState: { committedTxID: 1 } });
  await refused(ofReplica, 2, /^illegal state: replica state was NOT expected$/);
  await refused(client.write('replicateTx', chunks(frame('x'))), 2, /^database is NOT a replica$/);
});

test('a login that ends takes its streams with it', async (t) => {
  const fixture = await RpcFixture.start(t);
  const admin = await fixture.loggedIn();
  const user = Buffer.from('alice');
  const password = Buffer.from('Passw0rd!');
  await admin.call('CreateUser', { user, password, permission: 2, database: 'defaultdb' });
  const alice = await fixture.loggedIn('alice', 'Passw0rd!');
  const authorization = `Bearer ${await alice.login('alice', 'Passw0rd!')}`;
  const stream = openStream(t, fixture, 'streamSet', { authorization });
  const ended = grpcStatus(stream);
  stream.write(onTheWire(pb.encodeChunk({ content: frame('k') })));
  await once(stream, 'response');
  await admin.call('SetActiveUser', { username: 'alice', active: false });
  assert.equal(await ended, '2');
  assert.equal(await txCount(admin), 0);
});

test('a stream that its client resets between two pairs writes nothing', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const authorization = `Bearer ${await client.login()}`;
  const pair = pb.encodeChunk({ content: Buffer.concat([frame('k'), frame('v')]) });
  for (let i = 0; i < 20; i++) {
    const stream = openStream(t, fixture, 'streamSet', { authorization });
    await once(stream, 'response');
    await new Promise((resolve) => stream.write(onTheWire(pair), resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await until(() => fixture.server.inFlight === 0);
  }
  assert.equal(await txCount(client), 0);
});

test('a stream that stands still is ended', async (t) => {
  const clock = new FakeClock();
  const limits = { streamProgressTimeoutMs: 1000 };
  const fixture = await RpcFixture.start(t, { rpc: { clock, limits } });
  const client = await fixture.loggedIn();
  const authorization = `Bearer ${await client.login()}`;
  const stream = openStream(t, fixture, 'streamSet', { authorization });
  const ended = grpcStatus(stream);
  await once(stream, 'response');
  clock.advance(1001);
  assert.equal(await ended, '4');
});

test('a reader that does not read holds the server back, and gets all when it does', async (t) => {
  const fixture = await RpcFixture.start(t);
  const client = await fixture.loggedIn();
  const requests = function* () {
    yield { content: frame('big') };
    yield* bigValue(24 * MIB);
  };
  await client.write('streamSet', requests());
  const authorization = `Bearer ${await client.login()}`;
  const before = process.memoryUsage.rss();
  const readers = Array.from({ length: 8 }, () => {
    const stream = openStream(t, fixture, 'streamGet', { authorization });
    stream.pause();
    stream.end(onTheWire(pb.encodeKeyRequest({ key: Buffer.from('big') })));
    return stream;
  });
  await Promise.all(readers.map((stream) => once(stream, 'response')));
  await client.call('Health', {});
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(process.memoryUsage.rss() - before < 100 * MIB);
  const [first] = readers as [ClientHttp2Stream];
  let bytes = 0;
  first.on('data', (data: Buffer) => {
    bytes += data.length;
  });
  first.resume();
  await once(first, 'end');
  assert.ok(bytes > 24 * MIB);
});
