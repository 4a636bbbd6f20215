import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer as createHttpServer, get, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import type { SealedEvent } from '../../../src/audit/event.js';
import { Certificates } from '../../support/certificates.js';
import { CallError } from '../../support/grpc-client.js';
import { freePort } from '../../support/server-process.js';
import { entry, Fixture } from '../server-fixture.js';
import { readStream } from '../stream-reader.js';

const UNAVAILABLE = 14;
const POLL_MS = 10;
const WAIT_MS_MAX = 20_000;

async function until(condition: () => boolean, what: string): Promise<void> {
  const begin = performance.now();
  while (!condition()) {
    assert.ok(performance.now() - begin < WAIT_MS_MAX, what);
    await delay(POLL_MS);
  }
}

/** Takes batches while `isUp`. */
class Collector {
  readonly lines: string[] = [];
  isUp = true;
  readonly #server: Server;

  constructor(t: TestContext) {
    this.#server = createHttpServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        if (this.isUp) this.lines.push(...body.split('\n').slice(0, -1));
        response.writeHead(this.isUp ? 204 : 503).end();
      });
    });
    t.after(() => this.#server.close());
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/events`;
  }
}

function seqsOf(lines: readonly string[]): number[] {
  return lines.map((line) => (JSON.parse(line) as SealedEvent).seq);
}

/** All lines of the stream, each once and in order. */
function assertWhole(lines: readonly string[], f: Fixture): void {
  const { text } = readStream(f.audit);
  assert.deepEqual(lines, text.split('\n').slice(0, -1));
}

test('sinks get every line, also what was written while they were gone or the server was', async (t) => {
  const f = new Fixture(t);
  const collector = new Collector(t);
  collector.isUp = false;
  const sink = `--audit-sink=siem=${await collector.listen()}`;
  let server = await f.start(sink, '--audit-rotate-size=4KiB');
  const client = await f.client();
  // Nobody waits for a sink that is gone.
  for (let at = 0; at < 30; at++) await client.call('Set', { KVs: [entry(`k${at}`)] });
  await f.stop(server);
  assert.deepEqual(collector.lines, []);
  collector.isUp = true;
  server = await f.start(sink);
  const wanted = readStream(f.audit).events.length;
  await until(() => collector.lines.length >= wanted, 'the lines of the first server');
  await (await f.client()).call('Set', { KVs: [entry('k')] });
  await f.stop(server);
  assertWhole(collector.lines, f);
});

test('syslog over TLS is checked against the given authority; standard output takes lines too', async (t) => {
  const f = new Fixture(t);
  const files = new Certificates(path.join(f.folder, 'certificates'));
  const cert = readFileSync(files.serverCertificate);
  const key = readFileSync(files.serverKey);
  let received = '';
  const sockets = new Set<Socket>();
  const listener = createTlsServer({ cert, key }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
  }).listen(0, '127.0.0.1');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  await once(listener, 'listening');
  const address = `syslog+tls://localhost:${(listener.address() as AddressInfo).port}`;
  const server = await f.start(
    `--audit-sink=siem=${address},out=stdout:`,
    `--audit-sink-ca=${files.authorities}`,
  );
  await (await f.client()).call('Set', { KVs: [entry('k')] });
  await f.stop(server);
  const { events, text } = readStream(f.audit);
  const messages = [...received.matchAll(/stele \d+ (\S+) - (\{.*?\})(?=\d+ <|$)/g)];
  assert.deepEqual(
    messages.map(([, , line]) => line),
    text.split('\n').slice(0, -1),
  );
  assert.ok(messages.some(([, name]) => name === 'kv.set'));
  const printed = server.log.split('\n').filter((line) => line.startsWith('{"event_time"'));
  assert.deepEqual(
    seqsOf(printed),
    events.map(({ seq }) => seq),
  );
  assert.deepEqual(
    readdirSync(f.audit).filter((name) => name.endsWith('.cursor')),
    ['audit.sink.out.cursor', 'audit.sink.siem.cursor'],
  );
});

test('a required sink has the event before the answer, and calls are refused while it fails', async (t) => {
  const f = new Fixture(t);
  const collector = new Collector(t);
  const address = await collector.listen();
  const metricsPort = await freePort();
  const server = await f.start(
    ...[`--audit-sink=siem=${address}`, '--audit-require-sink=siem', '--audit-block-timeout=1s'],
    // The server itself says nothing meanwhile.
    ...['--audit-checkpoint-interval=1h', '--audit-space-warn=0B', '--audit-space-critical=0B'],
    ...['--metrics-server=true', `--metrics-server-port=${metricsPort}`],
  );
  const client = await f.client();
  const { id } = await client.call('Set', { KVs: [entry('k')] });
  assert.ok(collector.lines.some((line) => line.includes(`"tx_id":${id},`)));
  collector.isUp = false;
  // The first to meet the failure is done already; the next are refused before they do anything.
  const codes: string[] = [];
  for (let at = 0; at < 3; at++) {
    await client.call('Set', { KVs: [entry(`k${at}`)] }).then(
      () => assert.fail('answered without the sink'),
      (error: unknown) => {
        assert.ok(error instanceof CallError && error.code === UNAVAILABLE, String(error));
        codes.push(error.message);
      },
    );
  }
  assert.match(codes[0] as string, /transaction 2 is stored/);
  assert.ok(codes.slice(1).every((message) => !message.includes('is stored')));
  assert.match(await metrics(metricsPort), /stele_audit_sink_lag_events\{sink="siem"\} [1-9]/);
  collector.isUp = true;
  await until(() => collector.lines.some((line) => line.includes('"tx_id":2,')), 'it comes later');
  const begin = performance.now();
  for (;;) {
    const done = await client.call('Set', { KVs: [entry('k')] }).then(
      () => true,
      () => false,
    );
    if (done) break;
    assert.ok(performance.now() - begin < WAIT_MS_MAX, 'calls are served again');
    await delay(POLL_MS);
  }
  await f.stop(server);
  assertWhole(collector.lines, f);
});

function metrics(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/metrics' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}

test('settings of sinks that cannot be are refused at the start', async (t) => {
  const f = new Fixture(t);
  const wrong: [string[], RegExp][] = [
    [['--audit-sink=siem=ftp://h'], /--audit-sink/],
    [['--audit-sink=a=stdout:,a=stdout:'], /name a/],
    [['--audit-require-sink=siem'], /siem is none of --audit-sink/],
    [['--audit-retention-require-archive'], /needs an --audit-sink/],
    [['--audit-sink=siem=https://me:pass@h/'], /without user and password/],
  ];
  for (const [flags, message] of wrong) {
    await assert.rejects(f.start(...flags), message, flags.join(' '));
  }
});
