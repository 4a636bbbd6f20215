import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processExists } from '../../src/base/process-identity.js';

const program = fileURLToPath(new URL('./stub-stele.js', import.meta.url));
const root = mkdtempSync(path.join(tmpdir(), 'stele-serve-'));
const started: ChildProcess[] = [];
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(path.join(root, 'cwd-'));
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
after(() => rmSync(root, { recursive: true, force: true }));

interface Run {
  readonly child: ChildProcess;
  readonly output: { out: string; err: string };
  /** Resolves when the text was printed. */
  printed(text: string): Promise<void>;
  readonly exit: Promise<{ code: number | null; out: string; err: string }>;
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const output = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => {
    output.out += data;
  });
  child.stderr.on('data', (data: Buffer) => {
    output.err += data;
  });
  const exit = once(child, 'close').then(() => ({ code: child.exitCode, ...output }));
  const printed = async (text: string) => {
    while (!`${output.out}${output.err}`.includes(text)) {
      assert.equal(child.exitCode, null, `ended without "${text}": ${output.out}${output.err}`);
      await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), exit]);
    }
  };
  return { child, output, printed, exit };
}

/** For what no event tells: a file that another process writes, the end of one that is no child. */
async function eventually(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < end, `not within ten seconds: ${condition}`);
    await delay(5);
  }
}

test('the server runs until SIGTERM or SIGINT and then exits with 0', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const server = run(['--port=7']);
    await server.printed('INFO: ready port=7');
    server.child.kill(signal);
    const { code, out, err } = await server.exit;
    assert.equal(code, 0);
    assert.match(out, /^stele .*\n=+ Config =+\nData dir/);
    assert.match(err, new RegExp(`caught ${signal}\n.*shutdown completed exitCode=0\n$`));
  }
});

test('the pid file is there while the server runs, and a second server is refused by it', async () => {
  const pidFile = path.join(cwd, 'run/stele.pid');
  const server = run(['--pidfile=run/stele.pid']);
  await server.printed('ready');
  assert.equal(readFileSync(pidFile, 'utf8'), String(server.child.pid));
  const second = await run(['--pidfile=run/stele.pid']).exit;
  assert.equal(second.code, 1);
  assert.match(second.err, /^Error: pid file found, ensure stele is not running or delete /m);
  server.child.kill('SIGTERM');
  assert.equal((await server.exit).code, 0);
  assert.ok(!existsSync(pidFile));
});

test('the pid file of a killed server is replaced', async () => {
  const killed = run(['--pidfile=stele.pid']);
  await killed.printed('ready');
  killed.child.kill('SIGKILL');
  await killed.exit;
  const next = run(['--pidfile=stele.pid']);
  await next.printed('ready');
  assert.equal(readFileSync(path.join(cwd, 'stele.pid'), 'utf8'), String(next.child.pid));
});

test('SIGHUP opens the log file again and reaches the server', async () => {
  const file = path.join(cwd, 'stele.log');
  const server = run(['--logfile=stele.log']);
  await server.printed('Log file');
  await eventually(() => readFileSync(file, 'utf8').includes('ready'));
  renameSync(file, `${file}.1`);
  server.child.kill('SIGHUP');
  while (!existsSync(file) || !readFileSync(file, 'utf8').includes('told of SIGHUP'))
    await delay(5);
  server.child.kill('SIGTERM');
  const { code, err } = await server.exit;
  assert.deepEqual([code, err], [0, '']);
  assert.match(readFileSync(`${file}.1`, 'utf8'), /INFO: Data dir/);
  assert.match(readFileSync(file, 'utf8'), /shutdown completed/);
});

test('with JSON lines nothing but JSON is printed', async () => {
  const server = run(['--logformat=json', '--synced=false']);
  await server.printed('"ready"');
  server.child.kill('SIGTERM');
  const { out, err } = await server.exit;
  assert.equal(out, '');
  const lines = err
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: string });
  assert.ok(lines.length > 10);
  assert.equal(lines.filter(({ level }) => level === 'warn').length, 1);
});

test('exit codes tell success, failure, wrong configuration and failed storage apart', async () => {
  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [['--prot=1'], {}, 2, /^Error: unknown option --prot \(did you mean --port\?\)\n$/],
    [['--port=x'], {}, 2, /^Error: invalid value "x" for --port: /],
    [[], { STUB: 'storage' }, 74, /shutdown completed exitCode=74\n$/],
    [[], { STUB: 'port' }, 1, /^Error: listen EADDRINUSE: address already in use\n$/],
    [['--logfile=/dev/null/x'], {}, 1, /^Error: log file \/dev\/null\/x cannot be opened/],
  ];
  for (const [args, env, code, expected] of cases) {
    const result = await run(args, env).exit;
    assert.equal(result.code, code, result.err);
    assert.match(result.err, expected);
    assert.ok(!result.err.includes('    at '), 'no stack for what is no bug');
  }
});

test('with a log file, the reason why a server could not run stands there too', async () => {
  const { code, err } = await run(['--logfile=stele.log'], { STUB: 'port' }).exit;
  assert.deepEqual([code, err], [1, 'Error: listen EADDRINUSE: address already in use\n']);
  const log = readFileSync(path.join(cwd, 'stele.log'), 'utf8');
  assert.match(log, /ERROR: the server could not run reason="listen EADDRINUSE.*"\n$/);
});

test('a bug ends the process with its stack, in the log when it comes late', async () => {
  const early = await run([], { STUB: 'bug' }).exit;
  assert.equal(early.code, 1);
  assert.match(early.err, /Error: TypeError: a bug\n {4}at /);
  const late = await run([], { STUB: 'crash' }).exit;
  assert.equal(late.code, 1);
  assert.match(
    late.err,
    /ERROR: bug: the process ends error="TypeError: a late bug\\n {4}at .*"\n$/,
  );
});

test('a server that does not stop in its time is ended', async () => {
  const server = run(['--shutdown-timeout=0s'], { STUB: 'hang' });
  await server.printed('ready');
  server.child.kill('SIGTERM');
  const { code, err } = await server.exit;
  assert.equal(code, 1);
  assert.match(err, /did not stop in time and is ended\n$/);
});

test('a detached server runs on after the command has said so and ended', async () => {
  const file = path.join(cwd, 'stele.log');
  writeFileSync(path.join(cwd, 'stele.toml'), 'detached = true\n');
  const { child, output } = run(
    ['-d', '--logfile=stele.log', '--pidfile=p', '--admin-password=Hidden!1'],
    {
      IMMUDB_DETACHED: 'true',
    },
  );
  await once(child, 'exit');
  assert.equal(child.exitCode, 0);
  const pid = Number(/^stele has been started with PID (\d+)$/m.exec(output.out)?.[1]);
  try {
    assert.ok(processExists(pid));
    assert.equal(readFileSync(path.join(cwd, 'p'), 'utf8'), String(pid));
    assert.match(readFileSync(file, 'utf8'), /ready port=3322 custom=true/);
    if (process.platform === 'linux') {
      assert.ok(!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('Hidden'));
    }
  } finally {
    process.kill(pid, 'SIGTERM');
  }
  await eventually(() => !processExists(pid));
  assert.match(readFileSync(file, 'utf8'), /shutdown completed exitCode=0\n$/);
  assert.ok(!existsSync(path.join(cwd, 'p')));
});

test('a detached server that cannot start gives the command its reason and exit code', async () => {
  const failed = await run(['-d'], { STUB: 'port' }).exit;
  assert.equal(failed.code, 1);
  assert.match(failed.err, /EADDRINUSE.*\nError: .* ended before it was ready\n$/);
  assert.ok(!failed.out.includes('has been started'));
  assert.equal((await run(['-d'], { STUB: 'storage' }).exit).code, 74);
  assert.equal((await run(['-d', '--port=x']).exit).code, 2);
});

test('a password among the arguments disappears from the list of processes', {
  skip: process.platform !== 'linux',
}, async () => {
  const server = run(['--admin-password=Hidden!1']);
  await server.printed('ready');
  assert.ok(!readFileSync(`/proc/${server.child.pid}/cmdline`, 'utf8').includes('Hidden'));
  server.child.kill('SIGTERM');
  const { out, err } = await server.exit;
  assert.ok(!`${out}${err}`.includes('Hidden'));
  assert.match(err, /WARNING: --admin-password on the command line is visible/);
});
