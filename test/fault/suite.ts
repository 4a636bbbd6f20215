import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EMPTY_HASH, StateVerifier } from '../../src/proofs/index.js';
import { Random } from '../sdk/support/random.js';
import { GrpcClient } from '../support/grpc-client.js';
import { freePort, type ServerOptions, ServerProcess } from '../support/server-process.js';
import { type CheckResult, checkDatabase } from './check.js';
import { Journal } from './journal.js';
import { Load, type LoadOptions } from './load.js';

export interface SuiteOptions {
  readonly seed: number;
  /** Leaves the folders of what failed. */
  readonly keep: boolean;
}

/** Counts what passed and failed, and says so as it happens. */
export class Report {
  passed = 0;
  failed = 0;

  /** @returns whether the body came to its end; what it returns is shown beside the name */
  async test(name: string, timeoutMs: number, body: () => Promise<string>): Promise<boolean> {
    const begin = performance.now();
    const seconds = () => `${((performance.now() - begin) / 1000).toFixed(1)} s`;
    try {
      const text = await withTimeout(body(), timeoutMs);
      this.passed++;
      console.log(`passed  ${name}: ${text} (${seconds()})`);
      return true;
    } catch (error) {
      this.failed++;
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      console.log(`FAILED  ${name} (${seconds()})\n${reason}`);
      return false;
    }
  }

  /** What cannot be tried here. */
  skipped(name: string, reason: string): void {
    console.log(`skipped ${name}: ${reason}`);
  }
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A data directory that lives through many servers, with all that is known of it. */
export class Bench implements AsyncDisposable {
  readonly folder: string;
  readonly dir: string;
  readonly port: number;
  readonly random: Random;
  readonly journal: Journal;
  /** Flags of every server. */
  readonly flags: string[];
  readonly #keep: boolean;
  #server: ServerProcess | undefined;
  #failed = false;
  #round = 0;

  private constructor(folder: string, port: number, options: SuiteOptions, flags: string[]) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const key = path.join(folder, 'signing.pem');
    writeFileSync(key, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    this.folder = folder;
    this.dir = path.join(folder, 'data');
    this.port = port;
    this.random = new Random(options.seed);
    this.journal = new Journal(EMPTY_HASH, 3, StateVerifier.fromPem(pem));
    // The audit stream has a suite of its own, which says so.
    const audit = flags.some((flag) => flag.startsWith('--audit')) ? [] : ['--audit=false'];
    this.flags = ['--signingKey', key, ...audit, ...flags];
    this.#keep = options.keep;
  }

  /** @param parent folder to make it in; by default that of temporary files */
  static async make(
    options: SuiteOptions,
    flags: string[] = [],
    parent: string = tmpdir(),
  ): Promise<Bench> {
    const folder = mkdtempSync(path.join(parent, 'stele-fault-'));
    const bench = new Bench(folder, await freePort(), options, flags);
    mkdirSync(bench.dir);
    return bench;
  }

  get server(): ServerProcess {
    assert.ok(this.#server, 'no server was started');
    return this.#server;
  }

  /** Starts a server in place of the former one, which must have ended. Does not wait. */
  spawn(more: Partial<ServerOptions> = {}): ServerProcess {
    assert.ok(this.#server === undefined || this.#server.exit, 'the former server still runs');
    const { dir, port } = this;
    const flags = [...this.flags, ...(more.flags ?? [])];
    this.#server = ServerProcess.spawn({ dir, port, ...more, flags });
    return this.#server;
  }

  /** @returns milliseconds until it was ready */
  async start(more: Partial<ServerOptions> = {}): Promise<number> {
    return await this.spawn(more).ready();
  }

  load(more: Partial<LoadOptions> = {}): Promise<Load> {
    const { port, journal, random } = this;
    const round = `r${this.#round++}`;
    return Load.start({ port, journal, round, seed: random.below(2 ** 31), ...more });
  }

  /** Compares what the server says with what is known. */
  async check(everything = false): Promise<CheckResult> {
    using client = new GrpcClient(this.port);
    await client.login();
    return await checkDatabase(client, this.journal, this.random, { everything });
  }

  /** Tells it to stop. @returns milliseconds until it had */
  async stop(): Promise<number> {
    const begin = performance.now();
    this.server.signal('SIGTERM');
    const { code, at } = await this.server.ended(12_000);
    assert.equal(code, 0, `the server ended with ${code}: ${this.server.log}`);
    return at - begin;
  }

  /** Keeps the folder if asked to, and says what the server said last. */
  fail(): void {
    this.#failed = true;
    const log = this.#server?.log.trimEnd().split('\n').slice(-15).join('\n    ');
    console.log(`  log of the server:\n    ${log}`);
    if (this.#keep) console.log(`  kept ${this.folder}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.kill();
    if (!(this.#failed && this.#keep)) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The middle and the largest of some times. */
export function timesText(timesMs: readonly number[]): string {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `median ${middle.toFixed(0)} ms, at most ${(sorted.at(-1) ?? 0).toFixed(0)} ms`;
}
