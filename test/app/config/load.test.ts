import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import {
  ConfigError,
  describeSource,
  loadConfig,
  type OptionName,
  type ResolvedConfig,
} from '../../../src/app/config/index.js';

const root = mkdtempSync(path.join(tmpdir(), 'stele-config-'));
let cwd: string;
let systemFile: string;
after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  cwd = mkdtempSync(path.join(root, 'cwd-'));
  systemFile = path.join(cwd, 'etc-stele.toml');
});

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
}

function load({ argv = [], env = {}, file }: Given): ResolvedConfig {
  if (file !== undefined) writeFileSync(path.join(cwd, 'stele.toml'), file);
  return loadConfig(argv, env, cwd, systemFile);
}

function refusal(given: Given): ConfigError {
  try {
    load(given);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  return assert.fail('the configuration was accepted');
}

function source(resolved: ResolvedConfig, name: OptionName): string {
  return describeSource(resolved.sources[name]).replace(cwd, '.');
}

test('a flag overrides the environment, STELE_ overrides IMMUDB_, which overrides the file', () => {
  const argv = ['--port', '1'];
  const stele = { STELE_PORT: '2' };
  const immudb = { IMMUDB_PORT: '3' };
  const file = 'address = "::1"\nport = 4\n';
  const cases: [Given, number, string][] = [
    [{ argv, env: { ...stele, ...immudb }, file }, 1, '--port'],
    [{ env: { ...stele, ...immudb }, file }, 2, 'environment variable STELE_PORT'],
    [{ env: immudb, file }, 3, 'environment variable IMMUDB_PORT'],
    [{ file }, 4, 'port in ./stele.toml:2'],
    [{ file: '' }, 3322, 'default'],
  ];
  for (const [given, port, from] of cases) {
    const resolved = load(given);
    assert.equal(resolved.config.port, port);
    assert.equal(source(resolved, 'port'), from);
  }
});

test('an empty environment variable counts as unset', () => {
  const { config } = load({ env: { STELE_PORT: '', IMMUDB_PORT: '5', IMMUDB_LOGFILE: '' } });
  assert.equal(config.port, 5);
  assert.equal(config.logFile, undefined);
});

test('every spelling of the variable of a camel-case flag is read', () => {
  const env = { STELE_MAX_SESSIONS: '7' };
  assert.equal(load({ env }).config.maxSessions, 7);
  for (const name of ['STELE_SIGNINGKEY', 'STELE_SIGNING_KEY', 'IMMUDB_SIGNINGKEY']) {
    assert.match(refusal({ env: { [name]: 'missing.pem' } }).message, new RegExp(name));
  }
});

test('LOG_LEVEL is read in any case, and a level that is unknown there is only mentioned', () => {
  assert.equal(load({ env: { LOG_LEVEL: 'WARNING' } }).config.logLevel, 'warn');
  assert.equal(
    load({ env: { LOG_LEVEL: 'debug', IMMUDB_LOG_LEVEL: 'error' } }).config.logLevel,
    'error',
  );
  const other = load({ env: { LOG_LEVEL: 'verbose' } });
  assert.equal(other.config.logLevel, 'info');
  assert.equal(source(other, 'logLevel'), 'default');
  assert.match(other.notices.join(), /"verbose".*LOG_LEVEL.*not read/);
  assert.equal(refusal({ env: { STELE_LOG_LEVEL: 'verbose' } }).code, 'invalidValue');
});

test('a wrong value is refused with option, source and what was expected', () => {
  const cases: [Given, string][] = [
    [
      { argv: ['--port=99999'] },
      'invalid value "99999" for --port: expected a whole number from 0 to 65535',
    ],
    [
      { env: { IMMUDB_AUTH: 'maybe' } },
      'invalid value "maybe" for --auth (environment variable IMMUDB_AUTH): expected true or false',
    ],
    [
      { file: '\n\nsession-timeout = 90' },
      'invalid value "90" for --session-timeout (session-timeout in ./stele.toml:3): ' +
        'expected a duration, such as 90s, 1h30m or 250ms, from 1s to 8760h',
    ],
    [
      { file: 'logformat = "xml"' },
      'invalid value "xml" for --logformat (logformat in ./stele.toml:1): expected one of text, json',
    ],
    [
      { file: 'max-sessions = 9223372036854775807' },
      'invalid value "9223372036854775807" for --max-sessions (max-sessions in ./stele.toml:1): ' +
        'expected a whole number from 1 to 100000',
    ],
    [{ argv: ['--dir='] }, 'invalid value "" for --dir: expected a path'],
  ];
  for (const [given, expected] of cases) {
    const error = refusal(given);
    assert.equal(error.code, 'invalidValue');
    assert.equal(error.message.replace(cwd, '.'), expected);
  }
});

test('a long or many-line value is shortened and quoted in the error', () => {
  const { message } = refusal({ argv: [`--port=1\n${'9'.repeat(500)}`] });
  assert.ok(message.length < 200);
  assert.ok(!message.includes('\n'));
});

test('paths are absolute, and a log file is found by its path or in the log directory', () => {
  const { config } = load({ argv: ['--dir=d', '--pidfile', '/run/x.pid', '--logfile=log/x.log'] });
  assert.equal(config.dir, path.join(cwd, 'd'));
  assert.equal(config.pidFile, '/run/x.pid');
  assert.equal(config.logFile, path.join(cwd, 'log/x.log'));
  const logDir = ['--dir=d', '--logdir=immulog'];
  assert.equal(
    load({ argv: [...logDir, '--logfile=x.log'] }).config.logFile,
    path.join(cwd, 'd/immulog/x.log'),
  );
  assert.equal(load({ argv: [...logDir, '--logfile=/x.log'] }).config.logFile, '/x.log');
});

test('the file is the named one, else the one here, else the one of the system', () => {
  writeFileSync(systemFile, 'port = 1');
  assert.equal(load({}).configFile, systemFile);
  assert.equal(load({}).config.port, 1);
  assert.equal(load({ file: 'port = 2' }).config.port, 2);
  writeFileSync(path.join(cwd, 'named.toml'), 'port = 3');
  assert.equal(load({ argv: ['--config', 'named.toml'] }).config.port, 3);
  assert.equal(load({ env: { STELE_CONFIG: 'named.toml' } }).config.port, 3);
  assert.equal(load({ env: { IMMUDB_CONFIG: 'named.toml' } }).config.port, 2);
});

test('a named file must exist, and a file that is found must be readable and right', () => {
  assert.deepEqual(
    [refusal({ argv: ['--config=no.toml'] })].map(({ code, message }) => [code, message]),
    [['fileUnreadable', `configuration file ${path.join(cwd, 'no.toml')} does not exist`]],
  );
  assert.equal(refusal({ argv: ['--config=.'] }).code, 'fileUnreadable');
  const broken = refusal({ file: 'port = 1\nadmin-password = "Hidden!1\n' });
  assert.equal(broken.code, 'fileInvalid');
  assert.match(broken.message, /stele\.toml:2:\d+: not valid TOML/);
  assert.ok(!broken.message.includes('Hidden'), 'the file is not quoted');
});

test('keys of the file are flat, known, in any case, and given once', () => {
  assert.equal(load({ file: 'PORT = 1' }).config.port, 1);
  assert.equal(load({ file: 'signingkey = ""\nmtls = "false"' }).config.mtls, false);
  assert.deepEqual(
    load({ file: 'exempt-addresses = ["10.0.0.0/8", "::1"]' }).config.exemptAddresses,
    ['10.0.0.0/8', '::1'],
  );
  assert.match(
    refusal({ file: '\nprot = 1' }).message,
    /:2: unknown option prot \(did you mean port\?\)$/,
  );
  assert.match(refusal({ file: '[server]\nport = 1' }).message, /:1: unknown option server/);
  assert.match(refusal({ file: '[port]\na = 1' }).message, /port is a table/);
  assert.match(refusal({ file: 'exempt-addresses = [1]' }).message, /is a table or a list/);
  assert.match(refusal({ file: 'config = "x"' }).message, /unknown option config/);
  assert.equal(refusal({ file: 'signingKey = "a"\nsigning-key = "b"' }).code, 'conflict');
  assert.equal(refusal({ file: '__proto__ = 1' }).code, 'fileInvalid');
});

test('options of the original without meaning here are mentioned unless they ask for nothing', () => {
  const quiet = load({
    file: 'network = ""\ndbname = "defaultdb"\nconsistency-check = true',
    env: { IMMUDB_SYNCED: 'true', IMMUDB_PGSQL_SERVER: 'false', IMMUDB_S3_STORAGE: 'false' },
    argv: ['--web-server=false'],
  });
  assert.deepEqual(quiet.notices, []);
  const { notices } = load({
    argv: ['--synced=false', '--pgsql-server'],
    env: { IMMUDB_DBNAME: 'other', IMMUDB_S3_SECRET_KEY: 'Hidden!1' },
  });
  assert.deepEqual(notices.map((notice) => notice.split(' ')[0]).sort(), [
    '--dbname=other',
    '--pgsql-server=true',
    '--s3-secret-key',
    '--synced=false',
  ]);
  assert.ok(notices.every((notice) => notice.includes('has no effect: ')));
  assert.ok(!notices.join().includes('Hidden'));
});

test('what asks for a promise that would be silently broken is refused', () => {
  for (const flag of ['s3-storage', 'replication-is-replica', 'replication-enabled', 'audit-log']) {
    const error = refusal({ argv: [`--${flag}`] });
    assert.equal(error.code, 'refused');
    assert.match(error.message, /^--\S+=true cannot be had: \S/);
    assert.deepEqual(load({ argv: [`--${flag}=false`] }).notices, []);
  }
  assert.match(
    refusal({ env: { IMMUDB_AUTO_CERT: '1' } }).message,
    /IMMUDB_AUTO_CERT.*tools\/mtls/,
  );
});

test('variables that Kubernetes sets for a service of our name do no harm', () => {
  const { config, notices } = load({
    env: {
      STELE_PORT: 'tcp://10.0.0.1:3322',
      IMMUDB_PORT: '7',
      STELE_SERVICE_HOST: '10.0.0.1',
      STELE_SERVICE_PORT_GRPC: '3322',
      STELE_PORT_3322_TCP_ADDR: '10.0.0.1',
    },
  });
  assert.equal(config.port, 7);
  assert.equal(notices.length, 1);
  assert.match(notices[0] ?? '', /^STELE_PORT is an address that Kubernetes sets/);
});

test('a variable of ours that is no option is mentioned with the nearest name', () => {
  const { notices } = load({ env: { STELE_PROT: '1', IMMUDB_HOME: '/', PATH: '/bin' } });
  assert.deepEqual(notices, [
    'environment variable STELE_PROT is no option of this server; did you mean STELE_PORT?',
  ]);
});

test('options that demand others are refused alone', () => {
  const cases: [string[], RegExp][] = [
    [['--certificate=c'], /--certificate and --pkey/],
    [['--pkey=c'], /--certificate and --pkey/],
    [['--mtls'], /--mtls needs/],
    [['--mtls', '--certificate=c', '--pkey=c'], /--mtls needs/],
    [['--maintenance'], /--maintenance needs --auth=false/],
    [['--port=9497'], /--port and --metrics-server-port are both 9497/],
    [['--log-rotation-age=30s'], /at least 1m/],
    [
      ['--max-recv-msg-size=512MiB'],
      /--max-recv-msg-size \(512MiB, --max-recv-msg-size\) is larger than --max-inflight-size \(256MiB, default\)/,
    ],
    [['--max-streams-per-connection=5'], /--max-streams-before-login \(100, default\) is larger/],
  ];
  for (const [argv, expected] of cases) {
    const error = refusal({ argv });
    assert.equal(error.code, 'conflict');
    assert.match(error.message, expected);
  }
  for (const argv of [
    ['--port=9497', '--metrics-server=false'],
    ['--port=0', '--metrics-server-port=0'],
    ['--maintenance', '--auth=false'],
  ]) {
    assert.ok(load({ argv }).config);
  }
});

test('files of certificates are looked for before anything is started', () => {
  writeFileSync(path.join(cwd, 'c.pem'), '');
  const error = refusal({ argv: ['--certificate=c.pem', '--pkey=missing.pem'] });
  assert.equal(error.code, 'fileUnreadable');
  assert.match(error.message, /^--pkey: cannot read .*missing\.pem: ENOENT/);
  assert.ok(load({ argv: ['--certificate=c.pem', '--pkey=c.pem'] }).config);
});

test('what is allowed and may not be meant is mentioned', () => {
  const about = (argv: string[]) => load({ argv }).notices.join('\n');
  assert.match(about(['--auth=false']), /every local user can read and write/);
  assert.match(about(['--auth=false', '--devmode']), /everybody who can connect/);
  assert.match(about(['--log-rotation-size=1MiB']), /no effect without --logfile/);
  assert.match(about(['--admin-password=Hidden!1']), /visible to other users/);
  assert.ok(!about(['--admin-password=Hidden!1']).includes('Hidden'));
  assert.equal(about(['--devmode']), '');
});

test('networks are checked', () => {
  for (const wrong of [
    '10.0.0',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.0/8/8',
    'localhost',
    '1.1.1.1/',
  ]) {
    assert.equal(refusal({ argv: ['--exempt-addresses', wrong] }).code, 'invalidValue', wrong);
  }
});

test('a bare number of the life of a token counts minutes', () => {
  assert.equal(load({ argv: ['--token-expiry-time=5'] }).config.tokenExpiryMs, 300_000);
  assert.equal(load({ file: 'token-expiry-time = 1' }).config.tokenExpiryMs, 60_000);
  assert.equal(load({ argv: ['--token-expiry-time=90s'] }).config.tokenExpiryMs, 90_000);
  assert.equal(refusal({ argv: ['--token-expiry-time=0'] }).code, 'invalidValue');
});
