import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { RpcFixture } from '../rpc/fixture.js';
import { freePort } from '../support/server-process.js';
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

test('every deviation is of a recording', () => {
  const all = ['0.9.2', '1.11.1'].flatMap((generation) =>
    recordingsOf(generation)
      .map((recorded, at) => deviationOf(generation, at, recorded, DEVIATIONS))
      .filter((found) => found !== undefined),
  );
  const unused = DEVIATIONS.filter((deviation) => !all.includes(deviation));
  assert.deepEqual(unused, []);
});
