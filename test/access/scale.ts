import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Auth, databaseStore } from '../../src/auth/index.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLog } from '../../src/base/log.js';
import { DatabaseManager } from '../../src/database/index.js';
import { createRpcServer } from '../../src/rpc/index.js';
import { bytes, CHEAP_HASH, STRONG } from '../support/auth-fixture.js';
import { GrpcClient } from '../support/grpc-client.js';
import { quantile } from './figures.js';

const BATCH = 40;

/** A server in this process with so many users, each logged in, and databases. */
class Populated implements AsyncDisposable {
  readonly client: GrpcClient;
  readonly #close: () => Promise<void>;

  private constructor(client: GrpcClient, close: () => Promise<void>) {
    this.client = client;
    this.#close = close;
  }

  static async open(users: number, databaseCount: number): Promise<Populated> {
    const dir = await mkdtemp(path.join(tmpdir(), 'stele-scale-'));
    const databases = await openDatabases(dir);
    const auth = new Auth({
      store: databaseStore(databases.system),
      databases,
      hashCost: CHEAP_HASH,
      options: { tokenKeyPath: path.join(dir, 'token.key') },
    });
    await auth.open();
    const server = createRpcServer({
      databases,
      auth,
      serverUuid: 'dc1r4hhksdu9pknvc3k0',
      protocolVersion: '1.9.7',
      version: '0.0.0-test',
      log: silentLog,
    });
    const port = await server.listen('127.0.0.1', 0);
    const client = new GrpcClient(port);
    await client.login();
    for (let i = 0; i < databaseCount; i++) {
      await client.call('CreateDatabase', { databaseName: `db${i}` });
    }
    await populate(auth, users);
    return new Populated(client, async () => {
      client.close();
      await server.drain(0);
      auth.dispose();
      await databases.close();
      await rm(dir, { recursive: true, force: true });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

async function populate(auth: Auth, users: number): Promise<void> {
  const root = { userName: 'immudb', password: bytes('immudb'), address: '127.0.0.1' };
  const { caller } = await auth.login(root);
  for (let i = 0; i < users; i++) {
    const userName = `user${i}`;
    const password = bytes(STRONG);
    await auth.createUser(caller, { userName, password, permission: 2, database: 'defaultdb' });
    await auth.login({ userName, password, address: '127.0.0.1' });
  }
}

function openDatabases(dir: string): Promise<DatabaseManager> {
  return DatabaseManager.open({
    dir,
    defaults: {
      maxKeyLen: 1024,
      maxValueLen: 33_554_432,
      maxTxEntries: 1024,
      writeTxHeaderVersion: 1,
    },
    limits: { resultEntriesMax: 2500, resultBytesMax: 33_554_432, waitersMax: 1000 },
    clock: systemClock,
    log: silentLog,
    commitTimeoutMs: 10_000,
    reserveBytes: 1024,
    reserveFraction: 0,
    onFailure: (_, error) => {
      throw error;
    },
    onCorruption: (_, error) => {
      throw error;
    },
  });
}

/** Calls that a client makes all the time. */
const CALLS: Readonly<Record<string, (client: GrpcClient, i: number) => Promise<unknown>>> = {
  get: (client) => client.call('Get', { key: Buffer.from('k') }),
  set: (client, i) =>
    client.call('Set', { KVs: [{ key: Buffer.from('k'), value: Buffer.from(String(i)) }] }),
  useDatabase: (client) => client.call('UseDatabase', { databaseName: 'defaultdb' }),
  login: (client) =>
    client.call('Login', { user: Buffer.from('immudb'), password: Buffer.from('immudb') }),
};

export interface Ratio {
  readonly call: string;
  /** Milliseconds: the lower quartile of the batches, which other work on the machine disturbs least. */
  readonly small: number;
  readonly large: number;
}

/** The same calls to an almost empty server and to a full one, in turns. */
export async function compareSizes(
  users: number,
  databases: number,
  rounds: number,
): Promise<Ratio[]> {
  await using small = await Populated.open(1, 1);
  await using large = await Populated.open(users, databases);
  await Promise.all([small, large].map(({ client }) => CALLS['set']?.(client, 0)));
  const ratios: Ratio[] = [];
  for (const [call, make] of Object.entries(CALLS)) {
    const times = [[], []] as [number[], number[]];
    for (let round = -1; round < rounds; round++) {
      for (const [at, { client }] of [small, large].entries()) {
        const begin = performance.now();
        for (let i = 0; i < BATCH; i++) await make(client, i);
        if (round >= 0) times[at]?.push((performance.now() - begin) / BATCH);
      }
    }
    ratios.push({ call, small: quantile(times[0], 0.25), large: quantile(times[1], 0.25) });
  }
  return ratios;
}
