import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../src/app/config/index.js';
import { envNames, flagNames } from '../../../src/app/config/names.js';
import { OPTION_GROUPS } from '../../../src/app/config/option-types.js';
import { optionRows } from '../../../src/app/config/options.js';

const defaults = loadConfig([], {}, '/nowhere', '/nowhere/stele.toml');

/** Every option of the original, at either of its generations. */
const ORIGINAL = `dir address port config pidfile logfile logdir logformat log-rotation-size
  log-rotation-age log-access auth mtls certificate pkey clientcas auto-cert max-recv-msg-size
  no-histograms detached devmode admin-password force-admin-password maintenance signingKey synced
  token-expiry-time metrics-server metrics-server-port pprof web-server web-server-port swaggerui
  grpc-reflection max-sessions max-session-inactivity-time session-timeout max-session-age-time
  sessions-guard-check-interval max-active-databases log-request-metadata audit-log audit-log-events
  consistency-check replication-is-replica replication-enabled replication-sync-enabled
  replication-sync-acks replication-primary-host replication-primary-port
  replication-primary-username replication-primary-password replication-prefetch-tx-buffer-size
  replication-commit-concurrency replication-allow-tx-discarding replication-skip-integrity-check
  replication-wait-for-indexing replication-master-address replication-master-port
  replication-follower-username replication-follower-password pgsql-server pgsql-server-port
  max-key-length s3-storage s3-endpoint s3-access-key-id s3-secret-key s3-bucket-name s3-location
  s3-path-prefix s3-external-identifier network dbname`.split(/\s+/);

function assertUnique(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    assert.ok(!seen.has(name), `${name} belongs to two options`);
    seen.add(name);
  }
}

test('no flag, letter, file key or environment variable belongs to two options', () => {
  const options = optionRows.map(([, option]) => option);
  assertUnique(options.flatMap(flagNames));
  assertUnique(options.flatMap(({ short }) => short ?? []));
  assertUnique(options.flatMap((option) => [...new Set(flagNames(option).map(lowerCase))]));
  assertUnique(options.flatMap(envNames));
});

const lowerCase = (text: string) => text.toLowerCase();

test('every default lies within the range of its option and is read back as itself', () => {
  for (const [name, option] of optionRows) {
    if (option.default === undefined) continue;
    assert.deepEqual(option.parse(option.format(option.default)), option.default, name);
  }
});

test('values just outside the range of an option are refused, those at its ends are not', () => {
  for (const [name, option] of optionRows) {
    const { min, max, kind } = option;
    if (min === undefined || max === undefined) continue;
    assert.ok(min < max, name);
    const text = (value: number) => (kind === 'duration' ? `${value}ms` : String(value));
    assert.equal(option.parse(text(min)), min, name);
    assert.equal(option.parse(text(max)), max, name);
    assert.equal(option.parse(text(min - 1)), undefined, name);
    assert.equal(option.parse(text(max + 1)), undefined, name);
  }
});

test('every option is described, and those without effect say why', () => {
  for (const [name, option] of optionRows) {
    assert.ok(OPTION_GROUPS.includes(option.group), name);
    assert.match(option.help, /^\S.*[^.]$/, name);
    assert.ok(option.help.length <= 90, name);
    const withoutEffect = option.role === 'ignored' || option.role === 'refused';
    assert.equal(option.reason !== undefined, withoutEffect, name);
  }
});

test('every option of the original is known by its old name, on the command line and outside', () => {
  const flags = new Set(optionRows.flatMap(([, option]) => flagNames(option)));
  const variables = new Set(optionRows.flatMap(([, option]) => envNames(option)));
  for (const name of ORIGINAL) {
    assert.ok(flags.has(name), name);
    if (name === 'config') continue;
    assert.ok(variables.has(`IMMUDB_${name.toUpperCase().replaceAll('-', '_')}`), name);
  }
});

test('the defaults are those of the original and those that were decided', () => {
  const { config } = defaults;
  assert.deepEqual(
    [config.address, config.port, config.metricsPort, config.auth, config.tokenExpiryMs],
    ['0.0.0.0', 3322, 9497, true, 86_400_000],
  );
  assert.deepEqual([config.maxRecvMsgBytes, config.maxValueBytes], [33_554_432, 33_554_432]);
  assert.deepEqual(
    [config.maxKeyBytes, config.maxTxEntries, config.maxResultEntries],
    [1024, 1024, 2500],
  );
  assert.equal(config.writeTxHeaderVersion, 'auto');
  assert.equal(config.dir, '/nowhere/data');
});

test('the configuration is frozen and holds no secret', () => {
  const { config, secrets } = loadConfig(
    ['--exempt-addresses=10.0.0.0/8'],
    { STELE_ADMIN_PASSWORD: 'Hidden!123', STELE_S3_SECRET_KEY: 'Hidden!123' },
    '/nowhere',
  );
  assert.ok(Object.isFrozen(config));
  assert.ok(Object.isFrozen(config.exemptAddresses));
  assert.equal(secrets.adminPassword, 'Hidden!123');
  assert.ok(!JSON.stringify([config, secrets]).includes('Hidden'));
});
