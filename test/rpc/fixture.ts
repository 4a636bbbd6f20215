import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { Auth, type AuthOptions, databaseStore } from '../../src/auth/index.js';
import { type Clock, systemClock } from '../../src/base/clock.js';
import { type Log, silentLog } from '../../src/base/log.js';
import { DatabaseManager, type DatabasesOptions } from '../../src/database/index.js';
import {
  createRpcServer,
  type RpcServer,
  type RpcServerDependencies,
} from '../../src/rpc/index.js';
import type { MethodKind, MethodName } from '../../src/wire/index.js';
import { methods } from '../../src/wire/index.js';
import { CHEAP_HASH } from '../support/auth-fixture.js';
import { GrpcClient, type RawAnswer } from '../support/grpc-client.js';

export const UUID = 'dc1r4hhksdu9pknvc3k0';

export interface FixtureOptions {
  readonly rpc?: Partial<RpcServerDependencies>;
  readonly auth?: Partial<AuthOptions>;
  readonly defaults?: Partial<DatabasesOptions['defaults']>;
  readonly log?: Log;
  /** Of logins and sessions. */
  readonly authClock?: Clock;
}

/** A whole server in this process: real storage in a temporary folder, port 0. */
export class RpcFixture {
  readonly port: number;
  readonly server: RpcServer;
  readonly databases: DatabaseManager;
  readonly auth: Auth;
  readonly #t: TestContext;

  private constructor(
    t: TestContext,
    port: number,
    server: RpcServer,
    databases: DatabaseManager,
    auth: Auth,
  ) {
    this.#t = t;
    this.port = port;
    this.server = server;
    this.databases = databases;
    this.auth = auth;
  }

  static async start(t: TestContext, options: FixtureOptions = {}): Promise<RpcFixture> {
    const dir = await mkdtemp(path.join(tmpdir(), 'stele-rpc-'));
    const log = options.log ?? silentLog;
    const databases = await openDatabases(dir, log, options.defaults);
    const auth = new Auth({
      store: databaseStore(databases.system),
      databases,
      hashCost: CHEAP_HASH,
      ...(options.authClock === undefined ? {} : { clock: options.authClock }),
      options: { tokenKeyPath: path.join(dir, 'token.key'), ...options.auth },
    });
    await auth.open();
    const server = createRpcServer({
      databases,
      auth,
      serverUuid: UUID,
      protocolVersion: '1.9.7',
      version: '0.0.0-test',
      log,
      ...options.rpc,
    });
    const port = await server.listen('127.0.0.1', 0);
    t.after(async () => {
      await server.drain(0);
      auth.dispose();
      await databases.close();
      await rm(dir, { recursive: true, force: true });
    });
    return new RpcFixture(t, port, server, databases, auth);
  }

  /** A connection of its own, closed with the test. */
  client(): GrpcClient {
    const client = new GrpcClient(this.port);
    this.#t.after(() => client.close());
    return client;
  }

  async loggedIn(user?: string, password?: string): Promise<GrpcClient> {
    const client = this.client();
    await client.login(user, password);
    return client;
  }
}

function openDatabases(
  dir: string,
  log: Log,
  defaults: Partial<DatabasesOptions['defaults']> = {},
): Promise<DatabaseManager> {
  return DatabaseManager.open({
    dir,
    defaults: {
      maxKeyLen: 1024,
      maxValueLen: 33_554_432,
      maxTxEntries: 1024,
      writeTxHeaderVersion: 1,
      ...defaults,
    },
    limits: { resultEntriesMax: 2500, resultBytesMax: 33_554_432, waitersMax: 1000 },
    clock: systemClock,
    log,
    commitTimeoutMs: 10_000,
    reserveBytes: 1024,
    reserveFraction: 0,
    onFailure(name, error) {
      assert.fail(`database ${name} failed: ${error.message}`);
    },
    onCorruption(name, error) {
      assert.fail(`database ${name} is damaged: ${error.message}`);
    },
  });
}

/** A method with these request bytes, whatever they are. */
export function rawCall(
  client: GrpcClient,
  method: MethodName,
  requests: readonly Buffer[],
  options: Parameters<GrpcClient['raw']>[3] = {},
): Promise<RawAnswer> {
  const { path: methodPath, kind } = methods[method];
  return client.raw(methodPath, kind as MethodKind, requests, options);
}

/** A frame of a chunk stream. */
export function frame(payload: string | Uint8Array): Buffer {
  const bytes = Buffer.from(payload as string);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

/** The contents of the frames in what came. */
export function framesOf(contents: readonly Uint8Array[]): Buffer[] {
  const all = Buffer.concat(contents);
  const frames: Buffer[] = [];
  for (let at = 0; at < all.length; ) {
    const length = Number(all.readBigUInt64BE(at));
    frames.push(all.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return frames;
}

/** A call below gRPC, for what its clients do not do. */
export function openStream(
  t: TestContext,
  fixture: RpcFixture,
  method: MethodName,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  const session = connect(`http://127.0.0.1:${fixture.port}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  const stream = session.request({
    ':method': 'POST',
    ':path': methods[method].path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => {});
  return stream;
}

export function grpcStatus(stream: ClientHttp2Stream): Promise<unknown> {
  return new Promise((resolve) => {
    stream.on('trailers', (trailers) => resolve(trailers['grpc-status']));
  });
}

/** A message as it travels. */
export function onTheWire(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Resolves when the condition holds; a test that waits in vain runs into the limit of its runner. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
