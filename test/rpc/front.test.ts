import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Log, type LogFields, silentLog } from '../../src/base/log.js';
import {
  type FrontFigures,
  type LimitName,
  type Metrics,
  noMetrics,
  type RpcLimits,
} from '../../src/rpc/index.js';
import { type MethodName, methods, pb } from '../../src/wire/index.js';
import { FakeClock } from '../support/fake-clock.js';
import type { CallError } from '../support/grpc-client.js';
import { callHeaders, END_HEADERS, FRAME, frame, RawHttp2 } from '../support/raw-http2.js';
import { onTheWire, RpcFixture, rawCall, until } from './fixture.js';

const CALM = 11;

/** What the front counts and says. */
class Observed {
  readonly limits: LimitName[] = [];
  readonly lines: [string, LogFields | undefined][] = [];
  read: () => FrontFigures = () => ({
    connections: 0,
    streams: 0,
    requestBytes: 0,
    unsentBytes: 0,
  });
  readonly metrics: Metrics = {
    ...noMetrics,
    limitReached: (limit) => this.limits.push(limit),
    observeFront: (read) => {
      this.read = read;
    },
  };
  readonly log: Log = {
    ...silentLog,
    warn: (message, fields) => this.lines.push([message, fields]),
  };
}

interface Started {
  readonly fixture: RpcFixture;
  readonly observed: Observed;
  readonly clock: FakeClock;
}

async function start(t: TestContext, limits: Partial<RpcLimits>): Promise<Started> {
  const observed = new Observed();
  const clock = new FakeClock();
  const { metrics, log } = observed;
  const fixture = await RpcFixture.start(t, { log, rpc: { limits, metrics, clock } });
  return { fixture, observed, clock };
}

async function open(t: TestContext, fixture: RpcFixture): Promise<RawHttp2> {
  const raw = await RawHttp2.open(fixture.port);
  t.after(() => raw[Symbol.dispose]());
  return raw;
}

/** A connection below gRPC. */
function session(t: TestContext, fixture: RpcFixture): ClientHttp2Session {
  const client = connectHttp2(`http://127.0.0.1:${fixture.port}`, { maxOutstandingPings: 100 });
  client.on('error', () => {});
  t.after(() => client.destroy());
  return client;
}

function request(client: ClientHttp2Session, method: MethodName, token?: string) {
  const stream = client.request({
    ':method': 'POST',
    ':path': methods[method].path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(token === undefined ? {} : { authorization: token }),
  });
  stream.on('error', () => {});
  stream.resume();
  const trailers = new Promise<[string, string]>((resolve) => {
    stream.on('trailers', (found) =>
      resolve([String(found['grpc-status']), decodeURI(String(found['grpc-message']))]),
    );
  });
  return { stream, trailers };
}

test('a connection above the number of connections is told which limit keeps it out', async (t) => {
  const { fixture, observed } = await start(t, { connectionsMax: 2 });
  const first = await open(t, fixture);
  await open(t, fixture);
  const third = await open(t, fixture);
  await third.closed;
  assert.deepEqual(third.goaway, { code: CALM, text: '--max-connections' });
  assert.deepEqual(observed.limits, ['max-connections']);
  first.socket.destroy();
  await until(() => observed.read().connections === 1);
  assert.equal((await fixture.client().call('Health', {})).status, true);
});

test('a flood of refused connections is one line in the log', async (t) => {
  const { fixture, observed, clock } = await start(t, { connectionsMax: 1 });
  await open(t, fixture);
  for (let i = 0; i < 20; i++) await (await open(t, fixture)).closed;
  assert.equal(observed.limits.length, 20);
  const fields = { limit: '--max-connections', address: '127.0.0.1' };
  assert.deepEqual(observed.lines, [['connection refused', fields]]);
  clock.advance(10_000);
  await until(() => observed.lines.length > 1);
  assert.deepEqual(observed.lines[1], ['connection refused', { ...fields, times: 19 }]);
});

test('a connection without a first call is sent away, one with a call stays until it is idle', async (t) => {
  const { fixture, observed, clock } = await start(t, {
    firstRequestTimeoutMs: 10_000,
    idleTimeoutMs: 600_000,
  });
  const silent = await open(t, fixture);
  const mute = connect(fixture.port, '127.0.0.1');
  t.after(() => mute.destroy());
  const client = fixture.client();
  await client.call('Health', {});
  await until(() => observed.read().connections === 3);
  clock.advance(10_001);
  await until(() => observed.limits.length === 2);
  clock.advance(5000);
  await silent.closed;
  assert.equal(silent.goaway?.code, 0);
  await until(() => observed.read().connections === 1);
  await client.call('Health', {});
  clock.advance(600_001);
  await until(() => observed.limits.length === 3);
  assert.deepEqual(observed.limits, [
    'first-request-timeout',
    'first-request-timeout',
    'idle-timeout',
  ]);
  // Its client does not notice.
  assert.equal((await client.call('Health', {})).status, true);
});

test('calls at once are few before a login and many after it', async (t) => {
  const { fixture, observed } = await start(t, { streamsBeforeLoginMax: 3 });
  const client = session(t, fixture);
  const waiting = Array.from({ length: 3 }, () => request(client, 'Health'));
  const refused = request(client, 'Health');
  assert.deepEqual(await refused.trailers, [
    '8',
    'too many calls at once on a connection without a login (--max-streams-before-login)',
  ]);
  assert.deepEqual(observed.limits, ['max-streams-before-login']);
  for (const { stream } of [...waiting, refused]) stream.close();
  await until(() => observed.read().streams === 0);
  const token = await fixture.client().login();
  const many = Array.from({ length: 20 }, () => request(client, 'CurrentState', token));
  for (const { stream } of many) stream.end(onTheWire(Buffer.alloc(0)));
  for (const { trailers } of many) assert.equal((await trailers)[0], '0');
});

test('calls above the limit of the protocol end the connection', async (t) => {
  const { fixture, observed } = await start(t, { streamsPerConnectionMax: 5 });
  const raw = await open(t, fixture);
  await raw.until(() => raw.count(FRAME.settings) >= 2);
  for (let i = 0; i < 6; i++) {
    raw.write(frame(FRAME.headers, END_HEADERS, 1 + 2 * i, callHeaders('Health')));
  }
  await raw.closed;
  await until(() => observed.limits.length === 1);
  assert.deepEqual(observed.limits, ['max-streams-per-connection']);
});

test('bytes of requests are few before a login', async (t) => {
  const { fixture, observed } = await start(t, { bytesBeforeLoginMax: 10_000 });
  const big = pb.encodeLoginRequest({ user: Buffer.alloc(11_000, 'a') });
  const { code, details } = await rawCall(fixture.client(), 'Login', [big]);
  assert.equal(code, 8);
  assert.match(details, /--max-size-before-login/);
  assert.deepEqual(observed.limits, ['max-size-before-login']);
  const client = await fixture.loggedIn();
  const entry = { key: Buffer.from('k'), value: Buffer.alloc(50_000) };
  assert.equal((await client.call('Set', { KVs: [entry] })).id, 1);
});

test('bytes that become many when they are decompressed count as many', async (t) => {
  const { fixture, observed } = await start(t, {});
  const client = session(t, fixture);
  const stream = client.request({
    ':method': 'POST',
    ':path': methods.Login.path,
    'content-type': 'application/grpc',
    'grpc-encoding': 'gzip',
  });
  stream.resume();
  const trailers = new Promise<string>((resolve) => {
    stream.on('trailers', (found) => resolve(String(found['grpc-status'])));
  });
  const message = onTheWire(gzipSync(Buffer.alloc(20_000_000)));
  message[0] = 1;
  stream.end(message);
  assert.equal(await trailers, '8');
  assert.deepEqual(observed.limits, ['max-size-before-login']);
});

test('requests of all connections share the bytes in flight, strangers a quarter of them', async (t) => {
  const { fixture, observed } = await start(t, {
    inflightBytesMax: 400_000,
    bytesBeforeLoginMax: 80_000,
  });
  const token = await fixture.client().login();
  const partial = (method: MethodName, bytes: number, auth?: string) => {
    const call = request(session(t, fixture), method, auth);
    // All but the last byte of a message.
    call.stream.write(onTheWire(Buffer.alloc(bytes + 1)).subarray(0, bytes));
    return call;
  };
  partial('Login', 70_000);
  await until(() => observed.read().requestBytes === 70_000);
  const stranger = await partial('Login', 40_000).trailers;
  assert.equal(stranger[0], '8');
  assert.match(stranger[1], /--max-inflight-size/);
  const user = partial('Set', 200_000, token);
  await until(() => observed.read().requestBytes === 270_000);
  assert.match((await partial('Set', 150_000, token).trailers)[1], /--max-inflight-size/);
  user.stream.close();
  await until(() => observed.read().requestBytes === 70_000);
  const client = await fixture.loggedIn();
  const entry = { key: Buffer.from('k'), value: Buffer.alloc(150_000) };
  assert.equal((await client.call('Set', { KVs: [entry] })).id, 1);
  await until(() => observed.read().requestBytes === 70_000);
});

test('a message cut into too many frames is refused', async (t) => {
  const { fixture, observed } = await start(t, { messageFramesMax: 1024 });
  const token = await fixture.client().login();
  const raw = await open(t, fixture);
  const headers = callHeaders('Set', { authorization: token });
  raw.write(frame(FRAME.headers, END_HEADERS, 1, headers));
  raw.write(frame(FRAME.data, 0, 1, Buffer.from([0, 0, 32, 0, 0])));
  const piece = frame(FRAME.data, 0, 1, Buffer.from([0]));
  await raw.flood(Buffer.concat(Array.from({ length: 3000 }, () => piece)));
  await until(() => observed.limits.length > 0);
  assert.deepEqual(observed.limits, ['max-message-frames']);
});

test('a request that ends inside a message is refused', async (t) => {
  const { fixture } = await start(t, {});
  const { stream, trailers } = request(session(t, fixture), 'Health');
  stream.end(Buffer.from([0, 0, 0, 0, 9, 1]));
  const [status, text] = await trailers;
  assert.deepEqual([status, text], ['3', 'the request ends inside a message']);
});

for (const [name, bytes] of [
  ['pings', frame(FRAME.ping, 0, 0, Buffer.alloc(8))],
  ['settings', frame(FRAME.settings, 0, 0)],
  ['window updates', frame(FRAME.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))],
  ['priorities', frame(FRAME.priority, 0, 1, Buffer.from([0, 0, 0, 3, 1]))],
  ['unknown frames', frame(0xbb, 0, 0, Buffer.alloc(100))],
] as const) {
  test(`a flood of ${name} ends its connection and no other`, async (t) => {
    const { fixture } = await start(t, { controlBytesMax: 65_536 });
    const client = await fixture.loggedIn();
    const raw = await open(t, fixture);
    const many = Buffer.concat(Array.from({ length: 1000 }, () => bytes));
    while (await raw.flood(many));
    await raw.closed;
    assert.equal((await client.call('Health', {})).status, true);
  });
}

test('a client that pings with every call is not a flood', async (t) => {
  const { fixture, observed } = await start(t, {});
  const client = session(t, fixture);
  for (let round = 0; round < 24; round++) {
    const calls = Array.from({ length: 50 }, () => request(client, 'Health'));
    for (const { stream } of calls) {
      stream.end(onTheWire(Buffer.alloc(0)));
      client.ping(() => {});
    }
    for (const { trailers } of calls) assert.equal((await trailers)[0], '0');
  }
  assert.deepEqual(observed.limits, []);
});

test('a client whose large requests are refused unread is not a flood', async (t) => {
  const { fixture, observed } = await start(t, { controlBytesMax: 65_536 });
  const client = session(t, fixture);
  const body = onTheWire(Buffer.alloc(500_000, 1));
  for (let round = 0; round < 4; round++) {
    const { stream, trailers } = request(client, 'Set', 'Bearer a.b.c');
    stream.end(body);
    assert.notEqual((await trailers)[0], '0');
    await new Promise((resolve) => stream.once('close', resolve));
  }
  // It is looked at with each sweep.
  await new Promise((resolve) => setTimeout(resolve, 600));
  const { stream, trailers } = request(client, 'Health');
  stream.end(onTheWire(Buffer.alloc(0)));
  assert.equal((await trailers)[0], '0');
  assert.deepEqual(observed.limits, []);
});

test('a client that leaves the most answers lying is ended when they are too many', async (t) => {
  const { fixture, observed } = await start(t, { unsentBytesMax: 3_000_000 });
  const writer = await fixture.loggedIn();
  const big = Buffer.alloc(1_000_000, 1);
  await writer.call('Set', { KVs: [{ key: Buffer.from('k'), value: big }] });
  const token = await writer.login();
  const raw = await open(t, fixture);
  raw.socket.pause();
  const get = onTheWire(pb.encodeKeyRequest({ key: Buffer.from('k') }));
  for (let stream = 1; stream < 9 && !raw.isClosed; stream += 2) {
    raw.write(
      frame(FRAME.headers, END_HEADERS, stream, callHeaders('Get', { authorization: token })),
    );
    raw.write(frame(FRAME.data, 1, stream, get));
  }
  await until(() => observed.limits.length > 0);
  assert.deepEqual(observed.limits, ['max-unsent-size']);
  assert.equal((await writer.call('Get', { key: Buffer.from('k') })).value.length, 1_000_000);
});

test('an answer that nobody takes is given up', async (t) => {
  const { fixture, observed, clock } = await start(t, { streamProgressTimeoutMs: 60_000 });
  const writer = await fixture.loggedIn();
  await writer.call('Set', { KVs: [{ key: Buffer.from('k'), value: Buffer.alloc(1_000_000) }] });
  const token = await writer.login();
  const raw = await open(t, fixture);
  raw.write(frame(FRAME.headers, END_HEADERS, 1, callHeaders('Get', { authorization: token })));
  raw.write(frame(FRAME.data, 1, 1, onTheWire(pb.encodeKeyRequest({ key: Buffer.from('k') }))));
  // Its window of 64 KiB is never opened again.
  await until(() => observed.read().unsentBytes > 900_000);
  await raw.until(() => raw.count(FRAME.data) > 0);
  await new Promise((resolve) => setTimeout(resolve, 600));
  clock.advance(60_001);
  await until(() => observed.read().unsentBytes === 0);
  assert.deepEqual(observed.limits, ['stream-progress-timeout']);
  assert.equal(observed.read().streams, 0);
});

test('a client that gives up many calls is sent to a new connection before it is cut', async (t) => {
  const { fixture, observed } = await start(t, { streamResetBurst: 200 });
  const raw = await open(t, fixture);
  const headers = callHeaders('Health');
  for (let i = 0; i < 150 && raw.goaway === undefined; i++) {
    const id = 1 + 2 * i;
    raw.write(frame(FRAME.headers, END_HEADERS, id, headers));
    await raw.until(() => raw.count(FRAME.headers) > i);
    raw.write(frame(FRAME.reset, 0, id, Buffer.from([0, 0, 0, 8])));
  }
  await raw.closed;
  assert.deepEqual(raw.goaway, { code: 0, text: '' });
  assert.deepEqual(observed.limits, ['stream-reset-burst']);
});

test('a deadline that the caller set ends the call', async (t) => {
  const { fixture, clock } = await start(t, {});
  const client = session(t, fixture);
  const stream = client.request({
    ':method': 'POST',
    ':path': methods.Health.path,
    'content-type': 'application/grpc',
    'grpc-timeout': '2S',
  });
  stream.resume();
  const status = new Promise((resolve) =>
    stream.on('trailers', (found) => resolve(found['grpc-status'])),
  );
  await new Promise((resolve) => stream.once('response', resolve));
  clock.advance(2001);
  assert.equal(await status, '4');
});

test('what is not gRPC is answered in the words of HTTP', async (t) => {
  const { fixture } = await start(t, {});
  const client = session(t, fixture);
  const stream = client.request({ ':method': 'GET', ':path': '/' });
  const status = await new Promise((resolve) =>
    stream.on('response', (headers) => resolve(headers[':status'])),
  );
  assert.equal(status, 415);
});

test('a refusal of a call names its limit in the status', async (t) => {
  const { fixture } = await start(t, { receiveBytesMax: 4096 });
  const client = await fixture.loggedIn();
  const call = client.call('Set', { KVs: [{ key: Buffer.from('k'), value: Buffer.alloc(9000) }] });
  await assert.rejects(
    call,
    (e: CallError) => e.code === 8 && /--max-recv-msg-size/.test(e.details),
  );
});
