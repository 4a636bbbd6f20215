import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import type { Target } from './attacks.js';
import { type Latencies, NormalClient } from './normal-client.js';

export interface FloodOptions {
  /** Of each attack. */
  readonly attackMs: number;
  /** Without one, before and after. */
  readonly quietMs: number;
  /** What connections get until their first call. */
  readonly firstRequestMs: number;
}

/** How much slower than alone a normal client may be. */
const SLOWDOWN_MAX = 5;
/** A client alone is not always this fast; below it, times are those of the machine, as is its lag. */
const P99_FLOOR_MS = 5;
/** Anonymous memory that an attack may take, and what may be left of it. */
const PEAK_BYTES_MAX = 400e6;
const TINY_FRAMES_BYTES_MAX = 100e6;
const LEFT_BYTES_MAX = 64e6;
/** The allocator keeps holes of the first burst; a second one finds room in them. */
const LEFT_BYTES_MAX_FIRST_BURST = 180e6;
const RETURN_TIMEOUT_MS = 12_000;
const SAMPLE_MS = 50;
const TRIES_MAX = 3;
/** Opening 20,000 streams takes its time. */
const STREAMS_TIME = 4;
const MB = 1e6;

export interface Outcome {
  readonly failures: string[];
  /** Nothing was wrong but what other work on the machine, or holes in the heap, may have caused. */
  readonly worthAnotherTry: boolean;
  readonly text: string;
}

/** One server, and the attacks on it one after the other. */
export class FloodSuite implements AsyncDisposable {
  readonly #folder: string;
  readonly #options: FloodOptions;
  readonly #server: ServerProcess;
  readonly #metricsPort: number;
  readonly #client: NormalClient;
  #token = '';

  private constructor(
    folder: string,
    options: FloodOptions,
    server: ServerProcess,
    metricsPort: number,
  ) {
    this.#folder = folder;
    this.#options = options;
    this.#server = server;
    this.#metricsPort = metricsPort;
    this.#client = new NormalClient(server.port);
  }

  static async start(options: FloodOptions): Promise<FloodSuite> {
    const folder = mkdtempSync(path.join(tmpdir(), 'stele-flood-'));
    const metricsPort = await freePort();
    const server = await ServerProcess.start({
      dir: path.join(folder, 'data'),
      port: await freePort(),
      flags: [
        '--metrics-server=true',
        `--metrics-server-port=${metricsPort}`,
        `--first-request-timeout=${options.firstRequestMs}ms`,
      ],
    });
    const suite = new FloodSuite(folder, options, server, metricsPort);
    suite.#token = await suite.#client.login();
    await suite.#client.write('big', Buffer.alloc(1_000_000, 'b'));
    await suite.#quiet(2 * options.quietMs);
    return suite;
  }

  /**
   * Runs an attack beside a normal client. Other work on the machine makes times long, and a first burst
   * leaves holes in the heap that the next one fills, so an attack after which only these were wrong is
   * tried again: what leaks or starves the client does so every time.
   */
  async run(name: string): Promise<Outcome> {
    let outcome = await this.#once(name);
    for (let again = 1; again < TRIES_MAX && outcome.worthAnotherTry; again++) {
      const { text } = outcome;
      outcome = await this.#once(name);
      outcome = { ...outcome, text: `${text}; again: ${outcome.text}` };
    }
    return outcome;
  }

  async #once(name: string): Promise<Outcome> {
    const limitsBefore = await this.#limits();
    const alone = await this.#quiet(this.#options.quietMs);
    const before = this.#memory();
    const attack = this.#attack(name);
    let peak = before;
    const sampler = setInterval(() => {
      peak = Math.max(peak, this.#memory());
    }, SAMPLE_MS);
    const beside = await this.#client.work(() => attack.done);
    clearInterval(sampler);
    const ended = Date.now();
    const after = await this.#memoryReturned(before);
    const seconds = ((Date.now() - ended) / 1000).toFixed(0);
    const figures = `${attack.text}; p50 ${ms(alone.p50)} -> ${ms(beside.p50)}, p99 ${ms(alone.p99)} -> ${ms(beside.p99)} (${beside.calls} calls, lag ${ms(beside.lag)}); anonymous memory ${mb(before)}, peak ${mb(peak)}, ${seconds} s after it ${mb(after)}; limits: ${await this.#limitsSince(limitsBefore)}`;
    const failures = this.#judge(name, peak - before);
    if (beside.calls < 20) failures.push(`only ${beside.calls} calls of the normal client`);
    const doubts: string[] = [];
    const leftMax = name === 'streams' ? LEFT_BYTES_MAX_FIRST_BURST : LEFT_BYTES_MAX;
    if (after - before > leftMax) doubts.push(`kept ${mb(after - before)} of memory`);
    const p99Max = SLOWDOWN_MAX * Math.max(P99_FLOOR_MS, alone.p99, beside.lag);
    if (beside.p99 > p99Max) doubts.push(`p99 ${ms(beside.p99)}, at most ${ms(p99Max)}`);
    const worthAnotherTry = failures.length === 0 && doubts.length > 0;
    return { failures: [...failures, ...doubts], worthAnotherTry, text: figures };
  }

  /** What is wrong however busy the machine is. */
  #judge(name: string, growth: number): string[] {
    const failures: string[] = [];
    const growthMax = name === 'tinyFrames' ? TINY_FRAMES_BYTES_MAX : PEAK_BYTES_MAX;
    if (growth > growthMax) failures.push(`took ${mb(growth)} of memory`);
    if (this.#server.exit !== undefined) failures.push('the server ended');
    return failures;
  }

  #attack(name: string): { done: boolean; text: string } {
    const attackMs = this.#options.attackMs * (name.startsWith('streams') ? STREAMS_TIME : 1);
    const target: Target = {
      port: this.#server.port,
      token: this.#token,
      bigKey: 'big',
      until: Date.now() + attackMs,
    };
    const program = path.join(projectRoot, 'dist/test/flood/attacker.js');
    const child = spawn(process.execPath, [program, name, JSON.stringify(target)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const attack = { done: false, text: '' };
    child.stdout.on('data', (text: Buffer) => {
      attack.text += text.toString().trim();
    });
    const late = setTimeout(() => child.kill('SIGKILL'), attackMs + 10_000);
    void once(child, 'exit').then(() => {
      clearTimeout(late);
      attack.done = true;
    });
    return attack;
  }

  #quiet(forMs: number): Promise<Latencies> {
    const until = Date.now() + forMs;
    return this.#client.workAlone(() => Date.now() >= until);
  }

  /** Collecting garbage needs somebody who makes some. */
  async #memoryReturned(before: number): Promise<number> {
    const until = Date.now() + RETURN_TIMEOUT_MS;
    do {
      const pause = Date.now() + 200;
      await this.#client.work(() => Date.now() >= pause);
    } while (this.#memory() - before > LEFT_BYTES_MAX / 2 && Date.now() < until);
    return this.#memory();
  }

  /** Resident memory of the server that is no mapped file. */
  #memory(): number {
    const status = readFileSync(`/proc/${this.#server.pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  }

  async #limits(): Promise<Map<string, number>> {
    const page = await (await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)).text();
    const found = page.matchAll(/^stele_limits_reached_total\{limit="([^"]+)"\} (\d+)$/gm);
    return new Map([...found].map(([, limit, value]) => [limit as string, Number(value)]));
  }

  async #limitsSince(before: ReadonlyMap<string, number>): Promise<string> {
    const changed: string[] = [];
    for (const [limit, value] of await this.#limits()) {
      const more = value - (before.get(limit) ?? 0);
      if (more > 0) changed.push(`${limit} ${more}`);
    }
    return changed.join(', ') || 'none of ours';
  }

  /** Lines that the server has written. */
  get logLines(): number {
    return this.#server.log.split('\n').length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function mb(bytes: number): string {
  return `${(bytes / MB).toFixed(0)} MB`;
}
