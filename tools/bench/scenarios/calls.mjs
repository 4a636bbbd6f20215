import { methods, pb } from '../../../dist/src/wire/index.js';
import { baseline } from '../processes.mjs';
import { atLeast, atMost, shareOf } from '../report.mjs';
import { templateOf } from '../requests.mjs';
import { call, connectGrpc } from '../transport.mjs';
import { compare } from './compare.mjs';
import { fill, setRequests, VALUE, VALUE_BYTES } from './data.mjs';

const CLIENTS = 30;
const PAGE = 100;
const SCAN_PAGE = 1000;
const READ_SEED = 1;
/** Bytes of the log record of a transaction with one such entry. */
const RECORD_BYTES = 372;

/** Keys to read, each written by a transaction of its own. */
function keysOf(context) {
  return context.quick ? 2000 : 20_000;
}

const clients = (count) => ({ connections: count, inFlight: count });

/** One server for all single calls. */
export async function withCallServer(context, scenarios) {
  await context.withServer('calls', async (stele) => {
    const headers = await stele.login();
    await fill(context, stele, headers, READ_SEED, keysOf(context), 1);
    for (const [name, run] of scenarios) {
      context.begin(name);
      await run(context, stele, headers);
    }
  });
}

export async function set(context, stele, headers) {
  const dir = context.folder('lmdb');
  const lmdb = await baseline('lmdb', dir, context.seconds / 2, RECORD_BYTES, CLIENTS, 1);
  context.remove(dir);
  const { perSecond, latencyMs, echo, details } = await compare(context, stele, {
    method: 'Set',
    headers,
    requests: setRequests(100),
    ...clients(CLIENTS),
    isRight: (answer) => pb.decodeTxHeader(answer).nentries === 1,
  });
  const raw = { what: `LMDB, ${CLIENTS} a commit`, value: lmdb.perSecond };
  const limit = echo.value < raw.value ? echo : raw;
  context.add({
    figure: `Set, durable, ${CLIENTS} clients`,
    value: perSecond,
    unit: '/s',
    latencyMs,
    limit,
    wanted: shareOf(limit, 0.6),
    details: { ...details, echoPerSecond: echo.value, lmdbPerSecond: lmdb.perSecond },
  });
}

export async function setOne(context, stele, headers) {
  const dir = context.folder('sync');
  const seconds = Math.min(1, context.seconds / 2);
  const syncBefore = await baseline('sync', dir, seconds);
  const lmdb = await baseline('lmdb', dir, seconds, RECORD_BYTES, 1, 1);
  const { perSecond, latencyMs, details } = await compare(context, stele, {
    method: 'Set',
    headers,
    requests: setRequests(200),
    ...clients(1),
    isRight: (answer) => pb.decodeTxHeader(answer).nentries === 1,
  });
  const syncAfter = await baseline('sync', dir, seconds);
  context.remove(dir);
  const sync = (syncBefore.latencyMs.p50 + syncAfter.latencyMs.p50) / 2;
  context.add({
    figure: 'Set, durable, 1 client: p50',
    value: latencyMs.p50,
    unit: 'ms',
    latencyMs,
    limit: { what: 'raw LMDB commit', value: lmdb.latencyMs.p50 },
    wanted: atMost(2 * sync + 1, `<= 2 syncs of ${sync.toFixed(2)} + 1 ms`),
    details: { ...details, perSecond, syncMs: [syncBefore.latencyMs, syncAfter.latencyMs] },
  });
}

function reads(context, encode, keys = 1) {
  return templateOf(encode, keys, { seed: READ_SEED, order: 'random', count: keysOf(context) });
}

async function share(context, stele, figure, wantedShare, load) {
  const { perSecond, latencyMs, echo, details } = await compare(context, stele, {
    ...clients(CLIENTS),
    ...load,
  });
  const wanted = shareOf(echo, wantedShare);
  context.add({ figure, value: perSecond, unit: '/s', latencyMs, limit: echo, wanted, details });
}

export function get(context, stele, headers) {
  return share(context, stele, `Get, ${CLIENTS} clients`, 0.8, {
    method: 'Get',
    headers,
    requests: reads(context, ([key]) => pb.encodeKeyRequest({ key })),
    isRight: (answer) => VALUE.equals(pb.decodeEntry(answer).value),
  });
}

/** The client's state is the newest one, the entries are of any age. */
export async function verifiableGet(context, stele, headers) {
  const proveSinceTx = await newestTx(stele, headers);
  await share(context, stele, `VerifiableGet, ${CLIENTS} clients`, 0.4, {
    method: 'VerifiableGet',
    headers,
    requests: reads(context, ([key]) =>
      pb.encodeVerifiableGetRequest({ keyRequest: { key }, proveSinceTx }),
    ),
    isRight: (answer) => {
      const { entry, verifiableTx } = pb.decodeVerifiableEntry(answer);
      return VALUE.equals(entry.value) && verifiableTx.dualProof !== undefined;
    },
  });
}

async function newestTx(stele, headers) {
  const connection = connectGrpc(stele.port, headers);
  try {
    const answer = await call(connection, methods.CurrentState.path, Buffer.alloc(0));
    return pb.decodeImmutableState(answer).txId;
  } finally {
    connection.close();
  }
}

/** Each write proves that it continues the newest transaction that this client has seen. */
export function verifiableSet(context, stele, headers) {
  return share(context, stele, `VerifiableSet, ${CLIENTS} clients`, 0.4, {
    method: 'VerifiableSet',
    headers,
    requests: {
      ...templateOf(
        ([key]) => pb.encodeVerifiableSetRequest({ setRequest: { KVs: [{ key, value: VALUE }] } }),
        1,
        { seed: 300, order: 'next', count: 0 },
      ),
      since: true,
    },
    isRight: (answer) => pb.decodeVerifiableTx(answer).dualProof !== undefined,
  });
}

async function pages(context, stele, figure, wanted, load) {
  const { perSecond, latencyMs, echo, details } = await compare(context, stele, {
    connections: 4,
    inFlight: 8,
    ...load,
  });
  context.add({
    figure,
    value: perSecond,
    unit: '/s',
    latencyMs,
    limit: echo,
    wanted: atLeast(wanted),
    details,
  });
}

const holds = (count) => (answer) => {
  const { entries } = pb.decodeEntries(answer);
  return entries.length === count && entries.every(({ value }) => value.length === VALUE_BYTES);
};

export function getAll(context, stele, headers) {
  return pages(context, stele, `GetAll of ${PAGE} keys`, 2000, {
    method: 'GetAll',
    headers,
    requests: reads(context, (keys) => pb.encodeKeyListRequest({ keys }), PAGE),
    isRight: holds(PAGE),
  });
}

export async function history(context, stele, headers) {
  const key = Buffer.from('a key with versions');
  await context.client.run('runLoad', {
    port: stele.port,
    headers,
    path: methods.Set.path,
    requests: { bodies: [pb.encodeSetRequest({ KVs: [{ key, value: VALUE }] })] },
    connections: 1,
    inFlight: 50,
    calls: 2 * PAGE,
    client: context.clientKind,
  });
  await pages(context, stele, `History page of ${PAGE}`, 2000, {
    method: 'History',
    headers,
    requests: { bodies: [pb.encodeHistoryRequest({ key, limit: PAGE })] },
    isRight: holds(PAGE),
  });
}

export function scan(context, stele, headers) {
  return pages(context, stele, `Scan of ${SCAN_PAGE} entries`, 300, {
    method: 'Scan',
    headers,
    requests: { bodies: [pb.encodeScanRequest({ limit: SCAN_PAGE })] },
    isRight: holds(SCAN_PAGE),
  });
}
