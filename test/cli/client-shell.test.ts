import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isKept } from '../../src/cli/client/shell/history.js';
import { parseWords, quoteWord } from '../../src/cli/client/shell/words.js';
import { SteleClient } from '../../src/client/index.js';
import { RpcFixture } from '../rpc/fixture.js';
import { type Ended, runClient } from './client-world.js';
import { atTerminal, plain } from './terminal.js';

interface Stage {
  readonly env: Readonly<Record<string, string>>;
  readonly home: string;
  readonly client: SteleClient;
  readonly piped: (stdin: string) => Promise<Ended>;
}

async function stageOf(t: TestContext): Promise<Stage> {
  const { port } = await RpcFixture.start(t);
  const home = await mkdtemp(path.join(tmpdir(), 'stele-shell-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const client = await SteleClient.connect({ port });
  t.after(() => client.close());
  await client.openSession('immudb', 'immudb');
  const env = { HOME: home, STELE_IMMUDB_PORT: String(port) };
  return { env, home, client, piped: (stdin) => runClient({ args: [], env, stdin }) };
}

const PROMPT = 'steleclient:defaultdb>';

test('a person logs in, sets, gets, completes and leaves with Ctrl-D', async (t) => {
  const { env, home, client } = await stageOf(t);
  await client.set('unique-key', 'its value');
  const { parts, exitCode } = await atTerminal([], env, [
    { waitFor: PROMPT, type: 'get unique-key\r' },
    { waitFor: 'not logged in', type: 'login immudb\r' },
    { waitFor: 'Password:', type: 'immudb\r' },
    { waitFor: 'Successfully logged in', type: 'hel\t' },
    { waitFor: 'help ', type: 'safeg\t' },
    { waitFor: 'safeget ', type: '\r' },
    { waitFor: 'Get a value, and verify it', type: 'safeget uniq\t' },
    { waitFor: 'unique-key ', type: '\r' },
    { waitFor: 'verified: true', type: 'set "a key" "line 1\r' },
    { waitFor: '... ', type: 'line 2"\r' },
    { waitFor: 'line 2\r\n', type: "get 'a key' --value-only\r" },
    { waitFor: 'line 1\r\nline 2', type: 'nonsense\r' },
    { waitFor: 'unknown command', type: 'half a line\u0003' },
    { waitFor: '^C', type: '\u0004' },
  ]);
  assert.equal(exitCode, 0);
  const screen = parts.map(({ screen: part }) => plain(part)).join('');
  assert.match(screen, /key: {6}unique-key\nvalue: {4}its value\nverified: true\n/);
  assert.doesNotMatch(screen, /Password:immudb/);
  const history = await readFile(path.join(home, '.local/state/stele/shell-history'), 'utf8');
  assert.match(history, /^get unique-key\nlogin immudb\n/);
  assert.doesNotMatch(history, /^immudb$/m);
  const { mode } = await stat(path.join(home, '.local/state/stele/shell-history'));
  assert.equal(mode & 0o777, 0o600);
});

test('Ctrl-C ends a scan and not the shell; the next shell has the history', async (t) => {
  const { env, client } = await stageOf(t);
  const login = await runClient({ args: ['login', 'immudb'], env, stdin: 'immudb' });
  assert.equal(login.exitCode, 0);
  for (let page = 0; page < 20; page++) {
    await client.setAll(
      Array.from({ length: 1000 }, (_, i) => ({
        key: `k${page * 1000 + i}`,
        value: 'v'.repeat(200),
      })),
    );
  }
  const { parts, exitCode } = await atTerminal([], { ...env, NO_COLOR: '1' }, [
    { waitFor: PROMPT, type: 'scan k\r' },
    { waitFor: 'value:', type: '\u0003' },
    { waitFor: 'cancelled', type: 'count k\r' },
    { waitFor: '20000', type: 'exit\r' },
  ]);
  assert.equal(exitCode, 0);
  const scanned =
    parts
      .map(({ screen }) => screen)
      .join('')
      .match(/value:/g) ?? [];
  assert.ok(scanned.length > 0 && scanned.length < 20_000, `${scanned.length} entries`);
  const colours = parts.some(({ screen }) => screen.includes('\u001b[32m'));
  assert.equal(colours, false);
  const again = await atTerminal([], env, [
    { waitFor: PROMPT, type: '\u001b[A\u001b[A' },
    { waitFor: 'count k', type: '\r' },
    { waitFor: '20000', type: '\u0004' },
  ]);
  assert.equal(again.exitCode, 0);
});

test('a password at a terminal is not shown', async (t) => {
  const { env } = await stageOf(t);
  const { parts, exitCode } = await atTerminal(['login', 'immudb'], env, [
    { waitFor: 'Password:', type: 'immudb\r' },
  ]);
  assert.equal(exitCode, 0);
  const screen = plain(parts.map((part) => part.screen).join(''));
  assert.match(screen, /^Password:\nSuccessfully logged in\n/);
});

test('a script is piped in: no prompts, passwords by line, and the exit code of what failed', async (t) => {
  const { piped } = await stageOf(t);
  const good = await piped(
    'login immudb\nimmudb\nset k "two words"\nget k --value-only\nexit\nnonsense\n',
  );
  assert.equal(good.exitCode, 0, good.stderr);
  assert.match(good.stdout, /^Successfully logged in\n.*\ntx: {7}1\n/);
  assert.match(good.stdout, /\ntwo words\n$/);
  const failing = await piped('get nothing\nget k --value-only');
  assert.equal(failing.exitCode, 1);
  assert.equal(failing.stdout, 'two words\n');
  assert.equal(failing.stderr, 'ERROR: key not found\n');
  assert.equal((await piped('')).exitCode, 0);
  const open = await piped('set k "never closed\n');
  assert.equal(open.exitCode, 2);
  assert.match(open.stderr, /inside of a quoted word/);
});

test('in the shell use changes the database, status asks for health, help explains', async (t) => {
  const { piped, client } = await stageOf(t);
  await client.call('CreateDatabase', { databaseName: 'books' });
  const { exitCode, stdout, stderr } = await piped(
    'login immudb\nimmudb\nuse books\nstatus\ncurrent\nhelp set\nget --help\nget k --immudb-port 1\n',
  );
  assert.equal(exitCode, 2);
  assert.match(stderr, /--immudb-port belongs to the start/);
  assert.match(stdout, /Now using books\nHealth check OK\ndatabase 'books' is empty\nUsage: set/);
  assert.match(stdout, /Usage: get <key>/);
});

test('words are split as quotes and backslashes say', () => {
  const words = (text: string) => parseWords(text)?.words;
  assert.deepEqual(words('  set  k\tv '), ['set', 'k', 'v']);
  assert.deepEqual(words(`set 'a b' "c\\n\\"d\\x41" e\\ f`), ['set', 'a b', 'c\n"dA', 'e f']);
  assert.deepEqual(words(`''`), ['']);
  assert.deepEqual(words('a"b"\'c\'d'), ['abcd']);
  for (const open of ['"a', "'a", 'a\\', '"a\\']) assert.equal(parseWords(open), undefined);
  assert.throws(() => parseWords('"\\xzz"'), /hexadecimal/);
  for (const word of ['', 'a', 'a b', `it's`, '"', '\\', 'a\nb', 'ключ']) {
    assert.deepEqual(words(quoteWord(word)), [word]);
  }
});

test('lines with a password, and those that begin with a blank, are not remembered', () => {
  assert.equal(isKept('get k'), true);
  for (const line of ['', '  ', ' get k', 'login x --password y', 'get k --password=y']) {
    assert.equal(isKept(line), false);
  }
});
