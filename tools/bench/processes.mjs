// The processes of a run. Each is ended by its own id, and all of them when the run ends in any way.

import { execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { methods, pb } from '../../dist/src/wire/index.js';
import { call, connectGrpc } from './transport.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 30_000;
const POLL_MS = 3;

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

function kept(child) {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** A child that answers each message with one message. */
class Helper {
  #child;

  constructor(script, args = []) {
    this.#child = kept(
      fork(path.join(HERE, script), args, { serialization: 'advanced', stdio: 'inherit' }),
    );
  }

  get pid() {
    return this.#child.pid;
  }

  /** @returns the next message of the child */
  answer() {
    return new Promise((resolve, reject) => {
      const ended = (code) => reject(new Error(`a helper ended with ${code}`));
      this.#child.once('exit', ended);
      this.#child.once('message', (message) => {
        this.#child.off('exit', ended);
        if (message.error === undefined) resolve(message);
        else reject(new Error(message.error));
      });
    });
  }

  ask(message) {
    const answer = this.answer();
    this.#child.send(message);
    return answer;
  }

  async end() {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}

export class Client extends Helper {
  constructor() {
    super('client.mjs');
  }

  /** @returns what the function of this name in the client process returns */
  async run(task, argument) {
    return (await this.ask({ task, argument })).result;
  }
}

export class Echo extends Helper {
  port = 0;

  static async start() {
    const begin = performance.now();
    const echo = new Echo('echo-server.mjs');
    echo.port = (await echo.answer()).port;
    echo.readyMs = performance.now() - begin;
    return echo;
  }

  /** @param {Buffer} answer what every call of the method gets */
  set(method, answer) {
    return this.ask({ path: methods[method].path, answer });
  }

  setStream(method, message, count) {
    return this.ask({ path: methods[method].path, message, count });
  }
}

export class Stele {
  #child;
  #exit;
  /** Milliseconds from its start until it answered `Health`. */
  readyMs = 0;

  constructor(child, port, dir) {
    this.#child = kept(child);
    this.#exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(code ?? signal));
    });
    this.port = port;
    this.dir = dir;
  }

  /** @param {{ script: string, dir: string, nodeArgs: string[], flags: string[] }} options */
  static async start({ script, dir, nodeArgs, flags }) {
    const port = await freePort();
    const log = openSync(`${dir}.log`, 'a');
    const begin = performance.now();
    const args = [
      ...nodeArgs,
      script,
      ...['--dir', dir, '--address', '127.0.0.1', '--port', String(port)],
      ...['--metrics-server=false', '--write-tx-header-version', '1'],
      ...flags,
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    const stele = new Stele(child, port, dir);
    try {
      await Promise.race([answersHealth(port), stele.#endedEarly()]);
    } catch (error) {
      await stele.stop();
      throw error;
    }
    stele.readyMs = performance.now() - begin;
    return stele;
  }

  get pid() {
    return this.#child.pid;
  }

  async #endedEarly() {
    const code = await this.#exit;
    const log = readFileSync(`${this.dir}.log`, 'utf8').trimEnd().split('\n');
    throw new Error(`the server ended with ${code}: ${log.slice(-5).join(' | ')}`);
  }

  async stop() {
    this.#child.kill('SIGTERM');
    const force = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exit;
    clearTimeout(force);
  }

  /** As a crash ends it. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  /** @returns {Promise<Record<string, string>>} headers for calls on this database */
  async login(databaseName = 'defaultdb') {
    const connection = connectGrpc(this.port, {});
    try {
      const [username, password] = [Buffer.from('immudb'), Buffer.from('immudb')];
      const request = pb.encodeOpenSessionRequest({ username, password, databaseName });
      const answer = await call(connection, methods.OpenSession.path, request);
      return { sessionid: pb.decodeOpenSessionResponse(answer).sessionID };
    } finally {
      connection.close();
    }
  }
}

async function answersHealth(port) {
  const end = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    if (await accepts(port)) break;
    if (performance.now() > end) throw new Error('the server was not ready in time');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const connection = connectGrpc(port, {});
  try {
    await call(connection, methods.Health.path, Buffer.alloc(0));
  } finally {
    connection.close();
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.destroy(resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs `baselines.mjs`. */
export async function baseline(...args) {
  const script = path.join(HERE, 'baselines.mjs');
  const running = promisify(execFile)(process.execPath, [script, ...args.map(String)]);
  kept(running.child);
  return JSON.parse((await running).stdout);
}
