import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { SteleClient } from '../../src/client/index.js';
import { RpcFixture } from '../rpc/fixture.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { runClient } from './client-world.js';
import {
  comparable,
  deviationOf,
  deviations,
  pipedInto,
  type Recorded,
  recordingsOf,
} from './recordings.js';

/**
 * Every recorded command line of the clients of 0.9.2 and 1.11.1 is run against a server of ours: the same
 * exit code and the same data, but for what deviations.json lists with its reason.
 */

const DEVIATIONS = deviations();

interface Stage {
  readonly port: number;
  readonly home: string;
  readonly cwd: string;
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'stele-recorded-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function environment(generation: string, { port, home }: Stage, recorded: Recorded) {
  const format = generation.startsWith('0') ? '0.9' : '1';
  return {
    HOME: home,
    STELE_FORMAT: format,
    ...(recorded.args.some((arg) => arg === '-p' || arg === '--immudb-port')
      ? {}
      : { IMMUCLIENT_IMMUDB_PORT: String(port) }),
    ...recorded.env,
  };
}

/** @returns what is wrong, if anything is */
async function play(
  generation: string,
  at: number,
  recorded: Recorded,
  stage: Stage,
): Promise<string | undefined> {
  // The shell has a test of its own.
  if (recorded.stdout === null || recorded.stdout === undefined) return undefined;
  const deviation = deviationOf(generation, at, recorded, DEVIATIONS);
  if (deviation?.notRun === true) return undefined;
  const fill = (text: string) =>
    text
      .replaceAll('{port}', String(stage.port))
      .replaceAll('{cwd}', stage.cwd)
      .replaceAll('{home}', stage.home);
  const args = (deviation?.instead ?? recorded.args).map(fill);
  const env = environment(generation, stage, recorded);
  const { exitCode, stdout, stderr } = await runClient({ args, env, stdin: pipedInto(recorded) });
  const { expect = {} } = deviation ?? {};
  const whole = fill(recorded.stdout ?? '');
  const original =
    expect.without === undefined ? whole : whole.replace(new RegExp(expect.without, 'g'), '');
  const [wanted, found] = comparable(recorded, expect.stdout ?? original, stdout);
  const exit = expect.exitCode ?? recorded.exitCode;
  const place = `${generation} #${at} ${recorded.scene}: ${JSON.stringify(recorded.args)}`;
  if (exitCode !== exit) return `${place}: exit ${exitCode}, not ${exit}: ${stderr.slice(0, 300)}`;
  return found === wanted
    ? undefined
    : `${place}: printed ${JSON.stringify(found).slice(0, 400)}, not ${JSON.stringify(wanted).slice(0, 400)}`;
}

async function playScene(
  generation: string,
  scene: string,
  stage: Stage,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): Promise<void> {
  const wrong: string[] = [];
  for (const [at, recorded] of recordingsOf(generation).entries()) {
    if (recorded.scene !== scene || at < from || at >= to) continue;
    const fault = await play(generation, at, recorded, stage);
    if (fault !== undefined) wrong.push(fault);
  }
  assert.deepEqual(wrong, []);
}

async function stageOf(t: TestContext, generation: string): Promise<Stage> {
  const writeTxHeaderVersion = generation.startsWith('0') ? 0 : 1;
  const { port } = await RpcFixture.start(t, { defaults: { writeTxHeaderVersion } });
  return { port, home: await temporary(t), cwd: await temporary(t) };
}

async function login({ port, home }: Stage, user = 'immudb', password = 'immudb'): Promise<void> {
  const env = { HOME: home, STELE_IMMUDB_PORT: String(port) };
  const { exitCode, stderr } = await runClient({ args: ['login', user], env, stdin: password });
  assert.equal(exitCode, 0, stderr);
}

async function client({ port, home }: Stage, ...args: string[]): Promise<void> {
  const env = { HOME: home, STELE_IMMUDB_PORT: String(port) };
  const { exitCode, stderr } = await runClient({ args, env });
  assert.equal(exitCode, 0, stderr);
}

for (const generation of ['0.9.2', '1.11.1']) {
  test(`without a login every command of ${generation} fails as recorded`, async (t) => {
    await playScene(generation, 'not-logged-in', await stageOf(t, generation));
  });

  test(`the commands of ${generation} on keys and values print as recorded`, async (t) => {
    const stage = await stageOf(t, generation);
    await login(stage);
    await playScene(generation, 'key-value', stage);
  });

  test(`logins of ${generation} work as recorded`, async (t) => {
    await playScene(generation, 'login', await stageOf(t, generation));
  });

  test(`flags, environment and files of ${generation} count as recorded`, async (t) => {
    const stage = await stageOf(t, generation);
    await login(stage);
    await client(stage, 'set', 'k1', 'v1');
    const { port, cwd } = stage;
    const file = `immudb-port = ${port}\nimmudb-address = "127.0.0.1"\nvalue-only = true\n`;
    await writeFile(path.join(cwd, 'c.toml'), file);
    await writeFile(path.join(cwd, 'bad.toml'), '=\n');
    await playScene(generation, 'configuration', stage);
  });

  test(`without a server every command of ${generation} fails as recorded`, async (t) => {
    const stage = { port: await freePort(), home: await temporary(t), cwd: await temporary(t) };
    await playScene(generation, 'no-server', stage);
  });
}

for (const generation of ['0.9.2', '1.11.1']) {
  test(`databases and rights of ${generation} are as recorded`, async (t) => {
    const stage = await stageOf(t, generation);
    await using admin = await SteleClient.connect({ port: stage.port });
    await admin.openSession('immudb', 'immudb');
    const password = Buffer.from('Pass-1234');
    for (const databaseName of ['db1', 'db2']) await admin.call('CreateDatabase', { databaseName });
    for (const [name, permission] of [
      ['reader', 1],
      ['writer', 2],
    ] as const) {
      const user = Buffer.from(name);
      await admin.call('CreateUser', { user, password, permission, database: 'db1' });
    }
    const newPassword = Buffer.from('Admin-1234');
    const oldPassword = Buffer.from('immudb');
    const user = Buffer.from('immudb');
    await admin.call('ChangePassword', { user, oldPassword, newPassword });
    await using again = await SteleClient.connect({ port: stage.port });
    await again.openSession('immudb', 'Admin-1234');
    const scene = 'databases-and-rights';
    const places = recordingsOf(generation).flatMap((recorded, at) =>
      recorded.scene === scene ? [at] : [],
    );
    const last = places.at(-1) as number;
    await playScene(generation, scene, stage, 0, last);
    await again.call('SetActiveUser', { username: 'writer', active: false });
    await playScene(generation, scene, stage, last);
  });

  test(`a scan of more than a page of ${generation} is not cut short`, async (t) => {
    const stage = await stageOf(t, generation);
    await login(stage);
    await using filler = await SteleClient.connect({ port: stage.port });
    await filler.openSession('immudb', 'immudb');
    for (const [from, to] of [
      [0, 1000],
      [1000, 2000],
      [2000, 2501],
    ] as const) {
      const keys = Array.from({ length: to - from }, (_, i) => `n${from + i}`);
      await filler.setAll(keys.map((key) => ({ key, value: 'v' })));
    }
    const env = { HOME: stage.home, STELE_IMMUDB_PORT: String(stage.port) };
    const { stdout } = await runClient({ args: ['scan', 'n', '--value-only'], env });
    assert.equal(stdout.split('\n').filter((line) => line === 'v').length, 2501);
    await playScene(generation, 'scan-limit', stage);
  });

  test(`after a restart, and with another history, ${generation} does as recorded`, async (t) => {
    const headers = generation.startsWith('0') ? '0' : '1';
    const data = path.join(await temporary(t), 'data');
    const stage = { port: await freePort(), home: await temporary(t), cwd: await temporary(t) };
    const flags = ['--write-tx-header-version', headers];
    const start = () => ServerProcess.start({ dir: data, port: stage.port, flags });
    const places = recordingsOf(generation).flatMap((recorded, at) =>
      recorded.scene === 'after-restart' ? [at] : [],
    );
    const first = places[0] as number;
    const first2 = first + 4;
    {
      await using _server = await start();
      await login(stage);
      await client(stage, 'set', 'k1', 'v1');
    }
    {
      await using _server = await start();
      await playScene(generation, 'after-restart', stage, first, first2);
    }
    await rm(data, { recursive: true });
    await using _server = await start();
    await playScene(generation, 'after-restart', stage, first2);
  });

  test(`a server that was rolled back is found out where ${generation} did and did not`, async (t) => {
    const headers = generation.startsWith('0') ? '0' : '1';
    const data = path.join(await temporary(t), 'data');
    const stage = { port: await freePort(), home: await temporary(t), cwd: await temporary(t) };
    const flags = ['--write-tx-header-version', headers];
    const start = () => ServerProcess.start({ dir: data, port: stage.port, flags });
    const copy = path.join(await temporary(t), 'copy');
    const write = async (from: number, to: number) => {
      for (let i = from; i < to; i++) await client(stage, 'safeset', `t${i}`, `v${i}`);
    };
    {
      await using server = await start();
      await login(stage);
      await write(0, 3);
      server.signal('SIGTERM');
      await server.ended(10_000);
    }
    await cp(data, copy, { recursive: true });
    {
      await using _server = await start();
      await login(stage);
      await write(3, 6);
    }
    await rm(data, { recursive: true });
    await cp(copy, data, { recursive: true });
    await using _server = await start();
    await login(stage);
    const places = recordingsOf(generation).flatMap((recorded, at) =>
      recorded.scene === 'tampered' ? [at] : [],
    );
    const other = (places[0] as number) + 4;
    await playScene(generation, 'tampered', stage, 0, other);
    for (let i = 0; i < 5; i++) await client(stage, 'set', `o${i}`, 'x');
    await playScene(generation, 'tampered', stage, other);
  });
}

test('every deviation is of a recording', () => {
  const all = ['0.9.2', '1.11.1'].flatMap((generation) =>
    recordingsOf(generation)
      .map((recorded, at) => deviationOf(generation, at, recorded, DEVIATIONS))
      .filter((found) => found !== undefined),
  );
  const unused = DEVIATIONS.filter((deviation) => !all.includes(deviation));
  assert.deepEqual(unused, []);
});
