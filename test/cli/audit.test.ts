import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkpointKey, encodeCheckpoint, sealKey } from '../../src/audit/records.js';
import { main } from '../../src/cli/main.js';
import { SteleClient } from '../../src/client/index.js';
import { makeStream, type Stream } from '../audit/verify/stream-fixture.js';
import { DatabasesFixture, kv, SESSION } from '../support/database-fixture.js';
import { freePort, ServerProcess } from '../support/server-process.js';
import { temporaryFolder } from '../support/store-fixture.js';

interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function stele(...args: string[]): Promise<Answer> {
  let [out, err] = ['', ''];
  const code = await main(['audit', ...args], {
    env: {},
    cwd: '/nowhere',
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    script: '/nowhere/stele.js',
    loadServer: () => assert.fail('no server is wanted'),
  });
  return { code, out, err };
}

interface Sealed {
  readonly stream: Stream;
  readonly dir: string;
  /** `TXID:ALH` after the last seal. */
  readonly state: string;
  /** Options that name the files and the database of the seals. */
  readonly where: readonly string[];
}

/** A stream whose seals are in a database of a closed data directory. */
async function sealed(t: TestContext): Promise<Sealed> {
  const stream = makeStream(t, [5, 6, 7], 6);
  const fixture = await new DatabasesFixture(await temporaryFolder(t)).open();
  await fixture.manager.create('seals', {}, { createdBy: '', ifNotExists: false });
  const database = await fixture.manager.open('seals');
  for (const [at, value] of stream.values.entries()) {
    await database.set([kv(sealKey(at + 1), value)], SESSION);
  }
  const { checkpoint } = stream;
  const key = checkpointKey(checkpoint.up_to_seq);
  await database.set([kv(key, encodeCheckpoint(checkpoint))], SESSION);
  const { txId, txHash } = database.state();
  const state = `${txId}:${Buffer.from(txHash).toString('hex')}`;
  await fixture.manager.close();
  const where = ['--dir', fixture.dir, '--audit-path', stream.live, '--seal-db', 'seals'];
  return { stream, dir: fixture.dir, state, where };
}

function tamper(file: string): void {
  writeFileSync(file, readFileSync(file, 'utf8').replace('user8', 'user9'));
}

test('verify proves a stream against the seals in its database, and finds what was changed', async (t) => {
  const { stream, state, where } = await sealed(t);
  const sound = await stele('verify', ...where, '--state', state);
  assert.deepEqual([sound.code, sound.err], [0, '']);
  assert.match(
    sound.out,
    /^sound; 4 files, 24 lines, seq 1 to 24, .* 3 seals, checkpoint of the live file$/m,
  );
  tamper(stream.path(2));
  const changed = await stele('verify', ...where);
  assert.equal(changed.code, 3);
  assert.equal(
    changed.err,
    `NOT VERIFIED: ${stream.names[1]}, line 3, seq 8: the line was changed: ` +
      'it is not what the next line was chained to\n',
  );
  const json = await stele('verify', ...where, '--json');
  const report = JSON.parse(json.out);
  assert.deepEqual([json.code, report.ok, report.problems[0].seq], [3, false, 8]);
});

test('verify refuses a database that is not the one of the trusted state', async (t) => {
  const { where, state } = await sealed(t);
  const other = `${state.slice(0, -1)}${state.endsWith('0') ? '1' : '0'}`;
  const { code, err } = await stele('verify', ...where, '--state', other);
  assert.equal(code, 3);
  assert.match(err, /^NOT VERIFIED: seals, audit\/seal\/0{19}1: /);
  const newer = await stele('verify', ...where, '--state', `99:${'ab'.repeat(32)}`);
  assert.equal(newer.code, 3);
  assert.match(newer.err, /ends with transaction \d+, before the trusted 99/);
});

test('exported seals are enough to verify', async (t) => {
  const { stream, where, dir } = await sealed(t);
  const { out } = await stele('files', '--export-seals', ...where);
  assert.equal(out.trimEnd().split('\n').length, 4);
  const file = path.join(dir, 'seals.jsonl');
  writeFileSync(file, out);
  const args = ['--audit-path', stream.live, '--seals', file];
  assert.equal((await stele('verify', ...args)).code, 0);
  rmSync(stream.path(2));
  const { code, err } = await stele('verify', ...args);
  assert.equal(code, 3);
  assert.match(err, /0000000002\.json, seq 6: missing, and no event records/);
  writeFileSync(file, '{"key":"audit/seal/1","value":"{}"}\n');
  assert.equal((await stele('verify', ...args)).code, 3);
});

test('without seals verify says what it cannot find', async (t) => {
  const { stream } = await sealed(t);
  const { code, out } = await stele('verify', '--chain-only', '--audit-path', stream.live);
  assert.equal(code, 0);
  assert.match(out, /checked against themselves only/);
  const none = await stele('verify', '--audit-path', stream.live);
  assert.equal(none.code, 2);
  assert.match(none.err, /give --dir, --seals, --server or --chain-only/);
});

test('a proof of one event holds without the files, and no changed one does', async (t) => {
  const { stream, where, state, dir } = await sealed(t);
  const file = path.join(dir, 'proof.json');
  for (const seq of ['1', '8', '11', '18']) {
    rmSync(file, { force: true });
    const { code, err } = await stele('prove', ...where, '--seq', seq, '--out', file);
    assert.deepEqual([code, err], [0, '']);
    const known = await stele('prove', '--check', file, '--state', state);
    assert.equal(known.code, 0, known.err);
    assert.match(known.err, /the seal is in the database of the trusted state/);
    assert.equal(JSON.parse(known.out).seq, Number(seq));
  }
  rmSync(stream.directory, { recursive: true });
  const proof = readFileSync(file, 'utf8');
  const unknown = await stele('prove', '--check', file);
  assert.equal(unknown.code, 0);
  assert.ok(unknown.err.includes(state), 'says with what to compare');
  const changes: [from: string | RegExp, to: string][] = [
    ['user18', 'user17'],
    [/"leaf": 6/, '"leaf": 5'],
    [/"width": 7/, '"width": 8'],
    [/\\"lines\\":7/, '\\"lines\\":8'],
    [/"terms": \[\n\s+"./, '"terms": [\n "x'],
    [/"alh"|"txHash": \{\s+"\$hex": "./, '"txHash": { "$hex": "z'],
    [/^/, 'x'],
    [/[\s\S]*/, '{}'],
    [/[\s\S]*/, 'null'],
  ];
  for (const [from, to] of changes) {
    const changed = proof.replace(from, to);
    assert.notEqual(changed, proof, String(from));
    writeFileSync(file, changed);
    const { code } = await stele('prove', '--check', file, '--state', state);
    const isOnlyTheOwnState = String(from).includes('txHash');
    assert.equal(code, isOnlyTheOwnState ? 0 : 3, String(from));
  }
});

test('an event of the live file has no proof yet', async (t) => {
  const { where } = await sealed(t);
  const { code, err } = await stele('prove', ...where, '--seq', '20');
  assert.equal(code, 1);
  assert.match(err, /no seal covers seq 20: .* its file is not closed yet/);
});

test('cat, query, export and tail print what was asked for', async (t) => {
  const { stream } = await sealed(t);
  const at = ['--audit-path', stream.live];
  const all = await stele('cat', ...at);
  const files = [1, 2, 3, 'live' as const].map((file) => readFileSync(stream.path(file), 'utf8'));
  assert.equal(all.out, files.join(''));
  const found = await stele('query', '{ "users.user": { $in: ["user8", /^user2[0-9]$/] } }', ...at);
  const seqs = found.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).seq as number);
  assert.deepEqual(seqs, [8, 20, 21, 22, 23, 24]);
  const some = await stele('cat', ...at, '--from', '6', '--to', '7');
  assert.equal(some.out.trimEnd().split('\n').length, 2);
  const later = await stele('cat', ...at, '--from', '2027-01-01');
  assert.equal(later.out, '');
  const cef = await stele('export', '--format', 'cef', '--filter', '{ seq: 8 }', ...at);
  assert.match(cef.out, /^CEF:0\|Stele\|Stele\|.* suser=user8 /);
  const last = await stele('tail', '--lines', '2', ...at);
  assert.deepEqual(last.out.trimEnd().split('\n').length, 2);
});

test('wrong arguments are refused with what is right', async (t) => {
  const { stream } = await sealed(t);
  const at = ['--audit-path', stream.live];
  const cases: [args: string[], err: RegExp][] = [
    [[], /expected audit and one of verify, prove/],
    [['verfy'], /expected audit and one of/],
    [['query', ...at], /query needs one filter/],
    [['query', '{ $where: 1 }', ...at], /column 3: operator \$where/],
    [['export', ...at], /export needs --format native\|mongo/],
    [['export', '--format', 'xml', ...at], /--format is one of/],
    [['cat', '--json', ...at], /unknown option --json/],
    [['cat', '--from', 'x', ...at], /needs a number of the stream or a time/],
    [['prove', ...at], /prove needs --seq/],
    [['verify', '--state', 'x', ...at, '--dir', '/'], /holds no databases/],
    [['verify', '--server', 'x', ...at], /--server needs HOST:PORT/],
    [['hash', 'key', ...at], /hash reads the key from/],
  ];
  for (const [args, expected] of cases) {
    const { code, err } = await stele(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, expected);
  }
});

test('hash gives what events hold for a key', async (t) => {
  const { stream } = await sealed(t);
  const secret = Buffer.alloc(32, 7);
  writeFileSync(path.join(stream.directory, 'audit.key'), secret);
  const file = path.join(stream.directory, 'key');
  writeFileSync(file, 'my key\n');
  const { out } = await stele('hash', '--file', file, '--audit-path', stream.live);
  const digest = createHmac('sha256', secret).update('my key').digest('hex');
  assert.equal(out, `h:${digest.slice(0, 32)}\n`);
});

test('seals are read from a running server, each with its proof', async (t) => {
  const stream = makeStream(t, [5, 6], 6);
  const dir = await temporaryFolder(t);
  const port = await freePort();
  await using _server = await ServerProcess.start({ dir: path.join(dir, 'data'), port });
  const client = await SteleClient.connect({ port });
  await client.openSession('immudb', 'immudb', 'defaultdb');
  for (const [at, value] of stream.values.entries()) await client.set(sealKey(at + 1), value);
  const key = checkpointKey(stream.checkpoint.up_to_seq);
  await client.set(key, encodeCheckpoint(stream.checkpoint));
  const { txId, txHash } = await client.verifiedState();
  await client.close();
  const password = path.join(dir, 'password');
  writeFileSync(password, 'immudb\n');
  const login = ['--username', 'immudb', '--password-file', password, '--seal-db', 'defaultdb'];
  const args = ['--audit-path', stream.live, '--server', `127.0.0.1:${port}`, ...login];
  const state = `${txId}:${Buffer.from(txHash).toString('hex')}`;
  const sound = await stele('verify', ...args, '--state', state);
  assert.deepEqual([sound.code, sound.err], [0, '']);
  assert.match(sound.out, /2 seals, checkpoint/);
  const other = await stele('verify', ...args, '--state', `${txId}:${'ab'.repeat(32)}`);
  assert.equal(other.code, 3);
  tamper(stream.path(2));
  assert.match((await stele('verify', ...args)).err, /line 3, seq 8: the line was changed/);
});
