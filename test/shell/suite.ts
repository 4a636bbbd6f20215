import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GrpcClient } from '../support/grpc-client.js';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';

const KEYS_A_CALL = 1000;
const CALLS_AT_ONCE = 8;
const KEY_BYTES = 16;
const VALUE_BYTES = 48;
const PRESSES = 20;
const ECHO_SECONDS_MAX = 0.1;
const INTERRUPT_SECONDS_MAX = 1;

interface Typed {
  /** Seconds until the screen showed each key. */
  readonly echo: readonly number[];
  /** Seconds from Ctrl-C to the end of the command. */
  readonly interrupt: number;
  /** What the command printed meanwhile. */
  readonly bytes: number;
  readonly exitCode: number;
  readonly error?: string;
  readonly screen?: string;
}

/** Types at the shell while it scans many keys. @returns what was measured, for people */
export async function typeDuringScan(keys: number): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stele-shell-'));
  try {
    await using server = await ServerProcess.start({
      dir: path.join(folder, 'data'),
      port: await freePort(),
      flags: ['--audit=false'],
    });
    await fill(server.port, keys);
    const home = path.join(folder, 'home');
    mkdirSync(home);
    const typed = await typeAt(server.port, home);
    assert.equal(typed.error, undefined, `${typed.error}: ${typed.screen}`);
    assert.ok(typed.bytes > 100_000, `the scan printed only ${typed.bytes} bytes meanwhile`);
    const slowest = Math.max(...typed.echo);
    const sorted = [...typed.echo].sort((a, b) => a - b);
    const middle = sorted[sorted.length >> 1] as number;
    assert.ok(middle < ECHO_SECONDS_MAX, `a key was shown after ${middle} s in the middle`);
    assert.ok(typed.interrupt < INTERRUPT_SECONDS_MAX, `Ctrl-C took ${typed.interrupt} s`);
    assert.equal(typed.exitCode, 0);
    return (
      `${keys} keys; a key press is shown after ${ms(middle)} (median of ${PRESSES}), at most ` +
      `${ms(slowest)}; Ctrl-C ends the scan after ${ms(typed.interrupt)}; ` +
      `${(typed.bytes / 1e6).toFixed(1)} MB printed meanwhile`
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fill(port: number, keys: number): Promise<void> {
  using client = new GrpcClient(port);
  await client.login();
  let left = Math.ceil(keys / KEYS_A_CALL);
  const writer = async () => {
    while (left-- > 0) {
      const KVs = Array.from({ length: KEYS_A_CALL }, () => ({
        key: Buffer.from(randomBytes(KEY_BYTES).toString('hex')),
        value: Buffer.from(randomBytes(VALUE_BYTES).toString('hex')),
      }));
      await client.call('Set', { KVs, noWait: true }, { timeoutMs: 60_000 });
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, writer));
}

async function typeAt(port: number, home: string): Promise<Typed> {
  const program = path.join(projectRoot, 'dist/src/cli/steleclient.js');
  const spec = {
    argv: [process.execPath, program, '--immudb-port', String(port)],
    env: {
      PATH: process.env.PATH ?? '',
      TERM: 'xterm',
      HOME: home,
      STELE_USERNAME: 'immudb',
      STELE_PASSWORD: 'immudb',
    },
    prompt: 'steleclient:defaultdb>',
    command: "scan ''",
    presses: PRESSES,
  };
  const child = spawn('python3', [path.join(projectRoot, 'test/shell/keys.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(spec));
  let out = '';
  for await (const piece of child.stdout) out += String(piece);
  return JSON.parse(out) as Typed;
}

function ms(seconds: number): string {
  return `${(seconds * 1000).toFixed(0)} ms`;
}

/** @returns milliseconds that a warm start and one verified read take, of several the median */
export async function timeOfCommand(times: number): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stele-start-'));
  try {
    await using server = await ServerProcess.start({
      dir: path.join(folder, 'data'),
      port: await freePort(),
    });
    const home = path.join(folder, 'home');
    mkdirSync(home);
    const run = (...args: string[]) => timed(server.port, home, args);
    await run('login', 'immudb');
    await run('safeset', 'key', 'value');
    const [client, node]: number[][] = [[], []];
    for (let i = 0; i < times; i++) {
      client?.push(await run('safeget', 'key'));
      node?.push(await timedNode());
    }
    const own = median(client ?? []);
    const bare = median(node ?? []);
    const max = Math.max(250, 5 * bare);
    assert.ok(own < max, `${own} ms, at most ${max}; node itself ${bare}`);
    return `steleclient safeget answers after ${own.toFixed(0)} ms (median of ${times}); Node alone takes ${bare.toFixed(0)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function timed(port: number, home: string, args: readonly string[]): Promise<number> {
  const program = path.join(projectRoot, 'dist/src/cli/steleclient.js');
  return await timeOf([program, '--immudb-port', String(port), ...args], {
    PATH: process.env.PATH ?? '',
    HOME: home,
    STELE_PASSWORD: 'immudb',
  });
}

function timedNode(): Promise<number> {
  return timeOf(['-e', '0'], {});
}

async function timeOf(args: readonly string[], env: Record<string, string>): Promise<number> {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors += String(text);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  assert.equal(code, 0, errors);
  return performance.now() - begin;
}
