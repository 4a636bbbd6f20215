import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import {
  type AlarmKind,
  Auditor,
  type AuditorOptions,
  type CycleResult,
  type NotificationOptions,
} from '../../src/auditor/index.js';
import { systemClock } from '../../src/base/clock.js';
import { SteleClient } from '../../src/client/index.js';
import { type FixtureOptions, RpcFixture, UUID } from '../rpc/fixture.js';
import { cleanUp, temporaryFolder } from '../support/store-fixture.js';
import { TamperingProxy } from '../support/tampering-proxy.js';

const NEVER = new AbortController().signal;

export function auditorOptions(
  folder: string,
  port: number,
  more: Partial<AuditorOptions> = {},
): AuditorOptions {
  return {
    servers: [{ host: '127.0.0.1', port }],
    username: 'immudb',
    password: 'immudb',
    databases: [],
    folder,
    intervalMs: 1000,
    sampleSize: 16,
    outageCycles: 3,
    seriesPrefix: 'immuclient',
    clock: systemClock,
    log: () => {},
    ...more,
  };
}

export async function loggedIn(t: TestContext, port: number): Promise<SteleClient> {
  const client = new SteleClient({ port });
  t.after(() => client.close());
  await client.openSession('immudb', 'immudb');
  return client;
}

/** Transactions of one key each, named by their number. */
export async function write(client: SteleClient, from: number, to: number): Promise<void> {
  for (let i = from; i <= to; i++) await client.set(`key ${i % 3}`, `value ${i}`);
}

/** A server of its own with transactions of one key each. */
export async function filledServer(
  t: TestContext,
  count: number,
  options: FixtureOptions = {},
): Promise<{ readonly port: number; readonly client: SteleClient }> {
  const { port } = await RpcFixture.start(t, options);
  const client = await loggedIn(t, port);
  await write(client, 1, count);
  return { port, client };
}

/** A server behind a proxy that can lie for it, and an auditor that knows its state. */
export class Scene {
  readonly proxy: TamperingProxy;
  readonly client: SteleClient;
  readonly folder: string;
  /** What the auditor logs, newest last. */
  readonly lines: string[] = [];
  readonly #t: TestContext;
  readonly #more: Partial<AuditorOptions>;
  auditor: Auditor;

  private constructor(
    t: TestContext,
    parts: Pick<Scene, 'proxy' | 'client' | 'folder'>,
    more: Partial<AuditorOptions>,
  ) {
    this.#t = t;
    this.proxy = parts.proxy;
    this.client = parts.client;
    this.folder = parts.folder;
    this.#more = more;
    this.auditor = undefined as unknown as Auditor;
  }

  static async start(
    t: TestContext,
    count: number,
    more: Partial<AuditorOptions> = {},
    options: FixtureOptions = {},
  ): Promise<Scene> {
    const { port, client } = await filledServer(t, count, options);
    const proxy = await TamperingProxy.start(port, UUID);
    t.after(() => proxy[Symbol.asyncDispose]());
    const folder = await temporaryFolder(t);
    const scene = new Scene(t, { proxy, client, folder }, more);
    scene.auditor = await scene.#open();
    cleanUp(t, () => scene.auditor[Symbol.asyncDispose]());
    return scene;
  }

  #open(more: Partial<AuditorOptions> = {}): Promise<Auditor> {
    const log: AuditorOptions['log'] = (level, text) => this.lines.push(`${level}: ${text}`);
    const options = { log, ...this.#more, ...more };
    return Auditor.open(auditorOptions(this.folder, this.proxy.port, options));
  }

  /** The same auditor after an end of its process. */
  async restart(more: Partial<AuditorOptions> = {}): Promise<void> {
    await this.auditor[Symbol.asyncDispose]();
    this.auditor = await this.#open(more);
  }

  /** Cycles of an auditor that goes past the proxy. */
  async direct(): Promise<() => Promise<CycleResult>> {
    const { target } = this.proxy;
    await this.restart({ servers: [{ host: '127.0.0.1', port: target }] });
    return () => this.cycle();
  }

  cycle(): Promise<CycleResult> {
    return this.auditor.cycle(NEVER);
  }

  /** One that finds nothing wrong. */
  async clean(): Promise<void> {
    const result = await this.cycle();
    assert.deepEqual(result, { alarms: [], failures: 0 }, this.lines.slice(-5).join('\n'));
  }

  /** One that raises this alarm, and no other. */
  async alarm(kind: AlarmKind, what = /./): Promise<void> {
    const { alarms } = await this.cycle();
    const text = this.lines.slice(-5).join('\n');
    assert.deepEqual(
      alarms.map((alarm) => alarm.kind),
      [kind],
      text,
    );
    assert.match(`${alarms[0]?.reason} ${alarms[0]?.found}`, what);
  }

  /** Of a series, by what its labels contain. */
  metric(name: string, label = ''): number | undefined {
    return metricOf(this.auditor.figures.registry.page(), name, label);
  }

  /** Another history of so many transactions, at the same identity. */
  async otherHistory(count: number): Promise<number> {
    const { port } = await RpcFixture.start(this.#t);
    const client = await loggedIn(this.#t, port);
    for (let i = 1; i <= count; i++) await client.set(`key ${i % 3}`, `other value ${i}`);
    return port;
  }
}

export function metricOf(page: string, name: string, label = ''): number | undefined {
  const line = page
    .split('\n')
    .find(
      (text) =>
        text.startsWith(name) && /[ {]/.test(text.charAt(name.length)) && text.includes(label),
    );
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of notifications. */
export class Receiver {
  readonly url: string;
  readonly received: Received[] = [];
  /** What it answers. */
  status = 200;
  answer = '';

  private constructor(url: string) {
    this.url = url;
  }

  static async start(t: TestContext): Promise<Receiver> {
    let receiver: Receiver | undefined;
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const piece of request) body += piece;
      receiver?.received.push({ headers: request.headers, body });
      response.writeHead(receiver?.status ?? 500).end(receiver?.answer);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    receiver = new Receiver(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?x=1`);
    return receiver;
  }

  options(more: Partial<NotificationOptions> = {}): NotificationOptions {
    return {
      url: this.url,
      username: 'hookuser',
      password: 'hookpass',
      about: 'every',
      hashes: 'base64',
      ...more,
    };
  }

  bodies(): readonly Record<string, unknown>[] {
    return this.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  }
}
