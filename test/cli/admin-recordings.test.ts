import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { main } from '../../src/cli/admin/main.js';
import { SteleClient } from '../../src/client/index.js';
import { RpcFixture } from '../rpc/fixture.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { type Ended, type Run, runMain } from './client-world.js';
import { deviationOf, deviations, pipedInto, type Recorded, recordingsOf } from './recordings.js';

/**
 * Every recorded command line of the administration programs of 0.9.2 and 1.11.1 is run against a server of
 * ours: the same exit code and the same data, but for what admin-deviations.json lists with its reason.
 */

const PROGRAM = 'immuadmin';
const GENERATIONS = ['0.9.2', '1.11.1'] as const;
const ADMIN_PASSWORD = 'Admin-1234';
const DEVIATIONS = deviations('admin-deviations.json');

interface Stage {
  readonly port: number;
  readonly home: string;
  readonly cwd: string;
  /** HOST:PORT */
  readonly metrics: string;
}

function runAdmin(run: Run): Promise<Ended> {
  return runMain(main, run);
}

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), 'stele-recorded-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function environment(generation: string, stage: Stage, { args, env }: Recorded) {
  const own = args.some((arg) => arg === '-p' || arg === '--immudb-port');
  return {
    HOME: stage.home,
    STELE_FORMAT: generation.startsWith('0') ? '0.9' : '1',
    STELE_METRICS: stage.metrics,
    ...(own ? {} : { IMMUADMIN_IMMUDB_PORT: String(stage.port) }),
    ...env,
  };
}

/** What a person is asked or warned of goes to standard error here. */
const ASKED =
  /^(?:Password:|Old password:|Choose a password for .*:|Confirm password:|SECURITY WARNING: .*|A strong password .*\nDo you want to continue .*)\n/gm;

/** Without colours, questions, and what differs from run to run: times, sizes, the version, line ends. */
function comparable(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes begin with one
      .replace(/\u001b\[\d+m/g, '')
      .replace(ASKED, '')
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC/g, '<time>')
      .replace(/\d{4}-\d\d-\d\d/g, '<date>')
      .replace(/-{30,}/g, '<rule>')
      .replace(/\d+(\.\d)? [KM]?B {2,}/g, '<size>  ')
      .replace(/^(Up time|Version):\t.*$/gm, '$1')
      .replace(/^Databases:\t(\d+) \(.* [KM]?B\)$/gm, 'Databases:\t$1')
      .replace(/ +$/gm, '')
      .replace(/\n$/, '')
  );
}

/** @returns what is wrong, if anything is */
async function play(
  generation: string,
  at: number,
  recorded: Recorded,
  stage: Stage,
): Promise<string | undefined> {
  const deviation = deviationOf(generation, at, recorded, DEVIATIONS);
  if (deviation?.notRun === true) return undefined;
  const fill = (text: string) =>
    text
      .replaceAll('{port}', String(stage.port))
      .replaceAll('{cwd}', stage.cwd)
      .replaceAll('{home}', stage.home);
  const args = (deviation?.instead ?? recorded.args).map(fill);
  const env = environment(generation, stage, recorded);
  const { exitCode, stdout, stderr } = await runAdmin({ args, env, stdin: pipedInto(recorded) });
  const { expect = {} } = deviation ?? {};
  const original = comparable(fill(expect.stdout ?? recorded.stdout ?? ''));
  const [pattern, replacement] = expect.replace ?? [];
  const found = comparable(stdout);
  const wanted =
    pattern === undefined ? original : original.replace(new RegExp(pattern), replacement ?? '');
  const exit = expect.exitCode ?? recorded.exitCode;
  const place = `${generation} #${at} ${recorded.scene}: ${JSON.stringify(recorded.args)}`;
  if (exitCode !== exit) return `${place}: exit ${exitCode}, not ${exit}: ${stderr.slice(0, 300)}`;
  if (exitCode !== 0 && stderr === '') return `${place}: fails without a word`;
  const same = expect.match === undefined ? found === wanted : new RegExp(expect.match).test(found);
  return same
    ? undefined
    : `${place}: printed ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`;
}

type Before = (at: number, recorded: Recorded, previous: Recorded | undefined) => Promise<void>;

async function playScene(
  generation: string,
  scene: string,
  stage: Stage,
  before: Before = async () => {},
): Promise<void> {
  const wrong: string[] = [];
  let previous: Recorded | undefined;
  for (const [at, recorded] of recordingsOf(generation, PROGRAM).entries()) {
    if (recorded.scene !== scene) continue;
    await before(at, recorded, previous);
    const fault = await play(generation, at, recorded, stage);
    if (fault !== undefined) wrong.push(fault);
    previous = recorded;
  }
  assert.deepEqual(wrong, []);
}

async function stageOf(t: TestContext, adminPassword?: string): Promise<Stage> {
  const auth = adminPassword === undefined ? {} : { adminPassword };
  const { port } = await RpcFixture.start(t, { auth });
  const metrics = `127.0.0.1:${await freePort()}`;
  return { port, metrics, home: await temporary(t), cwd: await temporary(t) };
}

async function admin({ port, home }: Stage, args: readonly string[], stdin = ''): Promise<void> {
  const env = { HOME: home, STELE_IMMUDB_PORT: String(port) };
  const { exitCode, stderr } = await runAdmin({ args, env, stdin });
  assert.equal(exitCode, 0, stderr);
}

async function loggedIn(t: TestContext): Promise<Stage> {
  const stage = await stageOf(t, ADMIN_PASSWORD);
  await admin(stage, ['login', 'immudb'], ADMIN_PASSWORD);
  return stage;
}

for (const generation of GENERATIONS) {
  test(`without a server every command of ${generation} fails as recorded`, async (t) => {
    const [port, free] = [await freePort(), await freePort()];
    const metrics = `127.0.0.1:${free}`;
    const stage = { port, metrics, home: await temporary(t), cwd: await temporary(t) };
    await playScene(generation, 'no-server', stage);
    await playScene(generation, 'stats-without-metrics', stage);
  });

  test(`without a login every command of ${generation} fails as recorded`, async (t) => {
    await playScene(generation, 'not-logged-in', await stageOf(t));
  });

  test(`first logins of ${generation} are as recorded`, async (t) => {
    await playScene(generation, 'first-login', await stageOf(t));
  });

  test(`users of ${generation} are managed as recorded`, async (t) => {
    const stage = await loggedIn(t);
    await playScene(generation, 'users', stage, async (_at, { args }, previous) => {
      // After it was seen that a login ends with the password.
      if (args.join(' ') === 'user change-password bob') {
        await admin(stage, ['login', 'immudb'], 'Admin-5678');
      }
      // The original took a weak password there.
      if (args.join(' ') === 'user create dora read defaultdb') {
        await admin(stage, ['user', 'create', 'dan', 'read', 'defaultdb'], 'Pass-1234');
      }
      const isFirstGrant = args.join(' ') === 'user permission grant alice readwrite db1';
      if (isFirstGrant && previous !== undefined) await admin(stage, ['database', 'create', 'db1']);
    });
  });

  test(`databases of ${generation} are managed as recorded`, async (t) => {
    await playScene(generation, 'databases', await loggedIn(t));
  });

  test(`the protection of the server is not switched off as ${generation} does`, async (t) => {
    await playScene(generation, 'set', await loggedIn(t));
  });

  test(`backup commands of ${generation} have their places`, async (t) => {
    const stage = await loggedIn(t);
    await playScene(generation, 'backup', stage);
    await playScene(generation, 'restore-absolute', stage);
  });

  test(`flags and files of ${generation} count as recorded`, async (t) => {
    await playScene(generation, 'configuration', await stageOf(t, ADMIN_PASSWORD));
  });

  test(`status and figures of ${generation} are as recorded`, async (t) => {
    const [port, metrics] = [await freePort(), await freePort()];
    const flags = ['--metrics-server=true', '--metrics-server-port', String(metrics)];
    const home = await temporary(t);
    const dir = path.join(await temporary(t), 'data');
    await using _server = await ServerProcess.start({ dir, port, flags });
    const stage = { port, metrics: `127.0.0.1:${metrics}`, home, cwd: home };
    await admin(stage, ['login', 'immudb'], 'immudb\nAdmin-1234');
    await using client = await SteleClient.connect({ port });
    await client.openSession('immudb', ADMIN_PASSWORD);
    for (const key of ['k1', 'k2', 'k3']) await client.set(key, 'v');
    await client.getAll(['k1', 'k2', 'k3']);
    await playScene(generation, 'status-and-stats', stage);
  });
}

test('every recording of steleadmin is played or has a deviation', () => {
  const scenes = new Set([
    ...['no-server', 'stats-without-metrics', 'not-logged-in', 'first-login', 'users', 'databases'],
    ...['set', 'backup', 'restore-absolute', 'configuration', 'status-and-stats'],
  ]);
  const all = GENERATIONS.flatMap((generation) =>
    recordingsOf(generation, PROGRAM).map((recorded, at) => {
      assert.ok(scenes.has(recorded.scene), recorded.scene);
      return deviationOf(generation, at, recorded, DEVIATIONS);
    }),
  );
  const unused = DEVIATIONS.filter((deviation) => !all.includes(deviation));
  assert.deepEqual(unused, []);
});
