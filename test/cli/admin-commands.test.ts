import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { main } from '../../src/cli/admin/main.js';
import { STELEADMIN } from '../../src/cli/admin/program.js';
import { SteleClient } from '../../src/client/index.js';
import { RpcFixture } from '../rpc/fixture.js';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { type Ended, runMain } from './client-world.js';

interface Options {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Stage {
  readonly port: number;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  readonly run: (args: readonly string[], options?: Options) => Promise<Ended>;
  /** As `run`, where it must succeed. @returns standard output */
  readonly ok: (line: string, options?: Options) => Promise<string>;
}

const PASSWORD = 'Admin-1234';

/** A server whose administrator is logged in by the environment, unless `login` is false. */
async function stageOf(t: TestContext, { login = true } = {}): Promise<Stage> {
  const { port } = await RpcFixture.start(t, login ? { auth: { adminPassword: PASSWORD } } : {});
  const home = await mkdtemp(path.join(tmpdir(), 'stele-admin-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const user = { STELE_USERNAME: 'immudb', STELE_PASSWORD: PASSWORD };
  const own = { HOME: home, STELE_IMMUDB_PORT: String(port), ...(login ? user : {}) };
  const run: Stage['run'] = (args, { stdin = '', env = {} } = {}) =>
    runMain(main, { args, env: { ...own, ...env }, stdin });
  const ok: Stage['ok'] = async (line, options) => {
    const { exitCode, stdout, stderr } = await run(line.split(' '), options);
    assert.equal(exitCode, 0, `${line}: ${stderr}`);
    return stdout;
  };
  return { port, home, env: own, run, ok };
}

function objects(text: string): unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

test('who has the default password is logged in with another one, and not before', async (t) => {
  const { home, run, ok } = await stageOf(t, { login: false });
  const refused = await run(['login', 'immudb'], { stdin: 'immudb\n' });
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /^SECURITY WARNING: .*default password/);
  assert.match(
    refused.stderr,
    /no new password for immudb.*--new-password-file.*STELE_NEW_PASSWORD/,
  );
  assert.match((await run(['user', 'list'])).stderr, /log in with: steleadmin login USER/);
  const weak = await run(['login', 'immudb'], { stdin: 'immudb\nweak\n' });
  assert.match(weak.stderr, /password is weak: it needs 8 to 64/);
  const file = path.join(home, 'new');
  await writeFile(file, `${PASSWORD}\n`);
  const stdin = 'immudb';
  assert.equal(
    await ok(`login immudb --new-password-file ${file}`, { stdin }),
    "logged in\nimmudb's password has been changed\n",
  );
  assert.match(await ok('user list'), /^1 user\(s\)\n/);
  const logins = path.join(home, '.local/state/stele/logins');
  const [name = ''] = await readdir(logins);
  assert.match(name, /_admin$/);
  assert.equal((await stat(path.join(logins, name))).mode & 0o777, 0o600);
  assert.equal(await ok('logout'), 'logged out\n');
  const again = await run(['logout']);
  assert.equal(again.exitCode, 1);
  assert.match(again.stderr, /^not logged in;/);
});

test('passwords come from a pipe, a file, the environment, or with a warning as a flag', async (t) => {
  const { home, run, ok, port } = await stageOf(t);
  const file = path.join(home, 'password');
  await writeFile(file, 'File-1234\nmore\n');
  const warned = await run(['user', 'create', 'byflag', 'read', '--new-password', 'Flag-1234']);
  assert.equal(warned.exitCode, 0);
  assert.match(warned.stderr, /^Warning: a process list shows --new-password to others/);
  await ok('user create bypipe read', { stdin: 'Pipe-1234' });
  await ok(`user create byfile read --new-password-file ${file}`);
  const encoded = `enc:${Buffer.from('Coded-1234').toString('base64')}`;
  await ok('user create byenv read', { env: { STELE_NEW_PASSWORD: encoded } });
  const differ = await run(['user', 'create', 'x', 'read'], { stdin: 'Pipe-1234\nPipe-1235\n' });
  assert.deepEqual([differ.exitCode, differ.stderr], [1, "Passwords don't match\n"]);
  const passwords = { byflag: 'Flag-1234', bypipe: 'Pipe-1234', byfile: 'File-1234' };
  for (const [user, password] of Object.entries({ ...passwords, byenv: 'Coded-1234' })) {
    const env = { STELE_USERNAME: user, STELE_PASSWORD: password };
    assert.match(await ok('user list', { env }), new RegExp(`\\n1  ${user} `));
  }
  const none = await runMain(main, {
    args: ['login', 'immudb'],
    env: { HOME: home, STELE_IMMUDB_PORT: String(port) },
  });
  assert.equal(none.exitCode, 2);
  assert.match(
    none.stderr,
    /there is no password: .*standard input.*--password-file.*STELE_PASSWORD/,
  );
});

test('the login and what a command asks for are lines of one standard input', async (t) => {
  const { ok } = await stageOf(t);
  const env = { STELE_PASSWORD: '' };
  await ok('user create carol admin defaultdb', {
    stdin: `${PASSWORD}\nCarol-1234\nCarol-1234\n`,
    env,
  });
  const own = { STELE_USERNAME: 'carol', STELE_PASSWORD: 'Carol-1234' };
  // Who administers a database has users of their own.
  await ok('user create dave read defaultdb', { stdin: 'Dave-1234\n', env: own });
  assert.match(await ok('user list', { env: own }), /dave .*carol/);
});

test('users and databases as JSON', async (t) => {
  const { ok } = await stageOf(t);
  await ok('database create db1 --retention-period 48h');
  await ok('user create alice readwrite db1', { stdin: 'Alice-1234' });
  await ok('user permission grant alice read defaultdb');
  await ok('user deactivate alice');
  const [alice] = objects(await ok('user list --json')) as Record<string, unknown>[];
  assert.match(String(alice?.createdAt), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
  assert.deepEqual(
    { ...alice, createdAt: '' },
    {
      user: 'alice',
      active: false,
      permissions: [
        { database: 'db1', permission: 'readwrite' },
        { database: 'defaultdb', permission: 'read' },
      ],
      createdBy: 'immudb',
      createdAt: '',
    },
  );
  const [, db1] = objects(await ok('database list --json')) as Record<string, unknown>[];
  const { createdAt, diskBytes, ...rest } = db1 as Record<string, unknown>;
  assert.ok(!Number.isNaN(Date.parse(String(createdAt))));
  assert.ok(Number(diskBytes) > 0);
  assert.deepEqual(rest, {
    database: 'db1',
    createdBy: 'immudb',
    loaded: true,
    replica: false,
    transactions: 0,
  });
  const [status] = objects(await ok('status --json')) as Record<string, unknown>[];
  assert.deepEqual(Object.keys(status ?? {}), [
    ...['ok', 'version', 'startedAt', 'upSeconds', 'databases', 'diskBytes', 'transactions'],
  ]);
});

test('every setting that a flag gives arrives, and no other changes', async (t) => {
  const { run, ok } = await stageOf(t);
  const settings = async () => {
    const [{ settings: found }] = objects(await ok('database settings db1 --json')) as [
      { settings: Record<string, unknown> },
    ];
    return found;
  };
  await ok('database create db1 --max-key-len 100 --write-tx-header-version 0 --autoload=false');
  const before = await settings();
  assert.equal(before['max-key-len'], 100);
  assert.equal(before.autoload, false);
  const flags = {
    'exclude-commit-time': true,
    'write-tx-header-version': 1,
    'truncation-frequency': '36h',
    'sync-frequency': '10ms',
    'max-commit-concurrency': 7,
    'write-buffer-size': 1048576,
    'read-tx-pool-size': 9,
    'indexing-flush-threshold': 11,
    'indexing-sync-threshold': 12,
    'indexing-cleanup-percentage': 12.5,
    'indexing-cache-size': 13,
    'indexing-max-active-snapshots': 14,
    'replication-prefetch-tx-buffer-size': 15,
    'replication-wait-for-indexing': true,
  };
  const given = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const { stdout, stderr } = await run(['database', 'update', 'db1', ...given]);
  assert.match(
    stdout,
    /^database 'db1' \{replica: false, .*truncation-frequency: 36h0m0s.*\}/,
    stderr,
  );
  assert.deepEqual(await settings(), {
    ...before,
    ...flags,
    'truncation-frequency': 36 * 3_600_000,
    'sync-frequency': 10,
  });
  assert.match(stderr, /^Note: a server of Stele keeps this without effect: .*--sync-frequency/m);
  assert.doesNotMatch(stderr, /truncation-frequency/);
  const replica = await run(['database', 'update', 'db1', '--replication-is-replica']);
  assert.equal(replica.exitCode, 1);
  assert.match(replica.stderr, /replica/);
  assert.match(await ok('database create db1 --if-not-exists'), /exists already/);
});

test('what destroys data needs its flag where nobody can be asked', async (t) => {
  const { port, run, ok } = await stageOf(t);
  await ok('database create db1');
  await ok('database unload db1');
  for (const command of ['delete', 'truncate']) {
    const { exitCode, stderr } = await run(['database', command, 'db1'], { stdin: 'db1\n' });
    assert.equal(exitCode, 2);
    assert.match(stderr, /give --yes-i-know-what-i-am-doing; nobody can be asked/);
  }
  // The flag alone counts: an environment is set once and forgotten.
  const env = { STELE_YES_I_KNOW_WHAT_I_AM_DOING: 'true' };
  assert.equal((await run(['database', 'delete', 'db1'], { env })).exitCode, 2);
  const period = await run(['database', 'truncate', 'db1', '--yes-i-know-what-i-am-doing']);
  assert.match(period.stderr, /say what is kept: --retention-period 48h/);
  assert.match(await ok('database list'), /db1 .*UNLOADED/);
  await ok('database load db1');
  await using client = await SteleClient.connect({ port });
  await client.openSession('immudb', PASSWORD, 'db1');
  await client.set('k', 'v');
  const truncate = 'database truncate db1 --retention-period 0 --yes-i-know-what-i-am-doing'.split(
    ' ',
  );
  // Until the second of the write has passed.
  let truncated = await run(truncate);
  for (let i = 0; truncated.exitCode !== 0 && i < 50; i++) {
    assert.match(truncated.stderr, /no transaction is that old/);
    await delay(100);
    truncated = await run(truncate);
  }
  assert.equal(
    truncated.stdout,
    "truncating database 'db1' up to retention period '0s'...\ndatabase 'db1' successfully truncated\n",
  );
  await ok('database unload db1');
  await ok('database delete db1 --yes-i-know-what-i-am-doing');
  assert.doesNotMatch(await ok('database list'), /db1/);
});

test('mistakes are named, with what was probably meant', async (t) => {
  const { run } = await stageOf(t);
  const says = async (line: string, exit: number, pattern: RegExp) => {
    const { exitCode, stdout, stderr } = await run(line.split(' '));
    assert.deepEqual([exitCode, stdout], [exit, ''], line);
    assert.match(stderr, pattern);
    assert.doesNotMatch(stderr, /\n\s+at /);
  };
  await says('usr list', 2, /unknown command usr; did you mean user\?/);
  await says('user lst', 2, /unknown command user lst; did you mean user list\?/);
  await says('statu', 2, /did you mean status\?/);
  await says('user list --jsn', 2, /unknown flag --jsn; did you mean --json\?/);
  await says('user list --autoload', 2, /user list takes no flag --autoload/);
  await says('database create', 2, /database create takes 1 argument, got 0; usage/);
  await says('database create x --retention-period 2d', 2, /expected a time such as 48h/);
  await says('user create u read nodb', 1, /Database nodb does not exist; there is: defaultdb/);
  await says('database delete defaultdb --yes-i-know-what-i-am-doing', 1, /stay as they are/);
  await says('hot-backup defaultdb', 1, /hot-backup is not in this version/);
  await says('set auth none', 1, /set auth in its configuration file/);
});

test('the audit stream is rotated, configured, read and verified over the network', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'stele-admin-audit-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const password = path.join(folder, 'password');
  await writeFile(password, PASSWORD);
  const port = await freePort();
  const dir = path.join(folder, 'data');
  const flags = ['--audit', '--audit-events', 'write', '--admin-password-file', password];
  await using _server = await ServerProcess.start({ dir, port, flags });
  const env = {
    ...{ HOME: folder, STELE_IMMUDB_PORT: String(port) },
    ...{ STELE_USERNAME: 'immudb', STELE_PASSWORD: PASSWORD },
  };
  const run = (...args: string[]) => runMain(main, { args, env });
  const object = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await run(...args, '--json');
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const { closedFile, fileNo } = await object('audit', 'rotate');
  // It may be compressed by now.
  const names = await readdir(path.join(dir, 'audit'));
  assert.ok(names.some((name) => name.startsWith(String(closedFile))));
  const { oldKeyId, newKeyId } = await object('audit', 'rotate-key');
  assert.match(`${oldKeyId} ${newKeyId}`, /^([0-9a-f]{16}) (?!\1)[0-9a-f]{16}$/);
  const config = await object('audit', 'config');
  assert.deepEqual([config.events, config.fileNo], ['write', Number(fileNo) + 1]);
  const filter = '{"users.user":"immudb"}';
  const changed = await object(
    'audit',
    'config',
    '--audit-events',
    'all',
    '--audit-filter',
    filter,
  );
  assert.deepEqual([changed.events, changed.filter], ['all', filter]);
  const wrong = await run('audit', 'config', '--audit-filter', '{x');
  assert.equal(wrong.exitCode, 1);
  assert.match(wrong.stderr, /column 3/);
  const { stdout } = await run('audit', 'query', '{"event_name":"audit.rotate_requested"}');
  assert.equal(objects(stdout).length, 1);
  const limited = await run('audit', 'query', '--limit', '2');
  assert.equal(objects(limited.stdout).length, 2);
  assert.match((await run('audit', 'verify')).stdout, /^sound; \d+ files, \d+ lines/);
  const live = path.join(dir, 'audit', 'audit.json');
  const text = await readFile(live, 'utf8');
  await writeFile(live, text.replace('"immudb"', '"nobody"'));
  const tampered = await run('audit', 'verify');
  assert.equal(tampered.exitCode, 3);
  assert.match(tampered.stdout, /PROBLEMS/);
  assert.match(tampered.stderr, /NOT VERIFIED: .*line/);
});

test('help is there for every command and group, and shells can complete them', async (t) => {
  const { ok } = await stageOf(t);
  const all = await ok('help');
  for (const { name, summary, options = [] } of STELEADMIN.commands) {
    assert.ok(all.includes(summary), name);
    const help = await ok(`help ${name}`);
    assert.ok(help.startsWith(`Usage: steleadmin ${name}`), help);
    for (const option of options) assert.ok(help.includes(`--${option.name}`), option.name);
    assert.equal(await ok(`${name} --help`), help);
  }
  assert.match(await ok('help database'), /database truncate <name>/);
  assert.equal(await ok('d'), await ok('help database'));
  const execute = promisify(execFile);
  const script = `${await ok('completion bash')}
    COMP_WORDS=(steleadmin user) COMP_CWORD=2; COMP_WORDS+=(per); _steleadmin; echo "\${COMPREPLY[@]}"`;
  const { stdout } = await execute('bash', ['-c', script]);
  assert.equal(stdout, 'permission\n');
});

test('the program runs as a process', async (t) => {
  const { env } = await stageOf(t);
  const program = path.join(projectRoot, 'dist/src/cli/steleadmin.js');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, 'status'], {
    env: { PATH: process.env.PATH ?? '', ...env },
  });
  assert.match(stdout, /^Status:\t\tOK .*\nVersion:\t1\.9\.7\n/);
  assert.equal(stderr, '');
});
