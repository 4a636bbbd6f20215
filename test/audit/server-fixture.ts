import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { SealedEvent } from '../../src/audit/event.js';
import type { VerifyReport } from '../../src/audit/index.js';
import { GrpcClient } from '../support/grpc-client.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { type Done, runStele } from './run-stele.js';
import { readStream } from './stream-reader.js';

/** A data directory with its stream, and servers on it one after the other. */
export class Fixture {
  readonly folder: string;
  readonly dir: string;
  readonly audit: string;
  readonly #t: TestContext;
  port = 0;

  constructor(t: TestContext) {
    this.#t = t;
    this.folder = mkdtempSync(path.join(tmpdir(), 'stele-audit-'));
    this.dir = path.join(this.folder, 'data');
    this.audit = path.join(this.dir, 'audit');
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  async start(...flags: string[]): Promise<ServerProcess> {
    this.port = await freePort();
    const { dir, port } = this;
    const server = await ServerProcess.start({
      dir,
      port,
      flags: ['--audit-reserve=0B', ...flags],
    });
    this.#t.after(() => server.kill());
    return server;
  }

  async client(user?: string, password?: string): Promise<GrpcClient> {
    const client = new GrpcClient(this.port);
    this.#t.after(() => client.close());
    await client.login(user, password);
    return client;
  }

  async stop(server: ServerProcess): Promise<void> {
    server.signal('SIGTERM');
    assert.equal((await server.ended(10_000)).code, 0, server.log);
  }

  events(name: string): SealedEvent[] {
    const { events, broken } = readStream(this.audit);
    assert.deepEqual(broken, []);
    return events.filter((event) => event.event_name === name);
  }

  /** A command on the data directory. */
  stele(args: readonly string[], input = ''): Done {
    return runStele(this.folder, [...args, '--dir', this.dir], input);
  }

  /** `stele audit verify`, while no server runs. */
  verify(...args: string[]): VerifyReport {
    const { stdout, stderr } = this.stele(['audit', 'verify', '--json', ...args]);
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as VerifyReport;
  }

  async until(name: string): Promise<SealedEvent> {
    for (let tries = 0; tries < 500; tries++) {
      const [event] = this.events(name);
      if (event !== undefined) return event;
      await delay(10);
    }
    throw new Error(`no event ${name}`);
  }
}

export const entry = (key: string, value = 'S3cret-value!') => ({
  key: Buffer.from(key),
  value: Buffer.from(value),
});
