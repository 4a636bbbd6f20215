import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Log, type LogFields, silentLog } from '../../src/base/log.js';
import { rawKeyOf, rawValueOf } from '../../src/proofs/index.js';
import {
  type CheckReport,
  checkStore,
  type Disk,
  type DraftEntry,
  describeProblem,
  realDisk,
  StorageError,
  type StorageErrorCode,
  Store,
  type StoreOptions,
} from '../../src/storage/index.js';

/** A disk whose free space and commits a test decides on. */
export class TestDisk implements Disk {
  free: number | undefined;
  /** The next commits end so; LMDB has done them by then. */
  readonly faults: ('fail' | 'hang')[] = [];
  commits = 0;

  space(folder: string) {
    return this.free === undefined ? realDisk.space(folder) : { free: this.free, total: 2 ** 40 };
  }

  async finished(commit: Promise<unknown>): Promise<unknown> {
    const done = await commit;
    this.commits++;
    const fault = this.faults.shift();
    if (fault === 'fail') throw new Error('EIO: injected');
    if (fault === 'hang') await new Promise(() => {});
    return done;
  }
}

export class MemoryLog implements Log {
  readonly lines: { level: string; message: string; fields: LogFields }[] = [];

  #add(level: string) {
    return (message: string, fields: LogFields = {}) => {
      this.lines.push({ level, message, fields });
    };
  }

  readonly debug = this.#add('debug');
  readonly info = this.#add('info');
  readonly warn = this.#add('warn');
  readonly error = this.#add('error');

  with(): Log {
    return this;
  }
}

const cleanups = new WeakMap<TestContext, (() => unknown)[]>();

/** Runs after the test, what was added last first. */
export function cleanUp(t: TestContext, work: () => unknown): void {
  const added = cleanups.get(t);
  if (added !== undefined) {
    added.push(work);
    return;
  }
  const all = [work];
  cleanups.set(t, all);
  t.after(async () => {
    for (const one of all.reverse()) await one();
  });
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stele-store-'));
  cleanUp(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function storageError(code: StorageErrorCode): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof StorageError && error.code === code) return true;
    throw new Error(`expected ${code}, got ${String(error)}`, { cause: error });
  };
}

export function storeOptions(folder: string, more: Partial<StoreOptions> = {}): StoreOptions {
  return {
    path: path.join(folder, 'environment'),
    stateFile: path.join(folder, 'state'),
    log: silentLog,
    commitTimeoutMs: 5000,
    reserveBytes: 1024,
    reserveFraction: 0.01,
    onFailure: (error) => {
      throw error;
    },
    ...more,
  };
}

export async function openStore(
  t: TestContext,
  folder: string,
  more: Partial<StoreOptions> = {},
): Promise<Store> {
  const store = await Store.open(storeOptions(folder, more));
  cleanUp(t, () => store.close());
  return store;
}

/** The data of a server that was killed: what is on disk, without what is in memory. */
export async function copyAsAfterCrash(folder: string, t: TestContext): Promise<string> {
  const copy = await temporaryFolder(t);
  await cp(folder, copy, { recursive: true, filter: (name) => !name.endsWith('lock.mdb') });
  return copy;
}

export function plain(key: string, value: string | Buffer, more: object = {}): DraftEntry {
  return { rawKey: rawKeyOf(Buffer.from(key)), value: rawValueOf(Buffer.from(value)), ...more };
}

/** Commits each list of entries as one transaction; all of them at once. */
export async function commitTxs(
  store: Store,
  txs: readonly (readonly DraftEntry[])[],
  ts = 1_700_000_000,
): Promise<number> {
  const batch = store.begin();
  for (const entries of txs) {
    batch.append({ entries, version: 1, ts, allocateBlob: () => store.blobs.allocate() });
  }
  await store.commit(batch);
  return store.state.txId;
}

/** Recomputes all that is stored. */
export async function assertSound(store: Store): Promise<CheckReport> {
  const report = await checkStore(store);
  assert.deepEqual(report.problems.map(describeProblem), []);
  assert.equal(report.finished, true);
  assert.equal(report.transactions, store.state.txId);
  return report;
}
