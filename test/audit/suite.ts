import assert from 'node:assert/strict';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SmallDisk } from '../fault/full-disk.js';
import { Bench, type Report, type SuiteOptions } from '../fault/suite.js';
import { CallError, GrpcClient } from '../support/grpc-client.js';
import { auditedTxs, readStream } from './stream-reader.js';

const ROUND_TIMEOUT_MS = 60_000;
const LOAD_MS_MAX = 800;
const MIB = 1 << 20;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;
const CANCELLED = 1;
const INTERNAL = 13;
const EXIT_STORAGE = 74;
const POLL_MS = 20;
const WAIT_MS_MAX = 10_000;

/** Kills with SIGKILL under load, on one data directory. */
export async function killUnderLoad(
  report: Report,
  options: SuiteOptions,
  rounds: number,
): Promise<void> {
  await using bench = await Bench.make(options, ['--audit=true', '--audit-rotate-size=1MiB']);
  const folder = path.join(bench.dir, 'audit');
  for (let round = 1; round <= rounds; round++) {
    const ok = await report.test(`audit, kill -9, round ${round}`, ROUND_TIMEOUT_MS, async () => {
      if (round === 1) await bench.start();
      const acknowledged = await killed(bench);
      const before = auditedTxs(readStream(folder).events, 'defaultdb');
      for (const id of acknowledged) {
        assert.equal(before.get(id), 1, `acknowledged transaction ${id} has no line of its own`);
      }
      await bench.start();
      const { txId } = await bench.check();
      const { events, broken } = readStream(folder);
      assert.deepEqual(broken, []);
      const after = auditedTxs(events, 'defaultdb');
      for (let id = 1; id <= txId; id++) {
        const told = events.filter(({ event_data: data }) => data.tx_id === id);
        assert.equal(after.get(id), 1, `transaction ${id}: ${JSON.stringify(told)}`);
      }
      const count = (name: string) => events.filter((event) => event.event_name === name).length;
      assert.equal(count('tamper.detected'), 0);
      return (
        `${acknowledged.length} acknowledged, each with its line; ${events.length} lines, ` +
        `${count('tx.recovered')} transactions recovered so far`
      );
    });
    if (!ok) return bench.fail();
  }
}

const LANES = 8;
const CALLS_MIN = 200;

/** The same for calls of every kind, each with a request id of its own. */
export async function killCalls(
  report: Report,
  options: SuiteOptions,
  rounds: number,
): Promise<void> {
  await using bench = await Bench.make(options, ['--audit-events=all', '--audit-reserve=0B']);
  const folder = path.join(bench.dir, 'audit');
  for (let round = 1; round <= rounds; round++) {
    const name = `audit, kill -9 among calls of every kind, round ${round}`;
    const ok = await report.test(name, ROUND_TIMEOUT_MS, async () => {
      await bench.start();
      const acknowledged = await killedCalls(bench, round);
      await bench.start();
      const { events, broken } = readStream(folder);
      assert.deepEqual(broken, []);
      const lines = new Map<string, number>();
      for (const { request_id: id } of events) lines.set(id, (lines.get(id) ?? 0) + 1);
      for (const id of acknowledged) assert.equal(lines.get(id), 1, `call ${id}`);
      await bench.stop();
      return `${acknowledged.length} acknowledged, each with one line`;
    });
    if (!ok) return bench.fail();
  }
}

async function killedCalls(bench: Bench, round: number): Promise<string[]> {
  const acknowledged: string[] = [];
  const clients = Array.from({ length: LANES }, () => new GrpcClient(bench.port));
  const lanes = clients.map(async (client, lane) => {
    await client.login();
    for (let at = 0; ; at++) {
      const id = `${round}/${lane}/${at}`;
      const options = { headers: { 'x-request-id': id } };
      const key = Buffer.from(`${lane}/${at}`);
      const calls = [
        () => client.call('Set', { KVs: [{ key, value: key }] }, options),
        () => client.call('Get', { key: Buffer.from(`${lane}/${at - 1}`) }, options),
        () => client.call('Get', { key: Buffer.from('missing') }, options),
        () => client.call('Scan', { limit: 2 }, options),
        () => client.call('Count', { prefix: key }, { ...options, anonymous: true }),
      ];
      try {
        await calls[at % calls.length]?.();
      } catch (error) {
        // Refusals are answers; a connection that breaks is none.
        const code = error instanceof CallError ? error.code : UNAVAILABLE;
        if (code === UNAVAILABLE || code === CANCELLED || code === INTERNAL) return;
      }
      acknowledged.push(id);
    }
  });
  const ended = Promise.allSettled(lanes);
  await until(() => acknowledged.length >= CALLS_MIN);
  await delay(bench.random.below(LOAD_MS_MAX));
  await bench.server.kill();
  await ended;
  for (const client of clients) client.close();
  return acknowledged;
}

async function killed(bench: Bench): Promise<number[]> {
  await using load = await bench.load();
  await load.atWork();
  await delay(bench.random.below(LOAD_MS_MAX));
  await bench.server.kill();
  await load.ended();
  return [...bench.journal.acknowledged.keys()];
}

/** Fills the disk of the stream, which is not that of the data, through all its stages. */
export async function fullDisk(report: Report, options: SuiteOptions): Promise<void> {
  for (const policy of ['reject', 'read_only', 'ignore', 'shutdown'] as const) {
    let disk: SmallDisk;
    try {
      disk = SmallDisk.mount();
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
      return report.skipped('a full disk of the stream', `nothing can be mounted here: ${reason}`);
    }
    using mounted = disk;
    const flags = [
      ...['--audit-path', path.join(mounted.folder, 'audit', 'audit.json')],
      ...['--audit-events=all', '--audit-reserve=4MiB', `--audit-on-failure=${policy}`],
    ];
    await using bench = await Bench.make(options, flags);
    const ok = await report.test(`a full disk of the stream, ${policy}`, ROUND_TIMEOUT_MS, () =>
      throughStages(bench, mounted, policy),
    );
    if (!ok) bench.fail();
  }
}

async function throughStages(bench: Bench, disk: SmallDisk, policy: string): Promise<string> {
  const folder = path.join(disk.folder, 'audit');
  await bench.start();
  using client = new GrpcClient(bench.port);
  await client.login();
  const names = () => readStream(folder).events.map(({ event_name: name }) => name);
  await until(() => disk.free < 253 * MIB);
  disk.fillTo(20 * MIB);
  await until(() => names().includes('audit.space_low'));
  await set(client, 'stage 1');
  disk.fillTo(9 * MIB);
  assert.equal(await refusal(client, RESOURCE_EXHAUSTED), RESOURCE_EXHAUSTED, 'stage 2');
  await client.call('Get', { key: Buffer.from('stage 1') });
  disk.fillTo(8192);
  let answered = 0;
  let code: number | undefined;
  for (let i = 0; i < 200 && code === undefined && !names().includes('audit.suspended'); i++) {
    code = await client.call('Get', { key: Buffer.from('stage 1') }).then(
      () => void answered++,
      (error: unknown) => (error instanceof CallError ? error.code : -1),
    );
  }
  assert.ok(names().includes('audit.suspended'), 'the full disk was not reported');
  if (policy === 'shutdown') {
    const { code: exit } = await bench.server.ended(WAIT_MS_MAX);
    assert.equal(exit, EXIT_STORAGE);
    return `exit code ${exit}, ${answered} reads before`;
  }
  await checkPolicy(client, policy);
  disk.clear();
  await until(() => names().includes('audit.resumed'));
  await set(client, 'back');
  const { events, broken } = readStream(folder);
  assert.deepEqual(broken, []);
  assert.equal(names().includes('audit.gap'), policy !== 'reject');
  const gets = events.filter(({ event_name: name }) => name === 'kv.get').length;
  assert.ok(gets >= answered, `${gets} events for ${answered} reads`);
  await bench.stop();
  return `${answered} reads served before it, ${events.length} lines in one chain`;
}

async function checkPolicy(client: GrpcClient, policy: string): Promise<void> {
  const read = await client.call('Get', { key: Buffer.from('stage 1') }).then(
    () => 0,
    (error: unknown) => (error instanceof CallError ? error.code : -1),
  );
  assert.equal(read, policy === 'reject' ? UNAVAILABLE : 0);
  const wanted = policy === 'ignore' ? RESOURCE_EXHAUSTED : UNAVAILABLE;
  assert.equal(await refusal(client, wanted), wanted);
}

async function set(client: GrpcClient, key: string): Promise<void> {
  const begin = performance.now();
  for (;;) {
    try {
      await client.call('Set', { KVs: [{ key: Buffer.from(key), value: Buffer.from('v') }] });
      return;
    } catch (error) {
      if (performance.now() - begin > WAIT_MS_MAX) throw error;
      await delay(POLL_MS);
    }
  }
}

/** @returns the status with which a write is refused, in time that of `wanted` */
async function refusal(client: GrpcClient, wanted: number): Promise<number> {
  const begin = performance.now();
  let code = 0;
  while (code !== wanted && performance.now() - begin < WAIT_MS_MAX) {
    code = await client
      .call('Set', { KVs: [{ key: Buffer.from('x'), value: Buffer.from('v') }] })
      .then(
        () => 0,
        (error: unknown) => (error instanceof CallError ? error.code : -1),
      );
    await delay(POLL_MS);
  }
  return code;
}

async function until(condition: () => boolean): Promise<void> {
  const begin = performance.now();
  while (!condition()) {
    assert.ok(performance.now() - begin < WAIT_MS_MAX, 'it does not happen');
    await delay(POLL_MS);
  }
}
