// One verified write and read with immudb-node over mutual TLS. The package makes no use of the
// certificates it takes: its own grpc-js is given credentials before it is asked for insecure ones.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';

interface Client {
  readonly client: { close(): void };
  login(r: { user: string; password: string }): Promise<unknown>;
  useDatabase(r: { databasename: string }): Promise<unknown>;
  verifiedSet(r: { key: string; value: string }): Promise<unknown>;
  verifiedGet(r: { key: string }): Promise<{ readonly value: string }>;
}

const text = { type: 'string', default: '' } as const;
const { values } = parseArgs({
  options: {
    module: text,
    port: text,
    'state-dir': text,
    certificate: text,
    key: text,
    authorities: text,
  },
});

const load = createRequire(path.join(values.module, 'package.json'));
const grpc = load('@grpc/grpc-js') as typeof import('@grpc/grpc-js');
const { authorities, key, certificate } = values;
grpc.credentials.createInsecure = () =>
  grpc.credentials.createSsl(
    readFileSync(authorities),
    readFileSync(key),
    readFileSync(certificate),
  );

const { default: ImmudbClient } = load(values.module) as {
  default: { getInstance(config: object): Promise<Client> };
};
const client = await ImmudbClient.getInstance({
  host: 'localhost',
  port: values.port,
  rootPath: path.join(values['state-dir'], 'root'),
  autoLogin: false,
  autoDatabase: false,
});
await client.login({ user: 'immudb', password: 'immudb' });
await client.useDatabase({ databasename: 'defaultdb' });
await client.verifiedSet({ key: 'node', value: 'over mTLS' });
assert.equal((await client.verifiedGet({ key: 'node' })).value, 'over mTLS');
client.client.close();
console.log('verified');
process.exit(0);
