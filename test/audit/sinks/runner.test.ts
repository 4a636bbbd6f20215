import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync, linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { AuditError } from '../../../src/audit/errors.js';
import { makeSink } from '../../../src/audit/sinks/make.js';
import { SinkRunner } from '../../../src/audit/sinks/runner.js';
import type { Sink, SinkLine } from '../../../src/audit/sinks/sink.js';
import { syslogMessage } from '../../../src/audit/sinks/syslog.js';
import { silentLog } from '../../../src/base/log.js';
import { sampleEvent } from '../event-samples.js';
import { makeStream, type Stream } from '../verify/stream-fixture.js';

const RETRY_MS = 5;

/** Keeps what it gets; fails while it is told to. */
class MemorySink implements Sink {
  readonly lines: SinkLine[] = [];
  failures = 0;

  async send(lines: readonly SinkLine[]): Promise<void> {
    if (this.failures-- > 0) throw new Error('no space here');
    this.lines.push(...lines);
  }

  async close(): Promise<void> {}

  get seqs(): number[] {
    return this.lines.map(({ seq }) => seq);
  }
}

async function runner(t: TestContext, stream: Stream, sink: Sink, batchLines = 4, added = 0) {
  const opened = await SinkRunner.open({
    name: 'test',
    path: stream.live,
    sink,
    log: silentLog,
    newestSeq: stream.lastSeq + added,
    batchLines,
    retryMs: RETRY_MS,
  });
  t.after(() => opened.close());
  return opened;
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

function addLine(stream: Stream, seq: number): void {
  appendFileSync(stream.live, `${JSON.stringify(sampleEvent({ seq }))}\n`);
}

test('every line of every file comes once and in order, and later ones follow', async (t) => {
  const stream = makeStream(t, [5, 6], 4);
  const sink = new MemorySink();
  const running = await runner(t, stream, sink);
  await running.delivered(15);
  assert.deepEqual(sink.seqs, upTo(15));
  addLine(stream, 16);
  running.notify(16);
  await running.delivered(16);
  assert.deepEqual(sink.seqs, upTo(16));
  assert.equal(running.lagEvents, 0);
});

test('the cursor outlives the process, the rotation and the compression of its file', async (t) => {
  const stream = makeStream(t, [5], 4);
  const sink = new MemorySink();
  const first = await runner(t, stream, sink);
  await first.delivered(9);
  await first.close();
  const closed = path.join(stream.directory, 'audit.20261122T000001Z.0000000002.json');
  linkSync(stream.live, closed);
  const second = await runner(t, stream, sink);
  addLine(stream, 10);
  second.notify(10);
  await second.delivered(10);
  rmSync(stream.live);
  addLine(stream, 11);
  second.notify(11);
  await second.delivered(11);
  await second.close();
  writeFileSync(`${closed}.gz`, gzipSync(readFileSync(closed)));
  rmSync(closed);
  addLine(stream, 12);
  const third = await runner(t, stream, sink, 4, 3);
  await third.delivered(12);
  assert.deepEqual(sink.seqs, upTo(12));
});

test('a batch that failed comes again, and nothing is lost', async (t) => {
  const stream = makeStream(t, [5, 6], 4);
  const sink = new MemorySink();
  sink.failures = 3;
  const running = await runner(t, stream, sink, 100);
  running.notify(15);
  await running.delivered(15);
  assert.deepEqual(sink.seqs, upTo(15));
});

test('a dead sink keeps nothing in memory, says why, and lets go at the end', async (t) => {
  const stream = makeStream(t, [5, 6], 4);
  const sink = new MemorySink();
  sink.failures = Number.POSITIVE_INFINITY;
  const running = await runner(t, stream, sink);
  running.notify(15);
  const waiting = running.delivered(15);
  while (running.failure === undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([running.failure, running.lagEvents], ['no space here', 15]);
  await Promise.all([
    assert.rejects(waiting, (error) => error instanceof AuditError && error.code === 'closed'),
    running.close(),
  ]);
  await assert.rejects(running.delivered(15), AuditError);
});

test('a cursor that is none is refused instead of guessed', async (t) => {
  const stream = makeStream(t, [5], 4);
  writeFileSync(path.join(stream.directory, 'audit.sink.test.cursor'), '{"seq":-1}');
  await assert.rejects(runner(t, stream, new MemorySink()), /is no cursor .* remove it to deliver/);
});

test('HTTP: lines are posted, and posted again until the answer is good', async (t) => {
  const stream = makeStream(t, [5], 4);
  const bodies: string[] = [];
  const numbers: unknown[] = [];
  let refusals = 2;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      if (refusals-- > 0) {
        response.writeHead(503).end();
        return;
      }
      bodies.push(body);
      numbers.push([request.headers['stele-first-seq'], request.headers['stele-last-seq']]);
      response.end('ok');
    });
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const running = await runner(t, stream, makeSink(`http://127.0.0.1:${port}/events`), 5);
  await running.delivered(9);
  const files = [stream.path(1), stream.live].map((file) => readFileSync(file, 'utf8'));
  assert.equal(bodies.join(''), files.join(''));
  assert.deepEqual(numbers, [
    ['1', '5'],
    ['6', '9'],
  ]);
});

/** Messages of RFC 6587, 3.4.1. */
function framesOf(data: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.subarray(at, space));
    frames.push(data.subarray(space + 1, space + 1 + length).toString());
    at = space + 1 + length;
  }
  return frames;
}

test('syslog: each line is a message of RFC 5424 with its length, again after the other side was gone', async (t) => {
  const stream = makeStream(t, [5], 4);
  let data = Buffer.alloc(0);
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      data = Buffer.concat([data, chunk]);
      server.emit('gained');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const running = await runner(t, stream, makeSink(`syslog://127.0.0.1:${port}`));
  await running.delivered(9);
  while (framesOf(data).length < 9) await once(server, 'gained');
  const messages = framesOf(data);
  assert.match(
    messages[1] as string,
    /^<110>1 2026-11-22T22:31:26\.123Z \S+ stele \d+ kv\.set - \{"event_time".*"seq":2,/,
  );
  const closing = [...sockets].map((socket) => once(socket, 'close'));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closing);
  // The end reaches the sink's own socket, which nobody outside can wait for.
  await new Promise((resolve) => setTimeout(resolve, 50));
  addLine(stream, 10);
  running.notify(10);
  await running.delivered(10);
  while (!framesOf(data).at(-1)?.includes('"seq":10,')) await once(server, 'gained');
  assert.equal(framesOf(data).length, 10);
});

test('what failed is a warning in syslog', () => {
  const event = sampleEvent({ event_name: 'auth.login.failed' });
  assert.match(syslogMessage({ seq: 1, text: JSON.stringify(event) }, 'h'), /^<108>1 .* h stele /);
});

test('addresses of sinks are checked, and never repeated', () => {
  for (const wrong of ['', 'stdout', 'ftp://h', 'https://me:secret@h/', 'syslog:', 'file:///x']) {
    assert.throws(
      () => makeSink(wrong),
      (error) => error instanceof AuditError && !error.message.includes('secret'),
      wrong,
    );
  }
});
