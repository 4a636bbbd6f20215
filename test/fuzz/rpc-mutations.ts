import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { METHOD_NAMES, methods } from '../../src/wire/index.js';
import { Random } from '../sdk/support/random.js';
import { CallError, GrpcClient, type RawAnswer } from '../support/grpc-client.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { RawClient, rawCall } from './raw-calls.js';
import { type MutatedCall, RequestMaker } from './requests.js';

export interface MutationOptions {
  readonly mutations: number;
  readonly seed: number;
  /** Makes this one alone. */
  readonly only?: number | undefined;
}

/** A call that takes longer hangs. */
const CALL_MS_MAX = 30_000;
const WORKERS = 8;
const RAW_PERCENT = 12;
const CANARY_EVERY = 20;
const FAILURES_SHOWN = 10;
const DEADLINE_EXCEEDED = 4;
const INTERNAL = 13;

/** Traces of an inner text: a stack, or a path of ours. */
const INNER_TEXT =
  /\n\s+at |\bat .+:\d+:\d+|node:internal|node_modules|\/dist\/|\.[jt]s:\d+|stele-fuzz-/;

interface Worker {
  readonly server: ServerProcess;
  readonly client: GrpcClient;
  readonly raw: RawClient;
  headers: Record<string, string>;
}

/** Sends spoiled requests of every method to a server, which must stay a good server. */
export class MutationRun {
  readonly failures: string[] = [];
  readonly statuses = new Map<string, number>();
  readonly #options: MutationOptions;
  readonly #maker = new RequestMaker();
  #next = 0;
  #slowest = { ms: 0, name: '' };

  constructor(options: MutationOptions) {
    this.#options = options;
  }

  /** @returns a line of figures; what went wrong is in `failures` */
  async run(): Promise<string> {
    const folder = mkdtempSync(path.join(tmpdir(), 'stele-fuzz-'));
    const server = await ServerProcess.start({
      dir: path.join(folder, 'data'),
      port: await freePort(),
      // Failed logins, and sessions that nobody closes, are a part of the mutations.
      flags:
        '--login-failures-before-delay 0 --max-sessions 9999 --max-sessions-per-user 9999'.split(
          ' ',
        ),
    });
    const begin = performance.now();
    try {
      const memoryBefore = memoryMib(server.pid);
      this.#next = this.#options.only ?? 0;
      await Promise.all(Array.from({ length: WORKERS }, () => this.#work(server)));
      const seconds = ((performance.now() - begin) / 1000).toFixed(0);
      const memory = `${memoryBefore} to ${memoryMib(server.pid)} MiB anonymous memory`;
      await this.#end(server);
      const { ms, name } = this.#slowest;
      return `${seconds} s, slowest call ${ms.toFixed(0)} ms (${name}), ${memory}`;
    } finally {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async #work(server: ServerProcess): Promise<void> {
    using client = new GrpcClient(server.port);
    using raw = new RawClient(server.port);
    const worker: Worker = { server, client, raw, headers: {} };
    const { mutations, only } = this.#options;
    const last = only ?? mutations - 1;
    for (let count = 0; ; count++) {
      if (count % CANARY_EVERY === 0) await this.#canary(worker, 'in between');
      const index = this.#next++;
      if (index > last || server.exit !== undefined) break;
      if (this.failures.length >= FAILURES_SHOWN) break;
      await this.#mutate(worker, index);
    }
    await this.#canary(worker, 'at the end');
  }

  /** Its seed makes a call the same whatever ran before it. */
  async #mutate(worker: Worker, index: number): Promise<void> {
    const random = new Random(this.#options.seed * 1_000_003 + index);
    const call = this.#maker.next(random);
    const name = `mutation ${index}, ${call.method}`;
    const begin = performance.now();
    if (random.chance(RAW_PERCENT)) await this.#sendRaw(worker, call, random, name);
    else await this.#send(worker, call, random, name);
    const ms = performance.now() - begin;
    if (ms > this.#slowest.ms) this.#slowest = { ms, name };
  }

  async #send(worker: Worker, call: MutatedCall, random: Random, name: string): Promise<void> {
    const { path: method, kind } = methods[call.method];
    const answer = await worker.client.raw(method, kind, call.messages, {
      headers: this.#headers(worker, random),
      timeoutMs: CALL_MS_MAX,
    });
    this.#look(answer, name);
    const { code, details } = answer;
    this.statuses.set(String(code), (this.statuses.get(String(code)) ?? 0) + 1);
    if (code === DEADLINE_EXCEEDED && !details.includes('(')) this.#fail(name, `hangs: ${details}`);
    if (code === INTERNAL && details === 'internal error') this.#fail(name, 'met a bug');
    await this.#stayLoggedIn(worker, call, code);
  }

  #headers(worker: Worker, random: Random): Record<string, string> {
    if (random.chance(75)) return worker.headers;
    return random.pick([
      {},
      { sessionid: 'none' },
      { authorization: 'Bearer a.b.c' },
      { authorization: random.text(60).replace(/[^ -~]/g, '') },
    ]);
  }

  #look({ details, trailers, headers }: RawAnswer, name: string): void {
    const texts = [details, JSON.stringify(trailers.toJSON()), JSON.stringify(headers?.toJSON())];
    const bin = trailers.get('grpc-status-details-bin')[0];
    if (bin instanceof Buffer) texts.push(bin.toString('latin1'));
    const inner = texts.find((text) => text !== undefined && INNER_TEXT.test(text));
    if (inner !== undefined) this.#fail(name, `shows inner text: ${inner}`);
  }

  async #sendRaw(worker: Worker, call: MutatedCall, random: Random, name: string): Promise<void> {
    const message = call.messages[0] ?? Buffer.alloc(0);
    const login = this.#headers(worker, random);
    const request = rawCall(methods[call.method].path, message, login, random);
    const { text, ended } = await worker.raw.send(request, CALL_MS_MAX);
    if (!ended) this.#fail(name, `a raw call hangs: ${JSON.stringify(request.headers)}`);
    if (INNER_TEXT.test(text)) this.#fail(name, `shows inner text: ${text}`);
    this.statuses.set('raw', (this.statuses.get('raw') ?? 0) + 1);
    await this.#stayLoggedIn(worker, call, 0);
  }

  /** Some calls end the login that they came with, or change its database. */
  async #stayLoggedIn(worker: Worker, { method }: MutatedCall, code: number): Promise<void> {
    if (code !== 0) return;
    if (!['Logout', 'CloseSession', 'UseDatabase'].includes(method)) return;
    await this.#canary(worker, `after ${method}`);
  }

  /** An ordinary client gets ordinary answers, on the same connection. */
  async #canary(worker: Worker, when: string): Promise<void> {
    const { client } = worker;
    const key = Buffer.from('canary');
    const value = Buffer.from(String(performance.now()));
    try {
      const { status } = await client.call('Health', {}, { anonymous: true });
      assert.ok(status);
      const sessionId = await client.openSession();
      worker.headers = { sessionid: sessionId };
      const { id } = await client.call('Set', { KVs: [{ key, value }] });
      const entry = await client.call('Get', { key, atTx: id });
      assert.deepEqual(Buffer.from(entry.value), value);
    } catch (error) {
      if (!(error instanceof CallError) && !(error instanceof assert.AssertionError)) throw error;
      // A connection that the front ends is named there.
      const reasons = worker.server.log.match(/.*(?:connection ended|call refused).*/g) ?? [];
      this.#fail(`canary ${when}`, [error.message, ...reasons.slice(-3)].join('\n'));
    }
  }

  #fail(name: string, what: string): void {
    this.failures.push(`${name}: ${what.slice(0, 600)}`);
  }

  async #end(server: ServerProcess): Promise<void> {
    if (server.exit !== undefined) {
      const { code, signal } = server.exit;
      this.#fail('the server', `ended with ${code ?? signal}: ${server.log.slice(-2000)}`);
      return;
    }
    const bug = /bug: .*/.exec(server.log);
    if (bug !== null) this.#fail('the log', server.log.slice(bug.index, bug.index + 1500));
    server.signal('SIGTERM');
    const { code } = await server.ended(12_000);
    if (code !== 0) this.#fail('the server', `stopped with ${code}: ${server.log.slice(-1000)}`);
  }

  /** Which methods are mutated: all. */
  static get methodCount(): number {
    return METHOD_NAMES.length;
  }
}

function memoryMib(pid: number): number {
  const found = /RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(found?.[1] ?? 0) / 1024);
}
