import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { STELECLIENT } from '../../src/cli/client/program.js';
import { RpcFixture } from '../rpc/fixture.js';
import { projectRoot } from '../support/project.js';
import { type Ended, runClient } from './client-world.js';

type RunWith = (args: readonly string[], stdin?: string | Uint8Array) => Promise<Ended>;

interface Stage {
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly run: RunWith;
  /** As `run`, where it must succeed. */
  readonly ok: (...args: string[]) => Promise<string>;
}

async function stageOf(t: TestContext): Promise<Stage> {
  const { port } = await RpcFixture.start(t);
  const home = await mkdtemp(path.join(tmpdir(), 'stele-commands-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const env = {
    HOME: home,
    STELE_IMMUDB_PORT: String(port),
    STELE_USERNAME: 'immudb',
    STELE_PASSWORD: 'immudb',
  };
  const run: RunWith = (args, stdin = '') => runClient({ args, env, stdin });
  const ok = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await run(args);
    assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  return { home, env, run, ok };
}

test('any bytes go in by file, pipe, hex or base64, and come out as they were', async (t) => {
  const { home, run, ok } = await stageOf(t);
  const bytes = Buffer.concat([Buffer.from([0, 255, 10, 13]), randomBytes(3000)]);
  const file = path.join(home, 'value');
  await writeFile(file, bytes);
  await ok('set', 'by-file', '--value-file', file);
  assert.equal((await run(['safeset', 'by-pipe', '--value-file', '-'], bytes)).exitCode, 0);
  await ok('set', '00ff', bytes.toString('hex'), '--input', 'hex');
  await ok('set', 'AP8B', bytes.toString('base64'), '--input', 'base64');
  const gets = [
    ['by-file'],
    ['by-pipe'],
    ['00ff', '--input', 'hex'],
    ['AP8B', '--input', 'base64'],
  ];
  for (const args of gets) {
    const { stdoutBytes } = await run(['get', ...args, '--value-only']);
    assert.deepEqual(stdoutBytes, Buffer.concat([bytes, Buffer.from('\n')]));
    for (const command of ['get', 'safeget']) {
      await ok(command, ...args, '--output', path.join(home, 'out'));
      assert.deepEqual(await readFile(path.join(home, 'out')), bytes);
    }
  }
  assert.match(await ok('get', '00ff', '--input', 'hex', '--raw-hex'), /^key: {6}00ff$/m);
  assert.equal((await run(['set', 'k', 'xyz', '--input', 'hex'])).exitCode, 2);
  assert.equal((await run(['set', 'k', 'v', '--value-file', file])).exitCode, 2);
  assert.equal((await run(['set', 'k'])).exitCode, 2);
});

test('a large file is streamed in, and proved', async (t) => {
  const { home, ok } = await stageOf(t);
  const bytes = randomBytes(3 * 1024 * 1024);
  const file = path.join(home, 'large');
  await writeFile(file, bytes);
  assert.match(await ok('set', 'a', '--value-file', file), /^tx: {7}1\nlength: {3}3145728\n$/);
  assert.match(await ok('safeset', 'b', '--value-file', file), /^tx: {7}2\n/);
  await ok('safeget', 'b', '-o', path.join(home, 'out'));
  assert.deepEqual(await readFile(path.join(home, 'out')), bytes);
});

test('JSON has one object a line, with base64 where bytes are no text', async (t) => {
  const { run, ok } = await stageOf(t);
  const json = async (...args: string[]) =>
    (await ok(...args, '--json'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(await json('set', 'k', 'v'), [
    { tx: 1, revision: 1, key: 'k', value: 'v', verified: false },
  ]);
  await ok('set', 'k2', 'two');
  await ok('set', Buffer.from('k3').toString('hex'), 'ff00', '--input', 'hex');
  const hex = Buffer.from('k3').toString('hex');
  assert.deepEqual(await json('safeget', hex, '--input', 'hex'), [
    { tx: 3, revision: 1, key: 'k3', valueBase64: '/wA=', verified: true },
  ]);
  await ok('safereference', 'r', 'k');
  assert.deepEqual(await json('get', 'r'), [
    {
      tx: 1,
      revision: 1,
      key: 'k',
      value: 'v',
      referencedBy: { tx: 4, key: 'r' },
      verified: false,
    },
  ]);
  assert.equal((await json('scan', 'k')).length, 3);
  assert.deepEqual(await json('count', 'k'), [{ count: 3 }]);
  await ok('zadd', 'z', '1.5', 'k');
  const [item] = await json('zscan', 'z');
  assert.deepEqual([item?.score, item?.key], [1.5, 'k']);
  const [state] = await json('verify');
  assert.deepEqual([state?.database, state?.tx, state?.verified], ['defaultdb', 5, true]);
  const { stderr, stdout, exitCode } = await run(['get', 'nothing', '--json']);
  assert.deepEqual([exitCode, stdout], [1, '']);
  assert.deepEqual(JSON.parse(stderr), { error: { code: 'refused', message: 'key not found' } });
});

test('getall, databases, iterate, getByIndex and check-consistency', async (t) => {
  const { ok, run } = await stageOf(t);
  assert.match(await ok('check-consistency'), /0 transactions with 0 entries verified/);
  for (const key of ['a', 'b', 'c']) await ok('set', key, `value of ${key}`);
  await ok('zadd', 'z', '2', 'a');
  assert.equal(
    await ok('getall', 'c', 'nothing', 'a', '--value-only'),
    'value of c\n\nvalue of a\n',
  );
  assert.equal(await ok('databases'), 'defaultdb\n');
  assert.match(
    await ok('getByIndex', '2'),
    /^tx:\t\t2\n[\s\S]*entry:\t\tkey="b" valueHash="[0-9a-f]{64}"\n$/,
  );
  const all = (await ok('iterate', '--json')).trim().split('\n');
  assert.equal(all.length, 4);
  assert.match(all[3] as string, /"set":"z","score":2,"key":"a"/);
  const down = (await ok('iterate', '--desc', '--limit', '2', '--json')).trim().split('\n');
  assert.deepEqual(
    down.map((line) => (JSON.parse(line) as { tx: number }).tx),
    [4, 3],
  );
  assert.match(await ok('check-consistency'), /4 transactions with 4 entries verified/);
  const hash = /hash:\t\t([0-9a-f]{64})/.exec(await ok('safetx', '2'))?.[1] as string;
  assert.match(await ok('check-consistency', '2', hash), /verified:\ttrue/);
  assert.equal((await run(['check-consistency', '3', hash])).exitCode, 3);
});

test('a login is kept for its server alone, readable by the user alone', async (t) => {
  const { home, run } = await stageOf(t);
  const { port } = await RpcFixture.start(t);
  const bare = { HOME: home, STELE_IMMUDB_PORT: String(port) };
  const login = await runClient({ args: ['login', 'immudb'], env: bare, stdin: 'immudb\n' });
  assert.equal(login.exitCode, 0);
  assert.equal((await runClient({ args: ['set', 'k', 'v'], env: bare })).exitCode, 0);
  const elsewhere = { ...bare, STELE_IMMUDB_PORT: '1' };
  const refused = await runClient({ args: ['get', 'k'], env: elsewhere });
  assert.match(refused.stderr, /cannot reach the server at 127.0.0.1:1: connection refused/);
  assert.equal((await run(['get', 'k'])).exitCode, 1);
  const out = await runClient({ args: ['logout'], env: bare });
  assert.equal(out.stdout, 'Successfully logged out\n');
  const gone = await runClient({ args: ['get', 'k'], env: bare });
  assert.match(gone.stderr, /log in with: steleclient login USER/);
});

test('mistakes name what was wrong and the nearest that is right', async (t) => {
  const { run } = await stageOf(t);
  const says = async (args: readonly string[], text: RegExp) => {
    const { exitCode, stderr, stdout } = await run(args);
    assert.deepEqual([exitCode, stdout], [2, '']);
    assert.match(stderr, text);
  };
  await says(['safegt', 'k'], /unknown command safegt; did you mean safeget\?/);
  await says(['get', 'k', '--jsn'], /unknown flag --jsn; did you mean --json\?/);
  await says(['get'], /get takes 1 argument, got 0; usage: get <key>/);
  await says(['get', 'k', '--immudb-port', 'x'], /--immudb-port: expected a whole number, got "x"/);
  await says(['get', 'k', '--format', '2'], /--format: expected 1 or 0.9, got "2"/);
  await says(['get', 'k', '--database'], /flag --database needs a value/);
});

test('help is there for every command', async (t) => {
  const { ok } = await stageOf(t);
  const all = await ok('help');
  for (const { name, aliases = [], summary } of STELECLIENT.commands) {
    assert.ok(all.includes(summary), name);
    for (const word of [name, ...aliases]) {
      assert.match(await ok('help', word), new RegExp(`^Usage: steleclient ${name}`));
    }
    assert.equal(await ok(name, '--help'), await ok('help', name));
  }
});

test('shells are told what can be completed', async (t) => {
  const { ok, run } = await stageOf(t);
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await ok('completion', shell);
    for (const { name } of STELECLIENT.commands)
      assert.ok(script.includes(name), `${shell} lacks ${name}`);
  }
  assert.equal((await run(['completion', 'csh'])).exitCode, 2);
  const execute = promisify(execFile);
  const script = `${await ok('completion', 'bash')}
    COMP_WORDS=(steleclient safe) COMP_CWORD=1; _steleclient; echo "\${COMPREPLY[@]}"`;
  const { stdout } = await execute('bash', ['-c', script]);
  assert.equal(stdout, 'safeset safeget safereference safezadd safetx\n');
});

test('the program runs as a process, and a closed pipe is no error', async (t) => {
  const { env, ok } = await stageOf(t);
  await ok('set', 'k', 'v');
  const program = path.join(projectRoot, 'dist/src/cli/steleclient.js');
  const execute = promisify(execFile);
  const whole = { ...process.env, ...env };
  const { stdout, stderr } = await execute(process.execPath, [program, 'safeget', 'k'], {
    env: whole,
  });
  assert.match(stdout, /verified: true\n$/);
  assert.equal(stderr, '');
  const command = `"${process.execPath}" "${program}" help | head -1`;
  const headed = await execute('sh', ['-c', command], { env: whole });
  assert.match(headed.stdout, /^steleclient: /);
  assert.equal(headed.stderr, '');
});
