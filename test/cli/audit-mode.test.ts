import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'smol-toml';
import { AUDITOR_PATHS, installAuditor, renderAuditorUnit } from '../../src/app/service/auditor.js';
import type { ServiceHost } from '../../src/app/service/host.js';
import { STELECLIENT } from '../../src/cli/client/program.js';
import { SteleClient } from '../../src/client/index.js';
import { RpcFixture, UUID } from '../rpc/fixture.js';
import { projectRoot } from '../support/project.js';
import { freePort } from '../support/server-process.js';
import { TamperingProxy } from '../support/tampering-proxy.js';
import { type Ended, runClient } from './client-world.js';

/** `steleclient audit-mode` as people and service managers call it. */

interface Scene {
  readonly port: number;
  readonly client: SteleClient;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  run(...args: string[]): Promise<Ended>;
}

async function scene(t: TestContext, extra: Record<string, string> = {}): Promise<Scene> {
  const { port } = await RpcFixture.start(t);
  const client = new SteleClient({ port });
  t.after(() => client.close());
  await client.openSession('immudb', 'immudb');
  await client.set('a', '1');
  const home = await mkdtemp(path.join(tmpdir(), 'stele-audit-mode-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const env = {
    HOME: home,
    IMMUCLIENT_IMMUDB_PORT: String(port),
    IMMUCLIENT_AUDIT_USERNAME: 'immudb',
    STELE_AUDIT_PASSWORD: 'enc:aW1tdWRi',
    STELE_AUDIT_MONITORING_HOST: '127.0.0.1',
    STELE_AUDIT_MONITORING_PORT: '0',
    ...extra,
  };
  const run = (...args: string[]) => runClient({ args: ['audit-mode', ...args], env });
  return { port, client, home, env, run };
}

test('one cycle says in its exit code what it found', async (t) => {
  const { client, run, env } = await scene(t);
  const first = await run('--once');
  assert.equal(first.exitCode, 0, first.stderr);
  assert.match(
    first.stdout,
    /nothing was known of database defaultdb: its state at tx 1 is trusted/,
  );
  await client.set('a', '2');
  const second = await run('--once');
  assert.equal(second.exitCode, 0);
  assert.match(
    second.stdout,
    / db: defaultdb, consistent:\ttrue\n {2}previous state:\t[0-9a-f]{64} at tx: 1\n/,
  );
  const proxy = await TamperingProxy.start(Number(env.IMMUCLIENT_IMMUDB_PORT), UUID);
  t.after(() => proxy[Symbol.asyncDispose]());
  const lied = ['--once', '--json', '--immudb-port', String(proxy.port)];
  assert.equal((await run(...lied)).exitCode, 0);
  proxy.forge = {
    CurrentState: (answer) => {
      answer.txHash = Buffer.alloc(32, 7);
      return answer;
    },
  };
  const { exitCode, stdout, stderr } = await run(...lied);
  assert.equal(exitCode, 3);
  const { alarms, failures } = JSON.parse(stdout);
  assert.deepEqual([alarms.length, alarms[0].kind, failures], [1, 'tampered', 0]);
  assert.match(stderr, /ERROR: audit #1 ALARM tampered: db defaultdb of server/);
});

test('a user who may only read is enough', async (t) => {
  const { client, run } = await scene(t);
  const user = { user: Buffer.from('auditor'), password: Buffer.from('A-good-1') };
  await client.call('CreateUser', { ...user, permission: 1, database: 'defaultdb' });
  const { exitCode, stdout } = await run(
    '--once',
    '--audit-username',
    'auditor',
    '--audit-password',
    'A-good-1',
  );
  assert.equal(exitCode, 0, stdout);
  assert.match(stdout, /1 database\(s\) found: \[defaultdb\]/);
});

test('the compose file sets what the auditor takes', async () => {
  const compose = await readFile(path.join(projectRoot, 'compose.yaml'), 'utf8');
  const auditor = /\n {2}auditor:\n([\s\S]*?)\n {2}\w+:\n/.exec(compose)?.[1] ?? '';
  assert.match(auditor, /entrypoint: .*dist\/src\/cli\/steleclient\.js", "audit-mode"\]/);
  const names = [...auditor.matchAll(/^ {6}STELE_(\w+): /gm)].map(([, name]) => name as string);
  assert.ok(names.length >= 4);
  for (const name of names) {
    const flag = `--${name.toLowerCase().replaceAll('_', '-')}`;
    assert.ok(STELECLIENT.options.find(flag), flag);
  }
});

test('a server that does not answer is a failure and no tampering', async (t) => {
  const { run } = await scene(t);
  const { exitCode, stdout } = await run('--once', '--immudb-port', String(await freePort()));
  assert.equal(exitCode, 1);
  assert.match(stdout, /ALARM outage: .*connection refused/);
});

test('wrong settings are refused before anything is done', async (t) => {
  const { run, home } = await scene(t);
  for (const [args, text] of [
    [['--audit-interval', 'X'], /^time: invalid duration "X"/],
    [['--audit-interval', '1ns'], /expected 10ms to 555h/],
    [['--audit-servers', 'a:1,a:1'], /named twice/],
    [['--audit-servers', 'a:b'], /expected HOST:PORT/],
    [['--audit-notification-url', 'nowhere'], /expected an address/],
    [['--audit-notification-about', 'some'], /every or changes/],
    [['--audit-monitoring-port', '70000'], /0 to 65535/],
    [['--server-signing-pub-key', path.join(home, 'none')], /ENOENT/],
    [['instal'], /did you mean install\?/],
    [['start', 'now'], /too much/],
  ] as const) {
    const { exitCode, stderr } = await run(...args);
    assert.equal(exitCode, 2, `${args}: ${stderr}`);
    assert.match(stderr, text);
  }
  const key = path.join(home, 'key.pem');
  await writeFile(key, 'no key');
  assert.equal((await run('--server-signing-pub-key', key)).exitCode, 1);
});

test('the foreground ends at once with a wrong password or an unknown server that is away', async (t) => {
  const { run } = await scene(t, { STELE_AUDIT_PASSWORD: 'wrong' });
  const wrong = await run();
  assert.equal(wrong.exitCode, 1);
  assert.equal(wrong.stderr, 'Invalid login operation: invalid user name or password\n');
  const away = await run('--immudb-port', String(await freePort()));
  assert.equal(away.exitCode, 1);
  assert.match(away.stderr, /connection refused/);
  const named = await run('--audit-password', 'wrong');
  assert.match(named.stderr, /^Warning: a process list shows --audit-password/);
});

test('the interval of the original comes from a variable with dashes', async (t) => {
  const { run } = await scene(t, { 'audit-agent-interval': 'Y' });
  assert.match((await run()).stderr, /invalid duration "Y"/);
});

test('what was replaced on purpose is trusted anew when it is told so', async (t) => {
  const { run, client, home, port } = await scene(t);
  assert.equal((await run('forget')).exitCode, 1);
  await client.call('CreateDatabase', { databaseName: 'aone' });
  await client.useDatabase('aone');
  await client.set('k', 'v');
  await run('--once');
  await client.call('UnloadDatabase', { database: 'aone' });
  await client.call('DeleteDatabase', { database: 'aone' });
  assert.equal((await run('--once')).exitCode, 3);
  const forgotten = await run('forget', 'aone');
  assert.equal(forgotten.stdout, `database aone of 127.0.0.1:${port} is forgotten\n`);
  assert.equal((await run('--once')).exitCode, 0);
  const kept = await readdir(path.join(home, '.local/state/stele/auditor', UUID));
  assert.ok(
    kept.some((name) => /^aone\.jsonl\.retired-\d+$/.test(name)),
    `${kept}`,
  );
  assert.match((await run('forget')).stdout, /^127\.0\.0\.1:\d+ is forgotten\n$/);
});

test('in the foreground it serves its metrics, and ends with 0 when it is told to end', async (t) => {
  const { env, home } = await scene(t);
  const pidfile = path.join(home, 'auditor.pid');
  const program = path.join(projectRoot, 'dist/src/cli/steleclient.js');
  const child = spawn(
    process.execPath,
    [program, 'audit-mode', '--audit-interval', '200ms', '--pidfile', pidfile, '--gateway-names'],
    { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  let text = '';
  for await (const piece of child.stdout) {
    text += piece;
    if (/consistent/.test(text)) break;
  }
  assert.match(
    text,
    /^200ms\nimmuclientd \S+ \S+ INFO: starting auditor with a 200ms interval \.\.\.\n/,
  );
  const port = /HTTP server starting on 127\.0\.0\.1:(\d+) \.\.\.\n/.exec(text)?.[1];
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(page, /^immugw_audit_result_per_server\{.*\} 1$/m);
  assert.equal(await readFile(pidfile, 'utf8'), String(child.pid));
  // Nobody reads its log any more since the loop above: that is no reason to stop.
  const cycles = async () => {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    return Number(/^stele_auditor_cycles_total (\d+)$/m.exec(text)?.[1]);
  };
  const before = await cycles();
  while ((await cycles()) < before + 3) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  await assert.rejects(readFile(pidfile));
});

test('the log goes to a file where one is named', async (t) => {
  const { run, home } = await scene(t);
  const file = path.join(home, 'logs', 'audit.log');
  const { exitCode, stdout } = await run('--once', '--logfile', file);
  assert.deepEqual([exitCode, stdout], [0, '']);
  assert.match(await readFile(file, 'utf8'), /^immuclientd .* audit #1 started/);
});

interface Machine extends ServiceHost {
  readonly steps: string[];
  readonly files: Map<string, string>;
}

function recordingMachine(): Machine {
  const steps: string[] = [];
  const files = new Map<string, string>();
  return {
    steps,
    files,
    exists: (file) => files.has(file),
    makeDirectory: async () => {},
    writeFile: async (file, content, mode) => {
      files.set(file, content);
      steps.push(`write ${file} ${mode.toString(8)}`);
    },
    remove: async (file) => {
      steps.push(`remove ${file}`);
    },
    run: async (command, args) => {
      steps.push([command, ...args].join(' '));
      return { code: 0, output: 'LoadState=loaded\nActiveState=active\nMainPID=77\n' };
    },
    confirm: async () => true,
  };
}

const program = { node: '/usr/bin/node', script: '/usr/lib/node_modules/stele/steleclient.js' };

test('as a service its secrets are credentials and stand in no other file', async () => {
  const machine = recordingMachine();
  const secrets = { 'audit-password': 'pass-1', 'audit-notification-secret': 'hush-2' };
  await installAuditor(machine, program, 'audit-username = "a"\n', secrets);
  assert.deepEqual(machine.steps, [
    'write /etc/stele/auditor.toml 644',
    'write /etc/stele/auditor-password 600',
    'write /etc/stele/auditor-notification-secret 600',
    'write /etc/systemd/system/stele-auditor.service 644',
    'systemctl daemon-reload',
    'systemctl enable --now stele-auditor',
  ]);
  const unit = machine.files.get(AUDITOR_PATHS.unit) ?? '';
  assert.ok(!/pass-1|hush-2/.test(`${unit}${machine.files.get(AUDITOR_PATHS.config)}`));
  assert.ok(unit.includes('LoadCredential=audit-password:/etc/stele/auditor-password\n'));
  assert.ok(unit.includes(`--audit-password-file \${CREDENTIALS_DIRECTORY}/audit-password`));
  assert.ok(!unit.includes('audit-notification-password'));
  assert.equal(unit, renderAuditorUnit(program, ['audit-password', 'audit-notification-secret']));
});

test('installing shows what it would do, with the options that it was given', async (t) => {
  const { run } = await scene(t);
  const { exitCode, stdout } = await run(
    'install',
    '--dry-run',
    '--audit-databases',
    'a,b',
    '--tls',
  );
  assert.equal(exitCode, 0);
  const config = /auditor\.toml \(0644\)\n([\s\S]*?)\nwrite /.exec(stdout)?.[1] ?? '';
  const { 'immudb-port': port, ...rest } = parse(config);
  assert.ok(Number.isInteger(port));
  assert.deepEqual(rest, {
    tls: true,
    'audit-username': 'immudb',
    'audit-databases': 'a,b',
    'audit-monitoring-host': '127.0.0.1',
    'audit-monitoring-port': 0,
  });
  assert.ok(!stdout.includes('enc:aW1tdWRi'));
  const printed = await run('install', '--print');
  assert.match(printed.stdout, /^ExecStart=.* audit-mode --config \/etc\/stele\/auditor\.toml /m);
});
