// Checks the Dockerfile. With a container engine that works it builds the image and runs it: any user id,
// read-only root, health check, the original's environment variables. Without one it runs the commands of
// the build stage in a temporary folder, puts the files of the last stage together, and runs those as
// another user from a folder that nobody can write to. It says which of the two it did.
//
//   node scripts/image-check.mjs

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const USER = 54321;
const READY_TIMEOUT_MS = 30_000;

function works(engine) {
  return spawnSync(engine, ['info'], { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

function run(command, args, options = {}) {
  return execFileSync(command, args, { encoding: 'utf8', timeout: 400_000, ...options });
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function until(what, condition) {
  const end = Date.now() + READY_TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what} did not happen`);
    await delay(100);
  }
}

async function inEngine(engine) {
  const tag = `stele-check-${process.pid}`;
  const name = `${tag}-run`;
  try {
    run(engine, ['build', '-t', tag, ROOT], { stdio: 'inherit' });
    const args = ['run', '-d', '--rm', '--name', name, '--read-only', '--tmpfs', '/tmp'];
    const user = ['--user', `${USER}:${USER}`, '-e', 'IMMUDB_ADMIN_PASSWORD=Checked-1!'];
    run(engine, [...args, ...user, tag]);
    const program = ['node', '/opt/stele/dist/src/cli/stele.js', 'healthcheck'];
    await until('health', () => spawnSync(engine, ['exec', name, ...program]).status === 0);
    run(engine, ['stop', '-t', '12', name]);
  } finally {
    spawnSync(engine, ['rm', '-f', name], { stdio: 'ignore' });
    spawnSync(engine, ['rmi', '-f', tag], { stdio: 'ignore' });
  }
}

/** The instructions of the Dockerfile, continued lines joined, by stage. */
function stages() {
  const text = readFileSync(path.join(ROOT, 'Dockerfile'), 'utf8').replace(/\\\n/g, ' ');
  const all = [];
  for (const line of text.split('\n')) {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') all.push([]);
    if (word !== undefined) all.at(-1).push({ word, rest });
  }
  return all;
}

/** Does what the build stage does: its COPY and RUN instructions, in order. */
function buildStage(instructions, folder) {
  for (const { word, rest } of instructions) {
    if (word === 'RUN') {
      console.log(`  ${rest}`);
      run('sh', ['-c', rest], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    } else if (word === 'COPY') {
      const words = rest.split(/\s+/);
      const target = words.pop();
      for (const source of words) {
        const into = target.endsWith('/') ? path.join(target, path.basename(source)) : target;
        cpSync(path.join(ROOT, source), path.join(folder, into), { recursive: true });
      }
    }
  }
}

function lastStage(instructions, built, folder) {
  for (const { word, rest } of instructions) {
    const [, source, target] = /^--from=build \/src\/(\S+) (\S+)$/.exec(rest) ?? [];
    if (word !== 'COPY') continue;
    if (source === undefined) throw new Error(`the last stage copies what was not built: ${rest}`);
    const into = target.endsWith('/') ? path.join(target, path.basename(source)) : target;
    cpSync(path.join(built, source), path.join(folder, into), { recursive: true });
  }
}

function assertSmall(folder) {
  for (const tool of ['typescript', '@biomejs/biome', 'protobufjs-cli', 'fast-check']) {
    if (existsSync(path.join(folder, 'node_modules', tool))) throw new Error(`${tool} is in it`);
  }
  if (existsSync(path.join(folder, 'src'))) throw new Error('sources are in it');
  const stray = readdirSync(folder).filter(
    (name) => !['package.json', 'node_modules', 'dist'].includes(name),
  );
  if (stray.length > 0) throw new Error(`${stray} is in it`);
}

async function serve(app, data) {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(data, USER, USER);
  const as = isRoot ? { uid: USER, gid: USER } : {};
  const [port, metrics] = [await freePort(), await freePort()];
  const env = {
    PATH: process.env.PATH,
    NODE_ENV: 'production',
    IMMUDB_DIR: data,
    IMMUDB_ADDRESS: '127.0.0.1',
    IMMUDB_PORT: String(port),
    IMMUDB_METRICS_SERVER_PORT: String(metrics),
    IMMUDB_ADMIN_PASSWORD: 'Checked-1!',
  };
  const program = path.join(app, 'dist/src/cli/stele.js');
  const settings = { cwd: app, env, stdio: ['ignore', 'pipe', 'pipe'], ...as };
  const child = spawn(process.execPath, [program], settings);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      log += text;
    });
  }
  const exited = new Promise((resolve) => child.once('exit', resolve));
  try {
    const healthy = () => {
      const check = { cwd: app, env, ...as };
      return spawnSync(process.execPath, [program, 'healthcheck'], check).status === 0;
    };
    await until('health', () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${log}`);
      return healthy();
    });
    child.kill('SIGTERM');
    const code = await exited;
    if (code !== 0) throw new Error(`it ended with ${code}: ${log}`);
    if (log.includes('Checked-1!')) throw new Error('the password is in the log');
  } finally {
    child.kill('SIGKILL');
  }
}

async function withoutEngine() {
  const folder = mkdtempSync(path.join(tmpdir(), 'stele-image-'));
  try {
    // Other users may go through, none may write.
    chmodSync(folder, 0o755);
    const [built, app, data] = ['built', 'app', 'data'].map((name) => path.join(folder, name));
    for (const made of [built, app, data]) mkdirSync(made, { mode: 0o755 });
    const [build, last] = stages();
    buildStage(build, built);
    lastStage(last, built, app);
    assertSmall(app);
    run('chmod', ['-R', 'a-w,a+rX', app]);
    await serve(app, data);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const engine = ['docker', 'podman'].find(works);
console.log(engine === undefined ? 'no container engine works here: checking the steps' : engine);
try {
  await (engine === undefined ? withoutEngine() : inEngine(engine));
  const how =
    engine === undefined ? 'steps checked without a container' : `built and run, ${engine}`;
  console.log(`image: ${how}\n1 passed, 0 failed`);
} catch (error) {
  console.log(`FAILED  ${error.message}\n0 passed, 1 failed`);
  process.exitCode = 1;
}
