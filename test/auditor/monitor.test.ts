import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AuditorMonitor, type AuditorOptions } from '../../src/auditor/index.js';
import { Scene } from './scene.js';

async function monitored(
  t: TestContext,
  more: Partial<AuditorOptions> = {},
): Promise<{ readonly scene: Scene; readonly url: string }> {
  const scene = await Scene.start(t, 2, more);
  const monitor = new AuditorMonitor({
    figures: scene.auditor.figures,
    version: '1.2.3',
    component: 'stele-auditor',
    health: () => scene.auditor.health(),
  });
  const port = await monitor.listen('127.0.0.1', 0);
  t.after(() => monitor.close());
  return { scene, url: `http://127.0.0.1:${port}` };
}

test('every path that has no meaning of its own has the metrics', async (t) => {
  const { scene, url } = await monitored(t);
  await scene.clean();
  for (const path of ['/', '/metrics', '/debug/vars', '/anything?x=1']) {
    const answer = await fetch(`${url}${path}`);
    assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const page = await answer.text();
    assert.match(page, /^immuclient_audit_result_per_server\{server_address="[^"]+",server_id=/m);
    assert.match(page, /^stele_auditor_result\{database="defaultdb",server_address=/m);
    assert.ok(!page.includes('immugw_'));
  }
});

test('health asks the server, and the version says who answers', async (t) => {
  const { scene, url } = await monitored(t);
  for (const path of ['/initz', '/readyz', '/livez']) {
    const answer = await fetch(`${url}${path}`);
    assert.deepEqual([answer.status, await answer.json()], [200, { immudb: 'OK' }]);
  }
  scene.proxy.forge = { Health: () => ({ code: 14, details: 'away' }) };
  const ill = await fetch(`${url}/readyz`);
  assert.deepEqual([ill.status, await ill.json()], [503, { immudb: 'away' }]);
  const version = await fetch(`${url}/version`);
  assert.deepEqual(await version.json(), { component: 'stele-auditor', version: '1.2.3' });
  assert.equal((await fetch(url, { method: 'POST' })).status, 405);
});

test('the auditor of a gateway has its own series and its last audit', async (t) => {
  const { scene, url } = await monitored(t, { seriesPrefix: 'immugw' });
  await scene.clean();
  await scene.clean();
  const page = await (await fetch(`${url}/metrics`)).text();
  for (const name of ['result', 'prev_root', 'curr_root', 'run_at']) {
    assert.match(page, new RegExp(`^immugw_audit_${name}_per_server\\{server_address=`, 'm'));
  }
  assert.match(page, /^# TYPE immugw_uptime_hours counter$/m);
  assert.ok(!page.includes('immuclient_'));
  const last = await (await fetch(`${url}/lastaudit`)).json();
  const { RunAt, PreviousRoot, CurrentRoot, ServerAddress, ...rest } = last as Record<
    string,
    unknown
  >;
  assert.equal(ServerAddress, `127.0.0.1:${scene.proxy.port}`);
  assert.match(String(CurrentRoot), /^[0-9a-f]{64}$/);
  assert.equal(PreviousRoot, CurrentRoot);
  assert.ok(Number.isFinite(Date.parse(String(RunAt))));
  assert.deepEqual(rest, {
    ServerID: scene.proxy.uuid,
    HasRunConsistencyCheck: true,
    HasError: false,
    ConsistencyCheckResult: true,
    PreviousRootIndex: 2,
    CurrentRootIndex: 2,
  });
});
