// Runs the SDK interoperability suite (test/sdk): each released SDK does random operations against
// servers of its own, which are killed with SIGKILL and started again in between.
//
//   node scripts/sdk-suite.mjs [--operations 1000] [--seed N] [--only go-0.9.2,python-1.5.0]
//                              [--server "command with {dir} {port} {key}"] [--keep]
//
// The servers write an audit event for every call; in the end each answered call must have exactly one.
//
// What is not in any registry (Java, Node 2) is acted out by clients of our own in test/sdk/acted.
// Needs go, python3 and npm; what they install stays in node_modules/.cache/sdk-suite.

import { execFile, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomInt } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import grpc from '@grpc/grpc-js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const SDK = path.join(ROOT, 'test/sdk');
/** Out of the way of formatter and compiler, which must not touch the packages. */
const CACHE = path.join(ROOT, 'node_modules/.cache/sdk-suite');
const PARALLEL = 2;
const INSTALL_TIMEOUT_MS = 300_000;
const READY_TIMEOUT_MS = 20_000;
/** For a thousand operations; more get more. */
const PROGRAM_TIMEOUT_MS = 180_000;

const { values: options } = parseArgs({
  options: {
    operations: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    only: { type: 'string', default: '' },
    server: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

/**
 * One SDK each. `version` is the header version that its database gets by the rule for `auto`: what
 * logs in with a token gets 0, what opens a session gets 1.
 */
const SDKS = [
  { name: 'go-0.9.2', language: 'go', release: '0.9.2', api: 'token', version: 0 },
  { name: 'go-1.2.4', language: 'go', release: '1.2.4', api: 'session', version: 1 },
  { name: 'go-1.11.1', language: 'go', release: '1.11.1', api: 'session', version: 1 },
  { name: 'go-1.11.1-token', language: 'go', release: '1.11.1', api: 'token', version: 0 },
  { name: 'python-0.9.0', language: 'python', release: '0.9.0', api: 'token', version: 0 },
  { name: 'python-1.2.3', language: 'python', release: '1.2.3', api: 'token', version: 0 },
  { name: 'python-1.5.0', language: 'python', release: '1.5.0', api: 'session', version: 1 },
  { name: 'python-1.5.0-token', language: 'python', release: '1.5.0', api: 'token', version: 0 },
  { name: 'node-1.1.1', language: 'node', release: '1.1.1', api: 'token', version: 0 },
  { name: 'java-0.9.0.5', language: 'acted', release: '0.9.0.5', api: 'token', version: 0 },
  // This one logs in with a token but verifies version 1 alone.
  {
    name: 'java-0.10.2',
    language: 'acted',
    release: '0.10.2',
    api: 'token',
    version: 1,
    server: ['--write-tx-header-version', '1'],
  },
  { name: 'java-1.0.1', language: 'acted', release: '1.0.1', api: 'session', version: 1 },
  { name: 'node-2.0.0', language: 'acted', release: '2.0.0', api: 'session', version: 1 },
];

/** Once on a database of its own, and for each login as the only user of a fresh server. */
const runs = SDKS.filter(
  ({ name }) => !options.only || options.only.split(',').some((only) => name === only),
).flatMap((sdk) => {
  const operations = Number(options.operations);
  const own = { ...sdk, database: `db${sdk.name.replace(/[^a-z0-9]/g, '')}`, operations };
  if (sdk.name.endsWith('-token')) return [own];
  return [own, { ...sdk, database: 'defaultdb', operations: Math.ceil(operations / 4) }];
});

/** Children that are still there when this process is interrupted. */
const children = new Set();

function start(command, args, settings) {
  const child = spawn(command, args, settings);
  children.add(child);
  const exited = new Promise((resolve) => {
    child.once('error', (error) => resolve(String(error)));
    child.once('exit', (code, signal) => resolve(signal ?? code));
  }).finally(() => children.delete(child));
  return { child, exited };
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    for (const child of children) child.kill('SIGKILL');
    process.exit(1);
  });
}

const exec = promisify(execFile);

async function install(command, args, cwd) {
  try {
    await exec(command, args, { cwd, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 1 << 24 });
  } catch (error) {
    throw new Error(`${command} ${args.join(' ')}: ${error.stderr || error.message}`);
  }
}

/** Installs into a folder of the cache unless it holds what `pin` (a file) says. */
async function cached(name, pin, make) {
  const folder = path.join(CACHE, name);
  const stamp = path.join(folder, '.installed');
  const wanted = createHash('sha256').update(readFileSync(pin)).digest('hex');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    await make(folder);
    writeFileSync(stamp, wanted);
  }
  return folder;
}

/** Each gives the command that runs the program of one SDK. */
const preparations = {
  async go({ release }) {
    const program = path.join(CACHE, `go-${release}`);
    mkdirSync(CACHE, { recursive: true });
    await install('go', ['build', '-o', program, '.'], path.join(SDK, `go/v${release}`));
    return [program];
  },
  async python({ release }) {
    const requirements = path.join(SDK, `python/requirements-${release}.txt`);
    const folder = await cached(`python-${release}`, requirements, async (made) => {
      await install('python3', ['-m', 'venv', made], ROOT);
      const pip = path.join(made, 'bin/pip');
      await install(pip, ['install', '--quiet', '--no-deps', '-r', requirements], ROOT);
    });
    return [path.join(folder, 'bin/python'), path.join(SDK, 'python/suite.py')];
  },
  async node({ release }) {
    const source = path.join(SDK, `node/v${release}`);
    const folder = await cached(
      `node-${release}`,
      path.join(source, 'package-lock.json'),
      async (made) => {
        for (const file of ['package.json', 'package-lock.json']) {
          copyFileSync(path.join(source, file), path.join(made, file));
        }
        await install('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], made);
      },
    );
    const program = path.join(ROOT, 'dist/test/sdk/node/immudb-node.js');
    return [process.execPath, program, '--module', path.join(folder, 'node_modules/immudb-node')];
  },
  async acted({ name, release }) {
    const program = path.join(ROOT, `dist/test/sdk/acted/${name.split('-')[0]}.js`);
    return [process.execPath, program, '--release', release];
  },
};

const { addAnswered, auditProblems } = await import(
  pathToFileURL(path.join(ROOT, 'dist/test/sdk/support/audited-calls.js')).href
);

const prepared = new Map();

function prepare(run) {
  const key = `${run.language}-${run.release}-${run.name.split('-')[0]}`;
  if (!prepared.has(key)) prepared.set(key, preparations[run.language](run));
  return prepared.get(key);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

function healthy(port) {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const same = (bytes) => bytes;
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      '/immudb.schema.ImmuService/Health',
      same,
      same,
      Buffer.alloc(0),
      { deadline: Date.now() + 1000 },
      (error) => resolve(!error),
    );
  }).finally(() => client.close());
}

/** A server that can be killed and started again on the same folder and port. */
class Server {
  constructor(run, folder, port, metricsPort) {
    this.port = port;
    this.metricsPort = metricsPort;
    this.log = '';
    this.restarts = [];
    this.answered = new Map();
    const words = options.server?.split(' ') ?? [
      process.execPath,
      path.join(ROOT, 'dist/src/cli/stele.js'),
      ...'--dir {dir} --port {port} --signingKey {key} --address 127.0.0.1 --metrics-server-port {metrics} --audit-events everything'.split(
        ' ',
      ),
      ...(run.server ?? []),
    ];
    const values = {
      dir: path.join(folder, 'data'),
      key: path.join(folder, 'signing.pem'),
      port,
      metrics: metricsPort,
    };
    this.command = words.map((word) => word.replace(/\{(\w+)\}/, (_, name) => values[name]));
    this.folder = folder;
  }

  async start() {
    const [command, ...args] = this.command;
    const { child, exited } = start(command, args, {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (data) => {
      this.log = (this.log + data).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.child = child;
    this.exited = exited;
    const begin = Date.now();
    while (Date.now() - begin < READY_TIMEOUT_MS) {
      if (await healthy(this.port)) return Date.now() - begin;
      if (child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`server not ready: ${this.log}`);
  }

  async kill() {
    this.child?.kill('SIGKILL');
    await this.exited;
  }

  /** The last thing in the life of a server: what it answered is asked of it. */
  async count() {
    if (options.server === undefined) await addAnswered(this.answered, this.metricsPort);
  }

  /** Every call that was answered has one event. */
  auditProblems() {
    if (options.server !== undefined) return [];
    return auditProblems(path.join(this.folder, 'data/audit'), this.answered);
  }

  async restart() {
    await this.count();
    await this.kill();
    this.restarts.push(await this.start());
  }
}

/** Runs one program to its end, killing and restarting the server whenever it says CHECKPOINT. */
async function converse(command, server, folder, run) {
  const [program, ...args] = command;
  const { child, exited } = start(program, args, {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    // Some SDKs keep files in the home directory.
    env: {
      ...process.env,
      HOME: folder,
      GRPC_VERBOSITY: 'ERROR',
      PYTHONUNBUFFERED: '1',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-4000);
  });
  const timeout = PROGRAM_TIMEOUT_MS * Math.max(1, run.operations / 1000);
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  let last = '';
  let trouble = '';
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('CHECKPOINT')) {
        await server.restart();
        child.stdin.write('GO\n');
      } else if (line.trim()) {
        last = line;
      }
    }
  } catch (error) {
    trouble = String(error);
    child.kill('SIGKILL');
  }
  const outcome = await exited;
  clearTimeout(timer);
  try {
    return { ...JSON.parse(last), outcome, errors, trouble };
  } catch {
    return { failures: [{ name: 'no report', detail: last }], outcome, errors, trouble };
  }
}

function writeKeys(folder) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const [secret, open] = [path.join(folder, 'signing.pem'), path.join(folder, 'public.pem')];
  writeFileSync(secret, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  writeFileSync(open, publicKey.export({ type: 'spki', format: 'pem' }));
  return open;
}

async function perform(run) {
  const command = await prepare(run);
  const folder = mkdtempSync(path.join(tmpdir(), `stele-sdk-${run.name}-`));
  const begin = Date.now();
  const server = new Server(run, folder, await freePort(), await freePort());
  try {
    const publicKey = writeKeys(folder);
    await server.start();
    const stateDir = path.join(folder, 'state');
    mkdirSync(stateDir);
    const given = {
      port: server.port,
      database: run.database,
      api: run.api,
      'state-dir': stateDir,
      'public-key': publicKey,
      'header-version': run.version,
      seed: options.seed,
      operations: run.operations,
    };
    const args = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const report = await converse([...command, ...args], server, folder, run);
    await server.count();
    await server.kill();
    const failures = [...report.failures];
    for (const detail of server.auditProblems()) failures.push({ name: 'audit', detail });
    const passed =
      report.outcome === 0 &&
      failures.length === 0 &&
      report.operations === run.operations &&
      report.verified > 0 &&
      server.restarts.length === 2;
    return {
      ...report,
      failures,
      run,
      passed,
      restarts: server.restarts,
      serverLog: server.log,
      begin,
    };
  } finally {
    await server.kill();
    if (options.keep) console.log(`${run.name}: kept ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

function line(...cells) {
  const widths = [-19, -20, 11, 9, 12, 7];
  const text = cells.map((cell, i) => {
    const width = widths[i] ?? 0;
    return width < 0 ? String(cell).padEnd(-width) : String(cell).padStart(width);
  });
  return text.join(' ');
}

function show(result) {
  const { run, passed } = result;
  const seconds = ((Date.now() - result.begin) / 1000).toFixed(1);
  console.log(
    line(
      run.name,
      run.database,
      result.operations ?? '-',
      result.verified ?? '-',
      result.restarts.join(' '),
      seconds,
      passed ? ' passed' : ' FAILED',
    ),
  );
  if (passed) return;
  for (const failure of result.failures.slice(0, 8)) {
    const where = failure.operation === undefined ? '' : `operation ${failure.operation}, `;
    console.log(`  ${where}${failure.name}: ${failure.detail}`);
  }
  const tail = (text) => text.trim().split('\n').slice(-15).join('\n    ');
  console.log(`  ended with ${result.outcome} ${result.trouble}`);
  if (result.errors) console.log(`  its errors:\n    ${tail(result.errors)}`);
  if (result.serverLog) console.log(`  server log:\n    ${tail(result.serverLog)}`);
}

/** The newest release of each language that is in a registry, over mutual TLS. */
const MTLS = [
  { name: 'go-1.11.1', language: 'go', release: '1.11.1' },
  { name: 'python-1.5.0', language: 'python', release: '1.5.0' },
  { name: 'node-1.1.1', language: 'node', release: '1.1.1' },
];

/** The program of an SDK that does one verified write and read over mutual TLS. */
async function mtlsProgram(sdk) {
  if (sdk.language === 'go') {
    const program = path.join(CACHE, `go-${sdk.release}-mtls`);
    mkdirSync(CACHE, { recursive: true });
    await install('go', ['build', '-o', program, './mtls'], path.join(SDK, `go/v${sdk.release}`));
    return [program];
  }
  const [runtime, , ...more] = await prepare(sdk);
  if (sdk.language === 'python') return [runtime, path.join(SDK, 'python/mtls.py')];
  return [runtime, path.join(ROOT, 'dist/test/sdk/node/mtls.js'), ...more];
}

/** Certificates as tools/mtls/generate.sh makes them, one server, each SDK with the client's. */
async function overMtls(sdks) {
  const folder = mkdtempSync(path.join(tmpdir(), 'stele-sdk-mtls-'));
  const made = path.join(folder, 'certificates');
  await install('bash', [path.join(ROOT, 'tools/mtls/generate.sh'), '--out', made], ROOT);
  const files = {
    certificate: path.join(made, '4_client/certs/localhost.cert.pem'),
    key: path.join(made, '4_client/private/localhost.key.pem'),
    authorities: path.join(made, '2_intermediate/certs/ca-chain.cert.pem'),
  };
  const port = await freePort();
  const flags = [
    ...['--dir', path.join(folder, 'data'), '--port', port, '--address', '127.0.0.1'],
    ...['--metrics-server=false', '--write-tx-header-version', '0', '--mtls'],
    ...['--certificate', path.join(made, '3_application/certs/localhost.cert.pem')],
    ...['--pkey', path.join(made, '3_application/private/localhost.key.pem')],
    ...['--clientcas', files.authorities],
  ].map(String);
  const stele = path.join(ROOT, 'dist/src/cli/stele.js');
  const { child, exited } = start(process.execPath, [stele, ...flags], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let failed = 0;
  try {
    await listening(child);
    for (const sdk of sdks) failed += await mtlsRun(sdk, folder, port, files);
  } finally {
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
  return failed;
}

function listening(child) {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr.on('data', (data) => {
      log = (log + data).slice(-4000);
      if (log.includes('listening')) resolve();
    });
    child.once('exit', () => reject(new Error(`server not ready: ${log}`)));
  });
}

/** @returns 1 when it failed */
async function mtlsRun(sdk, folder, port, files) {
  const name = `${sdk.name} over mTLS`.padEnd(40);
  try {
    const stateDir = path.join(folder, sdk.name);
    mkdirSync(stateDir);
    const [program, ...args] = await mtlsProgram(sdk);
    const given = Object.entries({ port, 'state-dir': stateDir, ...files });
    const { stdout } = await exec(
      program,
      [...args, ...given.flatMap(([option, value]) => [`--${option}`, String(value)])],
      { cwd: stateDir, timeout: 60_000, env: { ...process.env, HOME: stateDir } },
    );
    if (!stdout.trimEnd().endsWith('verified')) throw new Error(stdout);
    console.log(`${name} passed`);
    return 0;
  } catch (error) {
    console.log(`${name} FAILED\n  ${error.stderr || error.message}`);
    return 1;
  }
}

async function main() {
  const begin = Date.now();
  console.log(`seed ${options.seed}, ${options.operations} operations`);
  console.log(line('sdk', 'database', 'operations', 'verified', 'restarts ms', 'seconds'));
  let failed = 0;
  const waiting = [...runs];
  const worker = async () => {
    for (let run = waiting.shift(); run; run = waiting.shift()) {
      try {
        const result = await perform(run);
        show(result);
        if (!result.passed) failed += 1;
      } catch (error) {
        console.log(`${line(run.name, run.database)} FAILED\n  ${error.message}`);
        failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  const secure = MTLS.filter(
    ({ name }) => !options.only || options.only.split(',').includes(`${name}-mtls`),
  );
  if (secure.length > 0 && options.server === undefined) failed += await overMtls(secure);
  console.log(`${((Date.now() - begin) / 1000).toFixed(0)} s`);
  const total = runs.length + (options.server === undefined ? secure.length : 0);
  console.log(`${total - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || total === 0 ? 1 : 0;
}

await main();
