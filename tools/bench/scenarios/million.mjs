import { methods, pb } from '../../../dist/src/wire/index.js';
import { diskBytes, watchMemory } from '../proc.mjs';
import { baseline } from '../processes.mjs';
import { atLeast, atMost } from '../report.mjs';
import { templateOf } from '../requests.mjs';
import { oneCall } from './compare.mjs';
import { setRequests, VALUE } from './data.mjs';
import { pageTimes } from './depth.mjs';

const PER_TX = 1000;
const IN_FLIGHT = 4;
const SEED = 7;
const WANTED_PER_SECOND = 60_000;
const MB = 1e6;
const MEMORY_WANTED = 250;
/** Bytes of the log record of a transaction of `PER_TX` entries. */
const RECORD_BYTES = 208_200;

/** Bulk writes up to a million entries, and what such a database is like. */
export async function million(context) {
  const transactions = context.quick ? 40 : 1000;
  const dir = context.folder('million');
  let stele = await context.startServer(dir);
  try {
    const emptyBytes = diskBytes(dir);
    await load(context, stele, transactions);
    await firstScan(context, stele);
    stele = await restart(context, stele, dir, transactions);
    disk(context, dir, emptyBytes, transactions * PER_TX);
    await serve(context, stele, transactions * PER_TX);
  } finally {
    await stele.stop();
    context.remove(dir);
  }
}

async function load(context, stele, transactions) {
  const requests = setRequests(SEED, PER_TX);
  const headers = await stele.login();
  const limits = await bulkLimits(context, requests);
  const bulk = { requests, connections: IN_FLIGHT, inFlight: IN_FLIGHT };
  const { result, max } = await watchMemory(stele.pid, () =>
    context.client.run('runLoad', {
      ...bulk,
      port: stele.port,
      headers,
      path: methods.Set.path,
      calls: transactions,
      client: context.clientKind,
      windows: true,
    }),
  );
  const window = Math.floor(transactions / 5);
  const rates = ratesOf(result.finishedAtMs, window);
  const details = { ...limits, entriesPerSecondByWindow: rates.map(Math.round) };
  const limit = { what: 'echo', value: limits.echoEntriesPerSecond };
  const all = transactions * PER_TX;
  context.add({
    figure: `Set of 1,000 random keys, first ${(window * PER_TX).toLocaleString('en-US')}`,
    value: rates[0],
    unit: 'entries/s',
    latencyMs: result.latencyMs,
    limit,
    wanted: atLeast(WANTED_PER_SECOND),
    details,
  });
  context.add({
    figure: `the same, last ${(window * PER_TX).toLocaleString('en-US')} of ${all.toLocaleString('en-US')}`,
    value: rates.at(-1),
    unit: 'entries/s',
    limit: { what: 'LMDB, index in the commit', value: limits.lmdbEntriesPerSecond },
    wanted: atLeast(0.7 * WANTED_PER_SECOND, '>= 70 % of 60,000'),
  });
  context.add({
    figure: 'RssAnon during it, most',
    value: max / MB,
    unit: 'MB',
    wanted: atMost(MEMORY_WANTED),
  });
}

/** Entries a second in each run of so many transactions. */
function ratesOf(finishedAtMs, window) {
  const rates = [];
  for (let end = window; end <= finishedAtMs.length; end += window) {
    const from = end === window ? 0 : finishedAtMs[end - window - 1];
    rates.push((1000 * window * PER_TX) / (finishedAtMs[end - 1] - from));
  }
  return rates;
}

async function bulkLimits(context, requests) {
  await context.echo.set('Set', Buffer.alloc(120));
  const echo = await context.client.run('runLoad', {
    requests,
    connections: IN_FLIGHT,
    inFlight: IN_FLIGHT,
    port: context.echo.port,
    headers: {},
    path: methods.Set.path,
    seconds: Math.min(2, context.seconds),
    warmupSeconds: 0.3,
    client: context.clientKind,
  });
  const dir = context.folder('lmdb-bulk');
  const seconds = Math.min(3, context.seconds);
  const lmdb = await baseline('lmdb', dir, seconds, RECORD_BYTES, IN_FLIGHT, PER_TX);
  context.remove(dir);
  return {
    echoEntriesPerSecond: echo.perSecond * PER_TX,
    lmdbEntriesPerSecond: lmdb.keysPerSecond,
  };
}

/** A scan must see what was written before it, so it may have to wait for the index. */
async function firstScan(context, stele) {
  const begin = performance.now();
  const bodies = [pb.encodeScanRequest({ limit: 10 })];
  await oneCall(stele.port, await stele.login(), methods.Scan.path, { bodies });
  const value = (performance.now() - begin) / 1000;
  context.add({ figure: 'first Scan right after the bulk load', value, unit: 's' });
}

/** Killed while it has index changes in memory, then stopped in the ordinary way. */
async function restart(context, stele, dir, transactions) {
  const requests = setRequests(SEED + 1, PER_TX);
  await context.client.run('runLoad', {
    requests,
    connections: IN_FLIGHT,
    inFlight: IN_FLIGHT,
    port: stele.port,
    headers: await stele.login(),
    path: methods.Set.path,
    calls: Math.min(100, transactions),
    client: context.clientKind,
  });
  await stele.kill();
  const killed = await context.startServer(dir);
  const entries = (transactions * PER_TX).toLocaleString('en-US');
  context.add({
    figure: `ready after SIGKILL in a bulk load, ${entries} entries`,
    value: killed.readyMs / 1000,
    unit: 's',
    limit: { what: 'echo', value: context.echo.readyMs / 1000 },
    wanted: atMost(2),
  });
  await killed.stop();
  const stopped = await context.startServer(dir);
  context.add({
    figure: `ready after a stop, ${entries} entries`,
    value: stopped.readyMs / 1000,
    unit: 's',
    limit: { what: 'echo', value: context.echo.readyMs / 1000 },
    wanted: atMost(0.5),
  });
  return stopped;
}

function disk(context, dir, emptyBytes, loaded) {
  const entries = loaded + PER_TX * Math.min(100, loaded / PER_TX);
  context.add({
    figure: `disk for each of ${entries.toLocaleString('en-US')} entries`,
    value: (diskBytes(dir) - emptyBytes) / entries,
    unit: 'bytes',
    wanted: atMost(400),
  });
}

async function serve(context, stele, entries) {
  const headers = await stele.login();
  const run = (method, requests, seconds) =>
    context.client.run('runLoad', {
      requests,
      connections: 8,
      inFlight: 30,
      port: stele.port,
      headers,
      path: methods[method].path,
      seconds,
      client: context.clientKind,
    });
  const { result, max } = await watchMemory(stele.pid, async () => {
    const random = { seed: SEED, order: 'random', count: entries };
    const key = templateOf(([one]) => pb.encodeKeyRequest({ key: one }), 1, random);
    const gets = await run('Get', key, context.seconds);
    await run('Scan', { bodies: [pb.encodeScanRequest({ limit: 1000 })] }, context.seconds / 2);
    const one = pb.encodeVerifiableSetRequest({
      setRequest: { KVs: [{ key: Buffer.from('k'), value: VALUE }] },
    });
    await run('VerifiableSet', { bodies: [one] }, context.seconds / 2);
    return gets;
  });
  context.add({
    figure: `Get of any of ${entries.toLocaleString('en-US')} keys`,
    value: result.perSecond,
    unit: '/s',
    latencyMs: result.latencyMs,
  });
  context.add({
    figure: 'RssAnon while it serves Get, Scan, VerifiableSet, most',
    value: max / MB,
    unit: 'MB',
    wanted: atMost(MEMORY_WANTED),
  });
  await scanDepth(context, stele, headers, entries);
}

/** Keys are spread evenly: the first byte of the seek key tells how deep a page is. */
async function scanDepth(context, stele, headers, entries) {
  const depths = [0, 0.25, 0.5, 0.75, 0.98];
  const bodies = depths.map((depth) =>
    pb.encodeScanRequest({ seekKey: Buffer.from([Math.floor(256 * depth), 0]), limit: 1000 }),
  );
  await pageTimes(context, stele, headers, {
    figure: `Scan pages at depths 0 to 98 % of ${entries.toLocaleString('en-US')} keys`,
    method: 'Scan',
    depths,
    bodies,
    calls: 20,
  });
  const offset = Math.floor(0.9 * entries);
  const begin = performance.now();
  const deep = { bodies: [pb.encodeScanRequest({ offset, limit: 10 })] };
  await oneCall(stele.port, headers, methods.Scan.path, deep);
  const figure = `Scan with offset ${offset.toLocaleString('en-US')} (a seek key is the way)`;
  context.add({ figure, value: performance.now() - begin, unit: 'ms' });
}
