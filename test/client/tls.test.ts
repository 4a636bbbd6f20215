import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { SteleClient } from '../../src/client/index.js';
import { runClient } from '../cli/client-world.js';
import { freePort, ServerProcess } from '../support/server-process.js';

interface Certificates {
  readonly directory: string;
  readonly file: (name: string) => string;
}

/** An authority, a certificate of the server and one of a client, all of it made with openssl. */
async function certificates(t: TestContext): Promise<Certificates> {
  const directory = await mkdtemp(path.join(tmpdir(), 'stele-tls-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=test',
    '-days',
    '2',
  );
  for (const name of ['server', 'client']) {
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-days',
      '2',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-subj',
      `/CN=${name}.test`,
      '-addext',
      `subjectAltName=DNS:${name}.test,IP:127.0.0.1`,
      '-addext',
      'basicConstraints=CA:FALSE',
    );
  }
  return { directory, file: (name) => path.join(directory, name) };
}

test('TLS: the server must be known and have the name; mTLS: the client shows its certificate', async (t) => {
  const { directory, file } = await certificates(t);
  const port = await freePort();
  const flags = ['--mtls', '--certificate', file('server.pem'), '--pkey', file('server.key')];
  await using _server = ServerProcess.spawn({
    dir: path.join(directory, 'data'),
    port,
    flags: [...flags, '--clientcas', file('ca.pem')],
  });
  const tls = {
    ca: await readFile(file('ca.pem')),
    certificate: await readFile(file('client.pem')),
    key: await readFile(file('client.key')),
  };
  await reachable(port, tls);
  await using client = await SteleClient.connect({
    port,
    tls: { ...tls, serverName: 'server.test' },
  });
  await client.openSession('immudb', 'immudb');
  assert.equal((await client.verifiedSet('k', 'v')).id, 1);
  const refused = (options: object) =>
    assert.rejects(SteleClient.connect({ port, retries: 0, ...options }), { code: 'unreachable' });
  await refused({ tls: { ...tls, serverName: 'other.test' } });
  await refused({ tls: { ...tls, ca: undefined } });
  await refused({ tls: { ca: tls.ca } });
  await refused({});
  await assert.rejects(SteleClient.connect({ port, tls: { certificate: tls.certificate } }), {
    code: 'optionInvalid',
  });
  const args = ['safeget', 'k', '--value-only', '--mtls', '--clientcas', file('ca.pem')];
  const own = ['--certificate', file('client.pem'), '--pkey', file('client.key')];
  const env = {
    HOME: directory,
    STELE_IMMUDB_PORT: String(port),
    STELE_USERNAME: 'immudb',
    STELE_PASSWORD: 'immudb',
  };
  const ended = await runClient({ args: [...args, ...own], env });
  assert.equal(ended.stdout, 'v\n', ended.stderr);
  assert.equal((await runClient({ args, env })).exitCode, 2);
});

async function reachable(port: number, tls: object): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await using _client = await SteleClient.connect({ port, tls, retries: 6 });
      return;
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
}
