import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { GrpcClient } from './grpc-client.js';
import { projectRoot } from './project.js';

export interface ServerOptions {
  readonly dir: string;
  readonly port: number;
  /** Further flags. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** `performance.now()` at that time. */
  readonly at: number;
}

const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 10;
const LOG_LENGTH_MAX = 65_536;

/** The server as its users start it: a process of its own. */
export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** How the process ended. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #startedAt: number;
  #log = '';
  #exit: Exit | undefined;

  private constructor(options: ServerOptions) {
    const { dir, port, flags = [], env = {} } = options;
    this.port = port;
    const program = path.join(projectRoot, 'dist/src/cli/stele.js');
    const own = ['--dir', dir, '--port', String(port), '--address', '127.0.0.1'];
    this.#startedAt = performance.now();
    this.#child = spawn(
      process.execPath,
      [program, ...own, '--metrics-server=false', ...flags],
      // In the directory above the data, so that no configuration file of elsewhere is read.
      {
        cwd: path.dirname(dir),
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.pid = this.#child.pid ?? 0;
    const keep = (text: Buffer) => {
      this.#log = (this.#log + text.toString()).slice(-LOG_LENGTH_MAX);
    };
    this.#child.stdout.on('data', keep);
    this.#child.stderr.on('data', keep);
    const endWithTest = () => this.#child.kill('SIGKILL');
    process.once('exit', endWithTest);
    this.exited = once(this.#child, 'exit').then(([code, signal]) => {
      process.off('exit', endWithTest);
      this.#exit = {
        code: code as number | null,
        signal: signal as NodeJS.Signals | null,
        at: performance.now(),
      };
      return this.#exit;
    });
  }

  /** Starts it without waiting. */
  static spawn(options: ServerOptions): ServerProcess {
    return new ServerProcess(options);
  }

  /** Starts it and waits until it answers; when it does not, it is ended, and its log is the error. */
  static async start(options: ServerOptions): Promise<ServerProcess> {
    const server = new ServerProcess(options);
    try {
      await server.ready();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What it wrote to its outputs; of much the end. */
  get log(): string {
    return this.#log;
  }

  /** Undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** @returns milliseconds from the start of the process to its first answer to `Health` */
  async ready(): Promise<number> {
    while (performance.now() - this.#startedAt < READY_TIMEOUT_MS) {
      if (this.#exit !== undefined) break;
      using client = new GrpcClient(this.port);
      try {
        await client.call('Health', {}, { timeoutMs: 1000 });
        return performance.now() - this.#startedAt;
      } catch {
        await delay(POLL_MS);
      }
    }
    throw new Error(`the server did not become ready: ${this.#log}`);
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Kills it and waits for its end. */
  async kill(): Promise<void> {
    if (this.#exit !== undefined) return;
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Waits for its end. @throws when it still runs then */
  async ended(timeoutMs: number): Promise<Exit> {
    const abort = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: abort.signal }).catch(() => undefined);
    const exit = await Promise.race([this.exited, late]);
    abort.abort();
    if (exit === undefined) throw new Error(`the server still runs after ${timeoutMs} ms`);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
