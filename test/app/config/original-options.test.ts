import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfigFile } from '../../../src/app/config/file.js';
import { ConfigError, loadConfig } from '../../../src/app/config/index.js';

/**
 * Every option of the original server, 0.9 to 1.11, with a value that asks for something. Configuration
 * that carries it is read, and what has no meaning here is said; the few that are refused ask for a
 * promise that would be broken.
 */

const HONOURED: Readonly<Record<string, string>> = {
  dir: '/d',
  address: '127.0.0.1',
  port: '3399',
  pidfile: '/p',
  logfile: 'x.log',
  logdir: 'immulog',
  logformat: 'json',
  'log-rotation-size': '1000000',
  'log-rotation-age': '2h0m0s',
  'log-access': 'true',
  auth: 'true',
  certificate: '/c',
  pkey: '/k',
  clientcas: '/a',
  mtls: 'false',
  maintenance: 'false',
  'max-recv-msg-size': '1048576',
  'no-histograms': 'true',
  devmode: 'true',
  'admin-password': 'Hidden-1!',
  'force-admin-password': 'true',
  signingKey: '/s',
  'token-expiry-time': '60',
  'metrics-server': 'false',
  'metrics-server-port': '9498',
  pprof: 'true',
  'max-sessions': '7',
  'session-timeout': '3m0s',
  'max-session-age-time': '1h0m0s',
  'sessions-guard-check-interval': '2m',
  'max-active-databases': '9',
  detached: 'true',
};

const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  synced: 'false',
  'max-session-inactivity-time': '4m',
  'consistency-check': 'false',
  'pgsql-server': 'true',
  'pgsql-server-port': '5433',
  'max-key-length': '512',
  'web-server': 'true',
  'web-server-port': '8081',
  swaggerui: 'true',
  'grpc-reflection': 'true',
  'replication-sync-acks': '1',
  'replication-primary-host': 'h',
  'replication-master-address': 'h',
  'replication-primary-port': '3322',
  'replication-master-port': '3322',
  'replication-primary-username': 'u',
  'replication-follower-username': 'u',
  'replication-primary-password': 'Hidden-1!',
  'replication-follower-password': 'Hidden-1!',
  'replication-prefetch-tx-buffer-size': '10',
  'replication-commit-concurrency': '2',
  'replication-allow-tx-discarding': 'true',
  'replication-skip-integrity-check': 'true',
  'replication-wait-for-indexing': 'true',
  's3-role-enabled': 'true',
  's3-role': 'r',
  's3-endpoint': 'e',
  's3-access-key-id': 'Hidden-1!',
  's3-secret-key': 'Hidden-1!',
  's3-bucket-name': 'b',
  's3-location': 'l',
  's3-path-prefix': 'p',
  's3-external-identifier': 'true',
  's3-instance-metadata-url': 'u',
  's3-use-fargate-credentials': 'true',
  network: 'tcp',
  dbname: 'other',
};

const REFUSED: Readonly<Record<string, string>> = {
  'auto-cert': 'true',
  'audit-log': 'true',
  'replication-is-replica': 'true',
  'replication-enabled': 'true',
  'replication-sync-enabled': 'true',
  's3-storage': 'true',
};

/** Read as a value and not yet acted on, or refused by rule: either way the name is known. */
const NAMED_ONLY: Readonly<Record<string, string>> = {
  'audit-log-events': 'write',
  'log-request-metadata': 'true',
};

interface Source {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function sources(flag: string, value: string): readonly Source[] {
  const variable = flag.toUpperCase().replaceAll('-', '_');
  return [
    { argv: [`--${flag}=${value}`], env: {} },
    { argv: [], env: { [`IMMUDB_${variable}`]: value } },
    { argv: [], env: { [`STELE_${variable}`]: value } },
  ];
}

function noticesOf({ argv, env }: Source): readonly string[] {
  return loadConfig([...argv], { ...env }, '/w', '/nowhere').notices;
}

/** What comes of it: a notice, none, or the code of the refusal. */
function fate(source: Source): string {
  try {
    const notices = noticesOf(source);
    assert.ok(!notices.join().includes('Hidden'));
    return notices.length === 0 ? 'honoured' : 'notice';
  } catch (error) {
    if (error instanceof ConfigError) return error.code;
    throw error;
  }
}

function assertInFile(flag: string, value: string): void {
  const bare = /^(?:true|false|\d+)$/.test(value) ? value : JSON.stringify(value);
  assert.equal(parseConfigFile(`${flag} = ${bare}\n`, 'file').size, 1, flag);
}

test('each option with a meaning here is taken by its old name, from flag, variables and file', () => {
  for (const [flag, value] of Object.entries(HONOURED)) {
    // A certificate asks for its companions and is looked at; its name is taken all the same.
    for (const source of sources(flag, value)) {
      const seen = fate(source);
      const known = ['honoured', 'notice', 'conflict', 'fileUnreadable'].includes(seen);
      assert.ok(known, `${flag}: ${seen}`);
    }
    assertInFile(flag, value);
  }
  const together = { argv: ['--maintenance', '--auth=false'], env: {} };
  assert.match(fate(together), /^(?:honoured|notice)$/);
});

test('each without a meaning here is accepted with a notice', () => {
  for (const [flag, value] of Object.entries(WITHOUT_EFFECT)) {
    for (const source of sources(flag, value)) assert.equal(fate(source), 'notice', flag);
    assertInFile(flag, value);
  }
});

test('each that asks for a promise that would be broken is refused with the reason', () => {
  for (const [flag, value] of Object.entries(REFUSED)) {
    for (const source of sources(flag, value)) assert.equal(fate(source), 'refused', flag);
    assertInFile(flag, value);
  }
  for (const [flag, value] of Object.entries(NAMED_ONLY)) {
    for (const source of sources(flag, value)) assert.notEqual(fate(source), 'unknownOption', flag);
    assertInFile(flag, value);
  }
});

test('a name that no generation knew is an error with the nearest name, wherever it stands', () => {
  assert.throws(() => loadConfig(['--max-sesions=1'], {}, '/w', '/nowhere'), {
    message: 'unknown option --max-sesions (did you mean --max-sessions?)',
  });
  assert.throws(() => parseConfigFile('max-sesions = 1\n', 'file'), {
    message: /unknown option max-sesions \(did you mean max-sessions\?\)/,
  });
});
