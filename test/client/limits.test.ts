import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { CallError, ClientError, SteleClient } from '../../src/client/index.js';
import { pb } from '../../src/wire/index.js';

/** A server that answers `Health`, and any other method as the test says. */
async function serverOf(
  t: TestContext,
  answer: (stream: ServerHttp2Stream, path: string) => void,
): Promise<{ readonly port: number; readonly server: Http2Server; readonly calls: string[] }> {
  const calls: string[] = [];
  const server = createServer();
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    const path = String(headers[':path']).split('/').at(-1) as string;
    stream.on('error', () => {});
    calls.push(path);
    if (path === 'Health') say(stream, pb.encodeHealthResponse({ status: true }));
    else answer(stream, path);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server, calls };
}

function head(stream: ServerHttp2Stream, trailers: Record<string, string>): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
}

function frame(message: Uint8Array, flag = 0, length = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

function say(stream: ServerHttp2Stream, message: Uint8Array): void {
  head(stream, { 'grpc-status': '0' });
  stream.end(frame(message));
}

function refuse(stream: ServerHttp2Stream, status: number, text: string): void {
  const headers = { 'grpc-status': String(status), 'grpc-message': encodeURIComponent(text) };
  stream.respond({ ':status': 200, ...headers }, { endStream: true });
}

test('a server that does not answer is given up at the deadline', async (t) => {
  const { port } = await serverOf(t, () => {});
  await using client = await SteleClient.connect({ port, deadlineMs: 60 });
  await assert.rejects(client.set('k', 'v'), (error: unknown) => {
    assert.ok(error instanceof CallError);
    assert.equal(error.code, 'deadlineExceeded');
    assert.match(error.message, /a write may still have happened/);
    return true;
  });
});

test('a call that changes nothing is tried again, a write is not', async (t) => {
  let left = 2;
  const { port, calls } = await serverOf(t, (stream, path) => {
    if (path === 'Get' && left-- === 0) say(stream, pb.encodeEntry({ tx: 7 }));
    else stream.session?.destroy();
  });
  await using client = await SteleClient.connect({ port });
  assert.equal((await client.get('k')).txId, 7);
  assert.equal(calls.filter((path) => path === 'Get').length, 3);
  await assert.rejects(client.set('k', 'v'), { code: 'unreachable' });
  assert.equal(calls.filter((path) => path === 'Set').length, 1);
  await assert.rejects(client.verifiedSet('k', 'v'), { code: 'unreachable' });
  assert.equal(calls.filter((path) => path === 'VerifiableSet').length, 1);
});

test('a lost connection is made anew', async (t) => {
  const { port } = await serverOf(t, (stream, path) => {
    if (path === 'Set') stream.session?.destroy();
    else say(stream, pb.encodeEntry({ tx: 1 }));
  });
  await using client = await SteleClient.connect({ port, retries: 0 });
  await assert.rejects(client.set('k', 'v'), { code: 'unreachable' });
  assert.equal((await client.get('k')).txId, 1);
});

test('what is no answer is said to be none', async (t) => {
  const answers: ((stream: ServerHttp2Stream) => void)[] = [
    (stream) => {
      head(stream, { 'grpc-status': '0' });
      stream.end();
    },
    (stream) => {
      head(stream, { 'grpc-status': '0' });
      stream.end(frame(Buffer.alloc(1), 1));
    },
    (stream) => {
      head(stream, { 'grpc-status': '0' });
      stream.end(frame(Buffer.alloc(1), 0, 5_000_000));
    },
  ];
  const { port } = await serverOf(t, (stream) => answers.shift()?.(stream));
  await using client = await SteleClient.connect({ port, messageBytesMax: 1_000_000 });
  for (const text of [/OK without an answer/, /compressed/, /5000000 bytes; the limit/]) {
    await assert.rejects(client.get('k'), (error: unknown) => {
      assert.ok(error instanceof ClientError);
      assert.equal(error.code, 'answerInvalid');
      assert.match(error.message, text);
      return true;
    });
  }
});

test('a message in many pieces, and many messages in one, are read as they were sent', async (t) => {
  const { port } = await serverOf(t, (stream, path) => {
    const bytes = frame(pb.encodeEntry({ tx: 3, value: Buffer.from('in pieces') }));
    if (path === 'Get') {
      head(stream, { 'grpc-status': '0' });
      const next = (at: number) => {
        if (at === bytes.length) stream.end();
        else stream.write(bytes.subarray(at, at + 1), () => next(at + 1));
      };
      next(0);
      return;
    }
    head(stream, { 'grpc-status': '0' });
    const chunk = frame(pb.encodeChunk({ content: Buffer.from('x') }));
    stream.end(Buffer.concat(Array.from({ length: 50 }, () => chunk)));
  });
  await using client = await SteleClient.connect({ port });
  assert.equal(Buffer.from((await client.get('k')).value).toString(), 'in pieces');
  let found = '';
  for await (const content of client.exportTx(1)) found += Buffer.from(content).toString();
  assert.equal(found, 'x'.repeat(50));
});

test('a text of the server arrives whole, and HTTP that is no gRPC is said to be so', async (t) => {
  const { port } = await serverOf(t, (stream, path) => {
    if (path === 'Get') refuse(stream, 2, 'key not found: 100 % «ключ»');
    else stream.respond({ ':status': 404 }, { endStream: true });
  });
  await using client = await SteleClient.connect({ port, retries: 0 });
  await assert.rejects(client.get('k'), {
    code: 'refused',
    message: 'key not found: 100 % «ключ»',
  });
  await assert.rejects(
    client.set('k', 'v'),
    /HTTP status 404, so it is no server of this protocol/,
  );
});
