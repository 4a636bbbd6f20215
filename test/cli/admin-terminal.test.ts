import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { STELEADMIN } from '../../src/cli/admin/program.js';
import { type Figures, figuresFrom } from '../../src/cli/admin/stats/figures.js';
import { parseMetrics } from '../../src/cli/admin/stats/metrics.js';
import { renderScreen, sparkline } from '../../src/cli/admin/stats/screen.js';
import { metricsUrl } from '../../src/cli/admin/stats/source.js';
import { Settings } from '../../src/cli/kit/settings.js';
import { RpcFixture } from '../rpc/fixture.js';
import { atTerminal, plain, type Session, type Step } from './terminal.js';

interface Stage {
  readonly at: (args: readonly string[], steps: readonly Step[]) => Promise<Session>;
}

async function stageOf(t: TestContext): Promise<Stage> {
  const { port } = await RpcFixture.start(t);
  const home = await mkdtemp(path.join(tmpdir(), 'stele-admin-terminal-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const env = { HOME: home, STELE_IMMUDB_PORT: String(port) };
  return { at: (args, steps) => atTerminal(args, env, steps, 'steleadmin') };
}

function screenOf({ parts }: Session): string {
  return parts.map(({ screen }) => plain(screen)).join('');
}

test('a person logs in first, creates a user, and deletes a database by typing its name', async (t) => {
  const { at } = await stageOf(t);
  const login = await at(
    ['login', 'immudb'],
    [
      { waitFor: 'Password:', type: 'immudb\r' },
      { waitFor: 'Choose a password for immudb:', type: 'Admin-1234\r' },
      { waitFor: 'Confirm password:', type: 'Admin-1234\r' },
    ],
  );
  assert.equal(login.exitCode, 0);
  const asked = screenOf(login);
  assert.match(
    asked,
    /SECURITY WARNING: .*\nChoose a password for immudb:\nConfirm password:\nlogged in\n/,
  );
  // Not one password is shown.
  assert.doesNotMatch(asked, /Admin-1234|:immudb\n/);
  const created = await at(
    ['user', 'create', 'alice', 'read'],
    // Both lines are pasted at once.
    [{ waitFor: 'Choose a password for alice:', type: 'Alice-1234\rAlice-1234\r' }],
  );
  assert.match(screenOf(created), /Confirm password:\nCreated user alice\n$/);
  for (const command of ['create', 'unload']) {
    assert.equal((await at(['database', command, 'db1'], [])).exitCode, 0);
  }
  const waitFor = 'To delete the database db1 type its name: ';
  const refused = await at(['database', 'delete', 'db1'], [{ waitFor, type: 'db2\n' }]);
  assert.equal(refused.exitCode, 1);
  assert.match(screenOf(refused), /not confirmed; nothing was done/);
  const left = await at(['database', 'delete', 'db1'], [{ waitFor, type: '\u0004' }]);
  assert.equal(left.exitCode, 2);
  const deleted = await at(['database', 'delete', 'db1'], [{ waitFor, type: 'db1\n' }]);
  assert.match(screenOf(deleted), /database 'db1' successfully deleted\n$/);
});

test('a prompt is left with Ctrl-C', async (t) => {
  const { at } = await stageOf(t);
  const { exitCode, parts } = await at(
    ['login', 'immudb'],
    [{ waitFor: 'Password:', type: 'x\u0003' }],
  );
  assert.equal(exitCode, 2);
  assert.match(plain(parts.at(-1)?.screen ?? ''), /no password was given/);
});

const PAGE = `# HELP immudb_uptime_hours Hours since the start.
# TYPE immudb_uptime_hours counter
immudb_uptime_hours 2.5
immudb_number_of_stored_entries{db="systemdb"} 900
immudb_number_of_stored_entries{db="defaultdb"} 12
immudb_number_of_stored_entries{db="a\\"b"} 40
immudb_db_size_bytes{db="defaultdb"} 36864
immudb_db_size_bytes{db="a\\"b"} 5.3e+06
immudb_number_of_rpcs_per_client{ip="127.0.0.1"} 7
immudb_clients_last_message_at_unix_seconds{ip="127.0.0.1"} 1700000000
go_memstats_sys_bytes 9e+07
go_memstats_heap_inuse_bytes 3e+07
grpc_server_handling_seconds_count{grpc_method="Set",grpc_type="unary"} CALLS
grpc_server_handling_seconds_sum{grpc_method="Set",grpc_type="unary"} 0.5
grpc_server_handling_seconds_bucket{grpc_method="Set",le="+Inf"} 10
`;

test('the dashboard fetches again, shows why it cannot, follows the size, and gives the terminal back', async (t) => {
  let answers = 0;
  const server = createServer((_request, response) => {
    answers++;
    // One answer in between is missing.
    if (answers === 2) response.writeHead(503).end();
    else response.end(PAGE.replace('CALLS', String(answers * 10)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { at } = await stageOf(t);
  const args = ['stats', '--metrics', `127.0.0.1:${port}`, '--interval', '1'];
  const session = await at(args, [
    { waitFor: '10 in all', type: 'x' },
    { waitFor: 'the answer is 503', type: 'x' },
    { waitFor: '/s, ', type: 'q' },
  ]);
  assert.equal(session.exitCode, 0);
  const whole = session.parts.map(({ screen }) => screen).join('');
  assert.ok(whole.startsWith('\u001b[?1049h'));
  assert.ok(whole.endsWith('\u001b[?1049l'));
  assert.match(plain(whole), /Uptime +2h30m0s/);
  assert.match(plain(whole), /a"b +40 +5\.3 MB\n defaultdb +12 +36\.9 kB\n/);
  assert.doesNotMatch(whole, /systemdb/);
  const resized = await at(
    [...args, '--interval', '60'],
    [
      { waitFor: 'Set', type: '', resize: [6, 30] },
      { waitFor: 'every 60 s', type: '\u001b' },
    ],
  );
  const small = plain(resized.parts[1]?.screen ?? '').split('\n');
  assert.deepEqual([small.length, Math.max(...small.map((line) => [...line].length))], [6, 30]);
  const interrupted = await at(args, [{ waitFor: 'Set', type: '\u0003' }]);
  assert.equal(interrupted.exitCode, 0);
  server.close();
  server.closeAllConnections();
  const gone = await at(args, []);
  assert.equal(gone.exitCode, 1);
  assert.match(screenOf(gone), /no metrics at http:.*ECONNREFUSED.*--metrics HOST:PORT/);
});

function figures(at: number, calls: number): Figures {
  return figuresFrom(parseMetrics(PAGE.replace('CALLS', String(calls))), at);
}

test('the screen is never wider or longer than the terminal', () => {
  const history = [figures(1_700_000_000_000, 0), figures(1_700_000_010_000, 50)];
  const state = { source: 'h:1', intervalSeconds: 3, history, fault: undefined };
  for (const [columns, rows] of [
    [200, 50],
    [80, 24],
    [20, 5],
    [1, 1],
  ] as const) {
    const lines = renderScreen(state, { columns, rows });
    assert.ok(lines.length <= rows);
    assert.ok(lines.every((line) => [...line].length <= columns));
  }
  const text = renderScreen(state, { columns: 200, rows: 50 }).join('\n');
  assert.match(text, /Writes +5\.0\/s, 0 µs/);
  assert.match(text, /active in the last hour: 1/);
  assert.equal(sparkline([0, 1, 2, 4], 3), '▃▅█');
  assert.equal(sparkline([0, 0], 8), '▁▁');
});

test('the metrics are at port 9497 of the server, or where --metrics says', async () => {
  const url = async (...flags: [string, string][]) =>
    String(metricsUrl(await Settings.load(new Map(flags), { HOME: '/nonexistent' }, STELEADMIN)));
  assert.equal(await url(), 'http://127.0.0.1:9497/metrics');
  assert.equal(await url(['immudb-address', '::1']), 'http://[::1]:9497/metrics');
  assert.equal(await url(['immudb-address', 'h'], ['tls', 'true']), 'https://h:9497/metrics');
  assert.equal(await url(['metrics', 'h']), 'http://h:9497/metrics');
  assert.equal(await url(['metrics', 'h:80']), 'http://h/metrics');
  assert.equal(await url(['metrics', 'https://h/stele/metrics']), 'https://h/stele/metrics');
  await assert.rejects(url(['metrics', 'a b']), /expected HOST:PORT or a URL/);
});
