import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { Certificates } from '../support/certificates.js';
import { GrpcClient } from '../support/grpc-client.js';
import { freePort, ServerProcess } from '../support/server-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'stele-mtls-'));
after(() => rmSync(root, { recursive: true, force: true }));
const ours = new Certificates(path.join(root, 'ours'));
const theirs = new Certificates(path.join(root, 'theirs'));
const expired = new Certificates(path.join(root, 'expired'), 0);

/** The last of several flags of one name counts. */
async function start(certificates: Certificates, ...flags: string[]): Promise<ServerProcess> {
  const dir = path.join(mkdtempSync(path.join(root, 'run-')), 'data');
  const port = await freePort();
  const own = [...certificates.serverFlags, ...flags];
  const server = ServerProcess.spawn({ dir, port, flags: own });
  await logged(server, 'listening');
  return server;
}

async function logged(server: ServerProcess, text: string): Promise<void> {
  for (let tries = 0; !server.log.includes(text); tries++) {
    assert.ok(tries < 500 && server.exit === undefined, `no ${text} in ${server.log}`);
    await delay(20);
  }
}

function clientOf(server: ServerProcess, channel: ChannelCredentials): GrpcClient {
  return new GrpcClient(`localhost:${server.port}`, channel);
}

function tlsSocket(server: ServerProcess, more: object = {}): TLSSocket {
  return connectTls({
    port: server.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: readFileSync(ours.authorities),
    cert: readFileSync(ours.clientCertificate),
    key: readFileSync(ours.clientKey),
    ALPNProtocols: ['h2'],
    ...more,
  });
}

async function refusedTo(server: ServerProcess, channel: ChannelCredentials): Promise<void> {
  using client = clientOf(server, channel);
  const { code } = await client.raw('/immudb.schema.ImmuService/Health', 'unary', [], {
    timeoutMs: 2000,
  });
  assert.notEqual(code, 0);
}

test('who shows a certificate of the authority is served', async () => {
  await using server = await start(ours);
  using client = clientOf(server, ours.channel());
  await client.openSession();
  const key = Buffer.from('k');
  await client.call('Set', { KVs: [{ key, value: Buffer.from('v') }] });
  assert.equal((await client.call('Get', { key })).tx, 1);
});

test('whoever does not is refused, and the log says why', async () => {
  await using server = await start(ours);
  await refusedTo(server, ours.channel('none'));
  await refusedTo(server, ours.channel(theirs));
  const plain = connectTcp(server.port, '127.0.0.1').on('error', () => {});
  plain.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await once(plain, 'close');
  await logged(server, 'the client showed no certificate');
  await logged(server, 'the certificate is of an authority not in --clientcas');
  await logged(server, 'no TLS: the client speaks plain');
});

test('an expired certificate is refused, and the log says so', async () => {
  await using server = await start(ours, '--clientcas', expired.authorities);
  await delay(1100);
  await refusedTo(server, ours.channel(expired));
  await logged(server, 'the certificate of the client has expired');
});

test('a flood of refused connections leaves a few lines in the log', async () => {
  await using server = await start(ours);
  for (let i = 0; i < 40; i++) {
    const plain = connectTcp(server.port, '127.0.0.1').on('error', () => {});
    plain.end('nonsense\r\n\r\n');
    await once(plain, 'close');
  }
  assert.ok(server.log.split('TLS connection refused').length - 1 <= 10, server.log);
});

async function negotiated(server: ServerProcess, version: SecureVersion): Promise<string | null> {
  const socket = tlsSocket(server, { minVersion: version, maxVersion: version });
  try {
    await once(socket, 'secureConnect');
    return socket.getProtocol();
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}

test('TLS 1.2 and 1.3 are spoken, and the lower one can be switched off', async () => {
  await using server = await start(ours);
  assert.equal(await negotiated(server, 'TLSv1.2'), 'TLSv1.2');
  assert.equal(await negotiated(server, 'TLSv1.3'), 'TLSv1.3');
  await using strict = await start(ours, '--tls-min-version', '1.3');
  assert.equal(await negotiated(strict, 'TLSv1.2'), null);
  assert.equal(await negotiated(strict, 'TLSv1.3'), 'TLSv1.3');
});

async function serialOf(server: ServerProcess): Promise<string> {
  const socket = tlsSocket(server, { rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

test('certificates are read again at SIGHUP, and calls in flight go on', async () => {
  const folder = path.join(root, 'reloaded');
  const used = new Certificates(folder);
  await using server = await start(
    ours,
    '--certificate',
    used.serverCertificate,
    '--pkey',
    used.serverKey,
  );
  const before = await serialOf(server);

  // A call that has begun and is not over.
  const session = connectHttp2(`https://localhost:${server.port}`, {
    createConnection: () => tlsSocket(server, { rejectUnauthorized: false }),
  });
  const stream = session.request({
    ':method': 'POST',
    ':path': '/immudb.schema.ImmuService/Health',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  await once(stream, 'response');

  rmSync(used.serverCertificate);
  rmSync(used.serverKey);
  copyFileSync(ours.serverCertificate, used.serverCertificate);
  copyFileSync(ours.serverKey, used.serverKey);
  server.signal('SIGHUP');
  await logged(server, 'certificates read again');
  assert.notEqual(await serialOf(server), before);

  const ended = once(stream, 'trailers');
  stream.resume();
  stream.end(Buffer.alloc(5));
  const [trailers] = (await ended) as [Record<string, string>];
  assert.equal(trailers['grpc-status'], '0');
  session.destroy();
});

test('files that cannot be used at SIGHUP leave the old certificates in place', async () => {
  const used = new Certificates(path.join(root, 'spoiled'));
  await using server = await start(
    ours,
    '--certificate',
    used.serverCertificate,
    '--pkey',
    used.serverKey,
  );
  const before = await serialOf(server);
  rmSync(used.serverKey);
  server.signal('SIGHUP');
  await logged(server, 'certificates could not be read again; the old ones stay');
  assert.equal(await serialOf(server), before);
});
