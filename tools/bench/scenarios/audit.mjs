import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { methods } from '../../../dist/src/wire/index.js';
import { baseline } from '../processes.mjs';
import { atLeast, atMost } from '../report.mjs';
import { setRequests } from './data.mjs';

/** Clients, and the share of calls that the stream may cost. */
const LOADS = [
  [64, 0.25],
  [512, 0.1],
];
/** Each side is measured so often, in turns, so that what the machine does else falls on both. */
const ROUNDS = 3;
const EXCLUDED_NS_MAX = 100;
const VERIFIED_LINES = 200_000;
const VERIFIED_PER_SECOND_MIN = 50_000;

/** `Set` with and without the audit stream, on two servers that run side by side. */
export async function audit(context) {
  await context.withServer(
    'audit-off',
    (off) => context.withServer('audit-on', (on) => measure(context, off, on), ['--audit=true']),
    ['--audit=false'],
  );
  await excluded(context);
  await verified(context);
}

async function measure(context, off, on) {
  const sides = [];
  for (const stele of [off, on]) {
    sides.push({ stele, headers: await stele.login(), seed: 400, results: [] });
  }
  for (const [clients, share] of LOADS) {
    await inTurns(context, sides, clients);
    const [without, withAudit] = sides.map(({ results }) => best(results, 'perSecond'));
    const wanted = (1 - share) * without.perSecond;
    context.add({
      figure: `Set with audit, ${clients} clients`,
      value: withAudit.perSecond,
      unit: '/s',
      latencyMs: withAudit.latencyMs,
      limit: { what: 'without', value: without.perSecond },
      wanted: atLeast(wanted, `>= ${Math.round(100 * (1 - share))} % = ${Math.round(wanted)}`),
      details: { withoutLatencyMs: without.latencyMs },
    });
  }
  const dir = context.folder('sync');
  const sync = await baseline('sync', dir, Math.min(1, context.seconds / 2));
  context.remove(dir);
  await inTurns(context, sides, 1);
  const [without, withAudit] = sides.map(({ results }) => {
    return results.map(({ latencyMs }) => latencyMs).sort((a, b) => a.p50 - b.p50)[0];
  });
  const most = without.p50 + sync.latencyMs.p50 + 0.2;
  context.add({
    figure: 'Set with audit, 1 client: p50',
    value: withAudit.p50,
    unit: 'ms',
    latencyMs: withAudit,
    limit: { what: 'without', value: without.p50 },
    wanted: atMost(most, `<= without + sync ${sync.latencyMs.p50.toFixed(2)} + 0.2 ms`),
  });
}

const best = (results, figure) => results.sort((a, b) => b[figure] - a[figure])[0];

async function inTurns(context, sides, clients) {
  for (const side of sides) side.results = [];
  for (let round = 0; round < (context.quick ? 1 : ROUNDS); round++) {
    for (const side of sides) {
      side.results.push(
        await context.client.run('runLoad', {
          port: side.stele.port,
          headers: side.headers,
          path: methods.Set.path,
          requests: setRequests(side.seed++),
          connections: Math.min(clients, 8),
          inFlight: clients,
          seconds: context.seconds,
          warmupSeconds: context.seconds / 4,
          client: context.clientKind,
        }),
      );
    }
  }
}

/** What a call costs whose event is never written: a look at its name. */
async function excluded(context) {
  const { EventSelection } = await import('../../../dist/src/audit/selection.js');
  const { callEventKinds } = await import('../../../dist/src/rpc/index.js');
  const selection = new EventSelection({ preset: 'admin', filter: undefined }, callEventKinds());
  const count = 5_000_000;
  let selected = 0;
  for (let i = 0; i < 200_000; i++) if (selection.of('kv.get') !== 'never') selected++;
  const begin = performance.now();
  for (let i = 0; i < count; i++) if (selection.of('kv.set') !== 'never') selected++;
  const ns = ((performance.now() - begin) * 1e6) / count;
  if (selected > 0) throw new Error('the event is not excluded');
  context.add({
    figure: 'an event that is never written',
    value: ns,
    unit: 'ns',
    wanted: atMost(EXCLUDED_NS_MAX, `<= ${EXCLUDED_NS_MAX} ns`),
  });
}

/** Reads a stream and checks every line of it, as `stele audit verify --chain-only` does. */
async function verified(context) {
  const { lineFormat, verifyAudit } = await import('../../../dist/src/audit/index.js');
  const dir = context.folder('verify');
  const file = path.join(dir, 'audit.json');
  writeStream(file, lineFormat('native', { productVersion: '' }), VERIFIED_LINES);
  const reports = [];
  for (let round = 0; round < (context.quick ? 1 : ROUNDS); round++) {
    reports.push(await verifyAudit({ path: file }));
  }
  if (reports.some(({ ok, lines }) => !ok || lines !== VERIFIED_LINES))
    throw new Error('not sound');
  const perSecond = Math.max(...reports.map(({ lines, elapsedMs }) => (1000 * lines) / elapsedMs));
  context.remove(dir);
  context.add({
    figure: 'verify, one core',
    value: perSecond,
    unit: 'lines/s',
    wanted: atLeast(VERIFIED_PER_SECOND_MIN, `>= ${VERIFIED_PER_SECOND_MIN}`),
  });
}

function writeStream(file, format, count) {
  const event_data = {
    auth: 'token',
    client: 'bench',
    conn: '0197e0a3-0000-7b02-9a77-0c1d2e3f4a5b',
  };
  Object.assign(event_data, {
    db: 'defaultdb',
    duration_us: 412,
    key_count: 1,
    outcome: 'success',
  });
  Object.assign(event_data, {
    keys: ['h:7c0f9f2d8a2d4f6ab8c1e2f3a4b5c6d7'],
    rpc: 'Set',
    status: 'OK',
  });
  let prev = '0'.repeat(64);
  const lines = [];
  for (let seq = 1; seq <= count; seq++) {
    const event = {
      ...{ event_time: '2026-11-22T22:31:26.123Z', event_name: 'kv.set', username: 'alice' },
      ...{ resource: 'db:defaultdb', event_source: 'stele:bench', source_ip_address: '10.1.2.3' },
      event_id: '0197e0a3-11aa-7c44-8f5e-6a1f2b3c4d5e',
      request_id: '0197e0a3-11a9-7b02-9a77-0c1d2e3f4a5b',
      ...{ read_only: false, event_data: { ...event_data, tx_id: seq, v: 1 } },
    };
    const line = format.prepare(event).at({ seq, prev });
    prev = createHash('sha256').update(line).digest('hex');
    lines.push(`${line}\n`);
  }
  writeFileSync(file, lines.join(''));
}
