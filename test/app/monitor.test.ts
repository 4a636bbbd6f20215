import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MonitorServer } from '../../src/app/monitor/http.js';
import { RpcMetrics } from '../../src/app/monitor/rpc-metrics.js';
import { Histogram, Registry } from '../../src/base/metrics.js';

async function withServer(
  options: { notReady?: () => string[]; debugEndpoints?: boolean; registry?: Registry },
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = new MonitorServer({
    registry: options.registry ?? new Registry(),
    version: '1.2.3',
    protocolVersion: '1.9.7',
    notReady: options.notReady ?? (() => []),
    debugEndpoints: options.debugEndpoints ?? false,
  });
  const port = await server.listen('127.0.0.1', 0);
  try {
    await use(`http://127.0.0.1:${port}`);
  } finally {
    await server.close();
  }
}

test('a page names each family once, with its type', () => {
  const registry = new Registry();
  registry.counter('a_total', 'First.').add(3);
  registry.collected('b', 'gauge', 'Second.', () => [{ labels: { db: 'x"y\\z\n' }, value: 1.5 }]);
  assert.equal(
    registry.page(),
    '# HELP a_total First.\n# TYPE a_total counter\na_total 3\n' +
      '# HELP b Second.\n# TYPE b gauge\nb{db="x\\"y\\\\z\\n"} 1.5\n',
  );
});

test('the buckets of a histogram add up', () => {
  const histogram = new Histogram([1, 2]);
  for (const value of [0.5, 1, 1.5, 5]) histogram.observe(value);
  assert.deepEqual(
    [...histogram.lines('h', {})],
    ['h_bucket{le="1"} 2', 'h_bucket{le="2"} 3', 'h_bucket{le="+Inf"} 4', 'h_sum 8', 'h_count 4'],
  );
});

test('calls are counted by method, status and client', () => {
  const registry = new Registry();
  const metrics = new RpcMetrics(registry, true);
  metrics.started('Get', 'unary', '10.1.2.3');
  metrics.finished('Get', 'unary', 'NOT_FOUND', 0.02, 'keyNotFound');
  const page = registry.page();
  const labels = 'grpc_method="Get",grpc_service="immudb.schema.ImmuService",grpc_type="unary"';
  for (const line of [
    `grpc_server_started_total{${labels}} 1`,
    `grpc_server_handled_total{grpc_code="NotFound",${labels}} 1`,
    `grpc_server_handling_seconds_count{${labels}} 1`,
    'immudb_number_of_rpcs_per_client{ip="10.1.2.3"} 1',
    'stele_rpc_errors_total{code="keyNotFound"} 1',
  ]) {
    assert.ok(page.includes(`${line}\n`), line);
  }
});

test('the number of clients with a series of their own is bounded', () => {
  const registry = new Registry();
  const metrics = new RpcMetrics(registry, false);
  for (let i = 0; i < 10_050; i++) metrics.started('Get', 'unary', `client-${i}`);
  const page = registry.page();
  assert.ok(page.includes('immudb_number_of_rpcs_per_client{ip="overflow"} 50\n'));
  assert.ok(!page.includes('client-10000"'));
});

test('readiness answers 503 and names what takes no writes', async () => {
  let reasons: string[] = [];
  await withServer({ notReady: () => reasons }, async (url) => {
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    reasons = ['orders: disk nearly full, no writes'];
    const answer = await fetch(`${url}/readyz`);
    assert.equal(answer.status, 503);
    assert.equal(await answer.text(), 'orders: disk nearly full, no writes\n');
    assert.equal((await fetch(`${url}/livez`)).status, 200);
  });
});

test('the listener answers what dashboards and browsers ask', async () => {
  const registry = new Registry();
  registry.counter('a_total', 'First.');
  await withServer({ registry }, async (url) => {
    const page = await fetch(`${url}/metrics`);
    assert.equal(page.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.equal(page.headers.get('access-control-allow-origin'), '*');
    const version = (await (await fetch(`${url}/version`)).json()) as Record<string, unknown>;
    assert.equal(version['version'], '1.2.3');
    assert.equal((await fetch(`${url}/metrics`, { method: 'OPTIONS' })).status, 204);
    assert.equal((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status, 405);
    assert.equal((await fetch(`${url}/etc/passwd`)).status, 404);
  });
});

test('debug endpoints exist only when they were asked for', async () => {
  await withServer({}, async (url) => {
    assert.equal((await fetch(`${url}/debug/memory`)).status, 404);
  });
  await withServer({ debugEndpoints: true }, async (url) => {
    assert.equal((await fetch(`${url}/debug/memory`)).status, 200);
  });
});
