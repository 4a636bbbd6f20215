import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { GrpcClient } from '../support/grpc-client.js';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';

const root = mkdtempSync(path.join(tmpdir(), 'stele-health-'));
after(() => rmSync(root, { recursive: true, force: true }));

function start(...flags: string[]): Promise<[ServerProcess, string]> {
  return startIn(mkdtempSync(path.join(root, 'run-')), ...flags);
}

async function startIn(folder: string, ...flags: string[]): Promise<[ServerProcess, string]> {
  const dir = path.join(folder, 'data');
  const monitorPort = await freePort();
  const own = ['--metrics-server', `--metrics-server-port=${monitorPort}`, ...flags];
  const server = await ServerProcess.start({ dir, port: await freePort(), flags: own });
  return [server, `http://127.0.0.1:${monitorPort}`];
}

async function statusOf(url: string): Promise<number> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  return answer.status;
}

/** Every panel's expressions, and those of the variables. */
function expressions(): string[] {
  const file = path.join(projectRoot, 'tools/grafana-dashboard.json');
  const { panels, templating } = JSON.parse(readFileSync(file, 'utf8')) as {
    panels: { targets: { expr: string }[] }[];
    templating: { list: { definition?: string }[] };
  };
  const ofPanels = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  return [...ofPanels, ...templating.list.flatMap(({ definition }) => definition ?? [])];
}

test('every series and label that the dashboard names is served', async () => {
  const [server, url] = await start();
  await using _ = server;
  using client = new GrpcClient(server.port);
  await client.login();
  await assert.rejects(client.call('Get', { key: Buffer.from('k') }));
  const page = await (await fetch(`${url}/metrics`)).text();
  const named = expressions().flatMap(
    (text) => text.match(/\b(?:immudb|stele|grpc|process|go)_\w+/g) ?? [],
  );
  // Labels stand in the expressions beside the series; both are on the page.
  const labels = new Set(['grpc_method', 'grpc_code']);
  assert.ok(named.length > 20);
  for (const name of new Set(named)) {
    const pattern = labels.has(name) ? `${name}="` : `\n${name}`;
    assert.match(page, new RegExp(labels.has(name) ? pattern : `${pattern}(?:\\{| )`), name);
  }
});

test('the scraping example fits the compose file', () => {
  const prometheus = readFileSync(path.join(projectRoot, 'tools/prometheus.yml'), 'utf8');
  const compose = readFileSync(path.join(projectRoot, 'compose.yaml'), 'utf8');
  const [, host = '', port = ''] = /targets: \["([\w-]+):(\d+)"\]/.exec(prometheus) ?? [];
  assert.match(compose, new RegExp(`^ {2}${host}:$`, 'm'), 'the target is a service');
  assert.equal(port, '9497');
  assert.match(compose, /\.\/tools\/prometheus\.yml:\/etc\/prometheus\/prometheus\.yml:ro/);
  const dashboard = readFileSync(path.join(projectRoot, 'tools/grafana-dashboard.json'), 'utf8');
  assert.ok(prometheus.includes('job_name: stele') && dashboard.includes('"value": "stele"'));
});

test('a server that serves is alive, ready and healthy, and says its version', async () => {
  const [server, url] = await start();
  await using _ = server;
  for (const name of ['livez', 'healthz', 'readyz'])
    assert.equal(await statusOf(`${url}/${name}`), 200);
  using client = new GrpcClient(server.port);
  const { status, version } = await client.call('Health', {});
  assert.deepEqual([status, version], [true, '1.9.7']);
  const answer = (await (await fetch(`${url}/version`)).json()) as Record<string, unknown>;
  assert.equal(answer['protocol'], version);
});

test('debug endpoints are there when they were asked for', async () => {
  const [quiet, quietUrl] = await start();
  await using _ = quiet;
  assert.equal(await statusOf(`${quietUrl}/debug/memory`), 404);
  const [open, openUrl] = await start('--pprof');
  await using __ = open;
  assert.equal(await statusOf(`${openUrl}/debug/memory`), 200);
});

const { bavail, blocks } = statfsSync(tmpdir());
const roomy =
  bavail > blocks / 2 && 'no reserve is greater than half of the disk, and more is free';

test('with too little space it is not ready, and healthy as it serves reads', {
  skip: roomy,
}, async () => {
  const folder = mkdtempSync(path.join(root, 'full-'));
  const [first] = await startIn(folder);
  first.signal('SIGTERM');
  await first.ended(12_000);
  // All space there is counts as reserve.
  const [server, url] = await startIn(folder, '--disk-reserve=1TiB', '--disk-reserve-percent=50');
  await using _ = server;
  using client = new GrpcClient(server.port);
  await client.login();
  const entry = { key: Buffer.from('k'), value: Buffer.from('v') };
  await assert.rejects(client.call('Set', { KVs: [entry] }), { code: 8 });
  const answer = await fetch(`${url}/readyz`);
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /^(?:systemdb|defaultdb): disk nearly full, no writes$/m);
  assert.equal((await client.call('Health', {})).status, true);
  assert.equal(await statusOf(`${url}/livez`), 200);
  const page = await (await fetch(`${url}/metrics`)).text();
  assert.match(page, /^stele_database_writable\{db="defaultdb"\} 0$/m);
});

test('while it drains it is alive and not ready', async () => {
  const [server, url] = await start();
  await using _ = server;
  // A call whose request does not come keeps the server draining.
  const session = connect(`http://127.0.0.1:${server.port}`).on('error', () => {});
  const stream = session.request({
    ':method': 'POST',
    ':path': '/immudb.schema.ImmuService/Health',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  stream.on('error', () => {});
  await once(stream, 'response');
  server.signal('SIGTERM');
  const begin = performance.now();
  let status = 200;
  while (status === 200 && performance.now() - begin < 1000) {
    status = await statusOf(`${url}/readyz`);
  }
  assert.equal(status, 503);
  assert.equal(await statusOf(`${url}/livez`), 200);
  session.destroy();
  assert.equal((await server.ended(12_000)).code, 0);
});
