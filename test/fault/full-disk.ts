import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CallError, GrpcClient } from '../support/grpc-client.js';
import { freePort } from '../support/server-process.js';
import { crashedInLmdb } from './disk-faults.js';
import { FaultLibrary } from './fault-library.js';
import { expectedValue } from './load.js';
import { Bench, type Report, type SuiteOptions } from './suite.js';

const MIB = 1 << 20;
const DISK_MIB = 256;
const RESERVE_MIB = 32;
const RESOURCE_EXHAUSTED = 8;
const EXIT_STORAGE = 74;
const CASE_TIMEOUT_MS = 90_000;
const FILL_MS_MAX = 30_000;
const POLL_MS = 20;
/** It tells the truth within a second of what changes it. */
const READINESS_MS_MAX = 1000;

/** A small file system of its own, which a test may fill up. */
export class SmallDisk implements Disposable {
  readonly folder: string;
  readonly #ballast: string;
  readonly #atExit = () => this.#unmount();

  private constructor(folder: string) {
    this.folder = folder;
    this.#ballast = path.join(folder, 'ballast');
    process.once('exit', this.#atExit);
  }

  /** @throws when it may not be mounted */
  static mount(): SmallDisk {
    const folder = mkdtempSync(path.join(tmpdir(), 'stele-disk-'));
    try {
      const size = `size=${DISK_MIB}m`;
      execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', folder], { stdio: 'pipe' });
    } catch (error) {
      rmdirSync(folder);
      throw error;
    }
    return new SmallDisk(folder);
  }

  get free(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Takes space until only this much is free. */
  fillTo(freeBytes: number): void {
    const fd = openSync(this.#ballast, 'a');
    try {
      while (this.free > freeBytes) {
        const bytes = Math.max(4096, Math.min(MIB, this.free - freeBytes));
        writeSync(fd, Buffer.alloc(bytes));
      }
    } finally {
      closeSync(fd);
    }
  }

  clear(): void {
    rmSync(this.#ballast, { force: true });
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#atExit);
    this.#unmount();
  }

  #unmount(): void {
    execFileSync('umount', ['-l', this.folder]);
    rmdirSync(this.folder);
  }
}

/** Fills the disk of a server under load, with and without a reserve. */
export async function fullDisk(report: Report, options: SuiteOptions): Promise<void> {
  let disk: SmallDisk;
  try {
    disk = SmallDisk.mount();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    report.skipped('a full disk', `no file system can be mounted here: ${reason}`);
    return;
  }
  using _mounted = disk;
  await withReserve(report, options, disk);
  disk.clear();
  await withoutReserve(report, options, disk);
}

async function withReserve(report: Report, options: SuiteOptions, disk: SmallDisk): Promise<void> {
  const metricsPort = await freePort();
  const flags = ['--disk-reserve', `${RESERVE_MIB}MiB`, '--disk-reserve-percent', '50'];
  flags.push('--metrics-server=true', `--metrics-server-port=${metricsPort}`);
  await using bench = await Bench.make(options, flags, disk.folder);
  let ok = await report.test('a disk filled to the reserve', CASE_TIMEOUT_MS, async () => {
    await bench.start();
    await using load = await bench.load({ persistent: true });
    await load.atWork();
    const took = await fillUp(bench, disk);
    const toldMs = await readiness(metricsPort, 503);
    await checkWhileFull(bench);
    const left = disk.free;
    disk.clear();
    const backMs = await writesComeBack(bench);
    const readyMs = await readiness(metricsPort, 200);
    await load.stop();
    const { txId } = await bench.check(true);
    return (
      `refused after ${took} ms with ${mib(left)} left, not ready ${toldMs} ms after it, ` +
      `writes back after ${backMs.toFixed(0)} ms, ready ${readyMs} ms after it, ${txId} transactions`
    );
  });
  if (!ok) return bench.fail();
  ok = await report.test('kill -9 and start on a full disk', CASE_TIMEOUT_MS, async () => {
    await using load = await bench.load({ persistent: true });
    await load.atWork();
    await fillUp(bench, disk);
    await bench.server.kill();
    await load[Symbol.asyncDispose]();
    disk.fillTo(RESERVE_MIB * MIB - 8 * MIB);
    const ready = await bench.start();
    await checkWhileFull(bench);
    await bench.check();
    disk.clear();
    await writesComeBack(bench);
    await bench.stop();
    return `ready after ${ready.toFixed(0)} ms, everything readable`;
  });
  if (!ok) return bench.fail();
}

/** Fills the disk nearly to the reserve and lets the writers do the rest. @returns milliseconds */
async function fillUp(bench: Bench, disk: SmallDisk): Promise<string> {
  const { refusals } = bench.journal;
  refusals.length = 0;
  disk.fillTo((RESERVE_MIB + 6) * MIB);
  const begin = performance.now();
  const isRefused = () => refusals.some(({ code }) => code === RESOURCE_EXHAUSTED);
  while (!isRefused() && performance.now() - begin < FILL_MS_MAX) {
    assert.equal(bench.server.exit, undefined, 'the server ended');
    await delay(POLL_MS);
  }
  assert.ok(isRefused(), 'no write was refused');
  disk.fillTo(RESERVE_MIB * MIB - 4096);
  return (performance.now() - begin).toFixed(0);
}

/** @returns milliseconds until /readyz answered so */
async function readiness(port: number, status: number): Promise<string> {
  const begin = performance.now();
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    const ms = performance.now() - begin;
    if (answer.status === status) return ms.toFixed(0);
    assert.ok(ms < READINESS_MS_MAX, `/readyz is ${answer.status} after ${ms} ms`);
    await delay(POLL_MS);
  }
}

/** Writes are refused and say why, everything else works. */
async function checkWhileFull(bench: Bench): Promise<void> {
  using client = new GrpcClient(bench.port);
  await client.login();
  await client.openSession();
  const [key, value] = [Buffer.from('full'), Buffer.alloc(10)];
  const writes = [
    () => client.call('Set', { KVs: [{ key, value }] }),
    () => client.call('VerifiableSet', { setRequest: { KVs: [{ key, value }] } }),
    () => client.call('CreateDatabaseV2', { name: 'another' }),
    () => client.write('streamSet', [{ content: Buffer.concat([frame(key), frame(value)]) }]),
  ];
  for (const write of writes) await assert.rejects(write(), namesTheSetting);
  const { status } = await client.call('Health', {});
  assert.ok(status, 'the server says that it is not healthy');
  const { txId } = await client.call('CurrentState', {});
  const tx = await client.call('VerifiableTxById', { tx: txId, proveSinceTx: 1 });
  assert.equal(tx.tx?.header?.id, txId);
  await client.call('Scan', { limit: 10 });
}

function frame(bytes: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([length, bytes]);
}

function namesTheSetting(error: unknown): boolean {
  assert.ok(error instanceof CallError, String(error));
  assert.equal(error.code, RESOURCE_EXHAUSTED, error.message);
  assert.match(error.details, /disk-reserve/);
  return true;
}

/** @returns milliseconds until a write was acknowledged */
async function writesComeBack(bench: Bench): Promise<number> {
  const { journal } = bench;
  const begin = performance.now();
  using client = new GrpcClient(bench.port);
  await client.login();
  const [key, value] = [Buffer.from(`back/${begin}`), Buffer.alloc(10)];
  for (;;) {
    try {
      await journal.perform(
        'Set',
        () => [expectedValue(key, value)],
        () => client.call('Set', { KVs: [{ key, value }] }),
      );
      return performance.now() - begin;
    } catch (error) {
      namesTheSetting(error);
      assert.ok(performance.now() - begin < 5000, 'writes do not come back');
      await delay(POLL_MS);
    }
  }
}

/** The space goes between the server's look at it and its write: the kernel says no. */
async function withoutReserve(
  report: Report,
  options: SuiteOptions,
  disk: SmallDisk,
): Promise<void> {
  await using bench = await Bench.make(options, [], disk.folder);
  const ok = await report.test('a disk that is full for the kernel', CASE_TIMEOUT_MS, async () => {
    const library = FaultLibrary.build(bench.folder);
    await bench.start({ env: library.environment({ dir: bench.dir, plenty: true }) });
    await using load = await bench.load({ persistent: true });
    await load.atWork();
    disk.fillTo(2 * MIB);
    const { code, signal } = await bench.server.ended(FILL_MS_MAX);
    await load[Symbol.asyncDispose]();
    const how = signal === null ? `exit code ${code}` : `ended by ${signal}`;
    const { log } = bench.server;
    assert.ok(code === EXIT_STORAGE || crashedInLmdb(signal, log), `${how}: ${log}`);
    const acknowledged = bench.journal.acknowledged.size;
    const { free } = disk;
    disk.clear();
    await bench.start();
    const { extra } = await bench.check(true);
    await bench.stop();
    return `${how} with ${mib(free)} left, ${acknowledged} acknowledged, ${extra} more found`;
  });
  if (!ok) return bench.fail();
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}
