import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CallError, GrpcClient } from '../support/grpc-client.js';
import { freePort } from '../support/server-process.js';
import { FaultLibrary, type FaultPlan, type FaultReport } from './fault-library.js';
import type { Journal } from './journal.js';
import { Bench, type Report, type SuiteOptions, timesText } from './suite.js';

const NTH_MAX = 50;
const WATCHDOG_MS = 2000;
/** From the fault, or from the watchdog's finding it, to the end of the process. */
const EXIT_MS_MAX = 10_000;
const EXIT_STORAGE = 74;
const CASE_TIMEOUT_MS = 60_000;
const POLL_MS = 5;
/** From a failed call to that the server knows. */
const KNOWN_MS_MAX = 200;
/** Calls of an opening that fail in turn. */
const OPENING_NTH_MAX = 6;

type Case = Required<Pick<FaultPlan, 'calls' | 'nth' | 'mode' | 'onward' | 'match'>>;

/** Numbers from 1 to `last`, close together at first. */
function spread(count: number, last: number): number[] {
  const step = (i: number) =>
    Math.round((last - count) * (i / Math.max(1, count - 1)) ** 2) + i + 1;
  return Array.from({ length: count }, (_, i) => step(i));
}

/** The calls of each kind, and of which files, with how they fail in turn. */
const KINDS = [
  { calls: 'sync', match: '', share: 1, modes: ['eio', 'eio', 'hang', 'eio'] },
  { calls: 'write', match: '', share: 1, modes: ['eio', 'torn', 'enospc', 'hang', 'torn', 'eio'] },
  { calls: 'durable', match: 'data.mdb', share: 0.25, modes: ['eio', 'torn', 'hang'] },
  { calls: 'sync', match: '/states/', share: 0.25, modes: ['eio', 'hang', 'eio'] },
] as const;

function casesOf(count: number): Case[] {
  return KINDS.flatMap(({ calls, match, share, modes }) => {
    const times = Math.ceil(count * share);
    // The acknowledged state is written twice a second.
    const last = match === '/states/' ? times : NTH_MAX;
    return spread(times, last).map((nth, i) => {
      const mode = modes[i % modes.length] as Case['mode'];
      return { calls, match, nth, mode, onward: i % 2 === 1 };
    });
  });
}

/** Asks for the health of a server all the time. */
class HealthWatch {
  /** `performance.now()` when a call was sent that was answered with "healthy". */
  lastHealthy = 0;
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(port: number) {
    this.#done = this.#run(port);
  }

  async #run(port: number): Promise<void> {
    using client = new GrpcClient(port);
    while (!this.#stopped) {
      const sentAt = performance.now();
      try {
        const { status } = await client.call('Health', {}, { timeoutMs: 1000 });
        if (status) this.lastHealthy = sentAt;
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
      }
      await delay(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }
}

/** Makes the Nth sync or write of a server under load fail or hang, for N up to 50. */
export async function diskFaults(
  report: Report,
  options: SuiteOptions,
  count: number,
): Promise<void> {
  await using bench = await Bench.make(options, ['--commit-watchdog', `${WATCHDOG_MS}ms`]);
  const library = FaultLibrary.build(bench.folder);
  const endedMs: number[] = [];
  for (const one of casesOf(count)) {
    const files = one.match === '' ? '' : ` of ${one.match}`;
    const often = one.onward ? ' from there on' : '';
    const name = `${one.calls} ${one.nth}${files}: ${one.mode}${often}`;
    const ok = await report.test(name, CASE_TIMEOUT_MS, async () => {
      await bench.start({ env: library.environment({ dir: bench.dir, ...one }) });
      await bench.check();
      const { fault, healthyAt } = await runIntoFault(bench, library);
      const exit = await checkEnd(bench, one, fault);
      if (one.mode !== 'hang') endedMs.push(exit.ms);
      const acknowledged = checkAnswers(bench.journal, one, fault, healthyAt);
      const pages = library.losePower(bench.random, bench.random.chance(50));
      return (
        `${fault.call} of ${fault.path.slice(bench.dir.length + 1)}, ${exit.text}, ` +
        `${acknowledged} acknowledged before, ${pages} pages taken back`
      );
    });
    if (!ok) return bench.fail();
  }
  const ok = await report.test('after all faults', CASE_TIMEOUT_MS, async () => {
    await bench.start();
    const { txId } = await bench.check(true);
    await bench.stop();
    return `${txId} transactions, ${bench.journal.acknowledgedTotal} acknowledged, none lost`;
  });
  if (!ok) return bench.fail();
  console.log(`        from a failed call to the end of the process: ${timesText(endedMs)}`);
}

async function runIntoFault(
  bench: Bench,
  library: FaultLibrary,
): Promise<{ fault: FaultReport; healthyAt: number }> {
  await using load = await bench.load({ persistent: true, bulkEntries: 600 });
  const health = new HealthWatch(bench.port);
  try {
    await load.atWork();
    library.openGate();
    const { exited } = bench.server;
    while (library.report() === undefined) {
      const ended = await Promise.race([exited, delay(POLL_MS)]);
      assert.ok(ended === undefined || library.report(), 'the server ended before the fault');
    }
    await bench.server.ended(WATCHDOG_MS + EXIT_MS_MAX);
  } finally {
    await health.stop();
  }
  const fault = library.report();
  assert.ok(fault);
  return { fault, healthyAt: health.lastHealthy };
}

async function checkEnd(
  bench: Bench,
  { mode }: Case,
  fault: FaultReport,
): Promise<{ ms: number; text: string }> {
  const { code, signal, at } = await bench.server.exited;
  const { log } = bench.server;
  const ms = at - fault.at;
  const how = signal === null ? `exit code ${code}` : `ended by ${signal}`;
  const killedItself = mode === 'hang' && signal === 'SIGKILL' && log.includes('hangs');
  assert.ok(code === EXIT_STORAGE || killedItself || crashedInLmdb(signal, log), how);
  assert.ok(ms < EXIT_MS_MAX + (mode === 'hang' ? WATCHDOG_MS : 0), `${how} after ${ms} ms`);
  return { ms, text: `${how} after ${ms.toFixed(0)} ms` };
}

/**
 * The lmdb package 3.5.6 tells of a failed write in a text longer than the 100 bytes that it has for it,
 * and the C library may notice before we do.
 */
export function crashedInLmdb(signal: string | null, log: string): boolean {
  return signal === 'SIGABRT' && log.includes('Write error');
}

/**
 * No commit can follow one that failed. Of any other file nobody knows before the call comes back, or the
 * watchdog gives it up.
 *
 * @returns how many writes were acknowledged since the last check
 */
function checkAnswers(
  journal: Journal,
  { mode }: Case,
  fault: FaultReport,
  healthyAt: number,
): number {
  const { acknowledged, refusals } = journal;
  const isCommit = fault.path.endsWith('data.mdb');
  const knownAfterMs = isCommit ? 0 : KNOWN_MS_MAX + (mode === 'hang' ? WATCHDOG_MS : 0);
  for (const [txId, { write }] of acknowledged) {
    assert.ok(
      write.sentAt < fault.at + knownAfterMs,
      `a ${write.method} that was sent after the fault became transaction ${txId}`,
    );
  }
  const known = refusals.find(({ at }) => at > fault.at)?.at ?? Number.POSITIVE_INFINITY;
  assert.ok(healthyAt < known, 'the server called itself healthy after it refused a write');
  refusals.length = 0;
  return acknowledged.size;
}

/**
 * Faults while a server makes and opens its files for the first time. It must not come up, and the directory
 * must be usable afterwards.
 */
export async function openingFaults(report: Report, options: SuiteOptions): Promise<void> {
  for (const calls of ['sync', 'write'] as const) {
    for (let nth = 1; nth <= OPENING_NTH_MAX; nth++) {
      await using bench = await Bench.make({ ...options, seed: options.seed + nth });
      const library = FaultLibrary.build(bench.folder);
      const mode = calls === 'write' && nth > 2 ? 'torn' : 'eio';
      const plan: FaultPlan = { dir: bench.dir, calls, nth, mode, fromStart: true };
      const ok = await report.test(`first opening, ${calls} ${nth}: ${mode}`, CASE_TIMEOUT_MS, () =>
        openIntoFault(bench, library, plan),
      );
      if (!ok) bench.fail();
    }
  }
}

async function openIntoFault(
  bench: Bench,
  library: FaultLibrary,
  plan: FaultPlan,
): Promise<string> {
  const server = bench.spawn({ env: library.environment(plan) });
  const { code, signal } = await server.ended(EXIT_MS_MAX);
  const fault = library.report();
  assert.ok(fault, `no fault happened: exit code ${code}: ${server.log}`);
  const file = fault.path.slice(bench.dir.length + 1);
  const how = `${fault.call} of ${file || 'the directory'}, ${signal ?? `exit code ${code}`}`;
  // The lmdb package 3.5.6 crashes when it cannot make a file.
  const crash = signal === 'SIGSEGV' && fault.call === 'pwrite' && file === 'systemdb.new/data.mdb';
  assert.ok(code === EXIT_STORAGE || crash, `${how}: ${server.log}`);
  library.losePower(bench.random, bench.random.chance(50));
  await bench.start();
  using client = new GrpcClient(bench.port);
  await client.login();
  const key = Buffer.from('key');
  await client.call('Set', { KVs: [{ key, value: key }] });
  assert.deepEqual(Buffer.from((await client.call('Get', { key })).value), key);
  return `${how}, then usable`;
}

/** Heads and ends of a file of LMDB that would end the process if they got to the package. */
const DAMAGES: Readonly<Record<string, (good: Buffer) => Buffer>> = {
  'a head of garbage': (good) => Buffer.concat([Buffer.alloc(8192, 7), good.subarray(8192)]),
  'nothing but zeros': (good) => Buffer.alloc(good.length),
  'cut off in its head': (good) => good.subarray(0, 5000),
  'cut off after its head': (good) => good.subarray(0, 9000),
  'a hole in the middle': (good) => Buffer.from(good).fill(0, 8192, good.length - 8192),
};

/** One damaged database stops neither the server nor the others. */
export async function damagedFiles(report: Report, options: SuiteOptions): Promise<void> {
  const metricsPort = await freePort();
  const metrics = ['--metrics-server=true', `--metrics-server-port=${metricsPort}`];
  await using bench = await Bench.make(options, metrics);
  await bench.start();
  using client = new GrpcClient(bench.port);
  await client.login();
  await client.call('CreateDatabaseV2', { name: 'other' });
  const key = Buffer.from('key');
  const KVs = [{ key, value: key }];
  await client.call('Set', { KVs });
  await client.useDatabase('other');
  await client.call('Set', { KVs });
  await bench.stop();
  const folder = readdirSync(path.join(bench.dir, 'databases')).find((name) =>
    name.startsWith('defaultdb.'),
  );
  const file = path.join(bench.dir, 'databases', folder ?? '', 'data.mdb');
  const good = readFileSync(file);
  for (const [name, damage] of Object.entries(DAMAGES)) {
    const ok = await report.test(`a database with ${name}`, CASE_TIMEOUT_MS, async () => {
      writeFileSync(file, damage(good));
      await bench.start();
      await client.login();
      await assert.rejects(client.call('Get', { key }), CallError);
      await assert.rejects(client.call('Set', { KVs }), CallError);
      const ready = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
      assert.equal(ready.status, 503);
      assert.match(await ready.text(), /^defaultdb: /m);
      const { databases } = await client.call('DatabaseListV2', {});
      const names = databases.map((database) => database.name);
      assert.deepEqual(names.sort(), ['defaultdb', 'other']);
      await client.useDatabase('other');
      await client.call('Set', { KVs });
      assert.deepEqual(Buffer.from((await client.call('Get', { key })).value), key);
      await bench.stop();
      return 'is refused, the others and the list work, /readyz names it';
    });
    if (!ok) return bench.fail();
  }
}
