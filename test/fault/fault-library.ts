import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { Random } from '../sdk/support/random.js';
import { projectRoot } from '../support/project.js';

/** What the library shall do; see `fault-library.c`. */
export interface FaultPlan {
  /** Files below this directory are meant. */
  readonly dir: string;
  readonly match?: string;
  /** `durable`: writes of LMDB's meta pages, through a descriptor that syncs. */
  readonly calls?: 'sync' | 'write' | 'durable' | 'any';
  /** The call that fails, from 1. */
  readonly nth?: number;
  readonly mode?: 'eio' | 'enospc' | 'torn' | 'hang';
  /** All later calls fail too. */
  readonly onward?: boolean;
  /** Calls count from the start of the server, not from `openGate`. */
  readonly fromStart?: boolean;
  /** Syncs say that they were done and make nothing durable. */
  readonly lie?: boolean;
  /** The file system says that all of its space is free. */
  readonly plenty?: boolean;
}

/** What is told of the fault once it has happened. */
export interface FaultReport {
  readonly call: string;
  readonly path: string;
  /** On the clock of `performance.now()`. */
  readonly at: number;
}

/** The library that makes the disk of a server fail, with the files that it shares with the test. */
export class FaultLibrary {
  readonly #library: string;
  readonly #gate: string;
  readonly #report: string;
  readonly #undo: string;

  private constructor(folder: string) {
    this.#library = path.join(folder, 'fault-library.so');
    this.#gate = path.join(folder, 'fault-gate');
    this.#report = path.join(folder, 'fault-report');
    this.#undo = path.join(folder, 'fault-undo');
  }

  /** @throws when there is no compiler, or no Linux */
  static build(folder: string): FaultLibrary {
    const library = new FaultLibrary(folder);
    const source = path.join(projectRoot, 'test/fault/fault-library.c');
    const flags = ['-shared', '-fPIC', '-O2', '-o', library.#library, source, '-lpthread'];
    try {
      execFileSync('gcc', flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      const reason = missing ? 'gcc is not installed' : String(error);
      throw new Error(`the library that makes the disk fail cannot be built: ${reason}`);
    }
    return library;
  }

  /** The environment of a server; what a former one left is forgotten. */
  environment(plan: FaultPlan): Record<string, string> {
    for (const file of [this.#gate, this.#report, this.#undo]) rmSync(file, { force: true });
    return {
      LD_PRELOAD: this.#library,
      FAULT_DIR: plan.dir,
      FAULT_MATCH: plan.match ?? '',
      FAULT_CALLS: plan.calls ?? 'any',
      FAULT_NTH: String(plan.nth ?? 0),
      FAULT_MODE: plan.mode ?? 'eio',
      FAULT_ONWARD: plan.onward === true ? '1' : '',
      FAULT_LIE: plan.lie === true ? '1' : '',
      FAULT_PLENTY: plan.plenty === true ? '1' : '',
      FAULT_GATE: plan.fromStart === true ? '' : this.#gate,
      FAULT_REPORT: this.#report,
      // Its folder is full.
      FAULT_UNDO: plan.plenty === true ? '' : this.#undo,
    };
  }

  /** Calls count from now on. */
  openGate(): void {
    writeFileSync(this.#gate, '');
  }

  /** Undefined while the fault has not happened. */
  report(): FaultReport | undefined {
    if (!existsSync(this.#report)) return undefined;
    const found = /^(\S+) (\d+) (.*)\n/.exec(readFileSync(this.#report, 'utf8'));
    if (found === null) return undefined;
    const [, call = '', ns = '', file = ''] = found;
    return { call, path: file, at: Number(BigInt(ns) / 1000n) / 1000 - MONOTONIC_OFFSET_MS };
  }

  /**
   * After the end of the server: takes back what a loss of power could take back, of each page of
   * 4096 bytes down to a version chosen by chance, or with `all` down to what was last durable.
   *
   * @returns how many pages it took back
   */
  losePower(random: Random, all: boolean): number {
    if (!existsSync(this.#undo)) return 0;
    let count = 0;
    for (const [file, pages] of unsyncedPages(readFileSync(this.#undo))) {
      const fd = openSync(file, 'r+');
      try {
        count += takeBack(fd, pages, random, all);
      } finally {
        closeSync(fd);
      }
    }
    return count;
  }
}

/** `performance.now()` counts from the start of the process, on the same clock as the library. */
const MONOTONIC_OFFSET_MS = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();

const PAGE_BYTES = 4096;
const RECORD_BYTES = 48;
const WRITE = 1;
const SYNC = 2;

interface UndoWrite {
  readonly number: number;
  readonly offset: number;
  readonly bytes: number;
  readonly oldSize: number;
  readonly old: Buffer;
  lost: boolean;
}

/** What stood in a page before each write that is not durable, oldest first; undefined: no page. */
type PageVersions = Map<number, (Buffer | undefined)[]>;

function unsyncedPages(journal: Buffer): Map<string, PageVersions> {
  const files = new Map<string, UndoWrite[]>();
  for (let at = 0; at < journal.length; ) {
    const u64 = (field: number) => Number(journal.readBigUInt64LE(at + 8 + 8 * field));
    const [kind, pathBytes] = [journal.readUInt32LE(at), journal.readUInt32LE(at + 4)];
    const [number, offset, bytes, oldSize, oldBytes] = [u64(0), u64(1), u64(2), u64(3), u64(4)];
    const name = journal.toString('utf8', at + RECORD_BYTES, at + RECORD_BYTES + pathBytes);
    at += RECORD_BYTES + pathBytes;
    const writes = files.get(name) ?? [];
    if (kind === WRITE) {
      const old = journal.subarray(at, at + oldBytes);
      writes.push({ number, offset, bytes, oldSize, old, lost: false });
    } else if (kind === SYNC) {
      const left = writes.filter((write) => write.lost || write.number > number);
      writes.splice(0, writes.length, ...left);
    } else {
      for (const write of writes) if (write.number <= number) write.lost = true;
    }
    files.set(name, writes);
    at += oldBytes;
  }
  return new Map([...files].map(([name, writes]) => [name, pagesOf(writes)]));
}

function pagesOf(writes: readonly UndoWrite[]): PageVersions {
  const pages: PageVersions = new Map();
  for (const { offset, bytes, oldSize, old } of writes) {
    for (let at = 0; at < bytes; at += PAGE_BYTES) {
      const existed = offset + at < oldSize;
      const versions = pages.get(offset + at) ?? [];
      versions.push(existed ? old.subarray(at, at + PAGE_BYTES) : undefined);
      pages.set(offset + at, versions);
    }
  }
  return pages;
}

function takeBack(fd: number, pages: PageVersions, random: Random, all: boolean): number {
  let count = 0;
  let size = fstatSync(fd).size;
  const zeros = Buffer.alloc(PAGE_BYTES);
  for (const [offset, versions] of [...pages].sort(([a], [b]) => b - a)) {
    const chosen = all ? 0 : random.below(versions.length + 1);
    if (chosen === versions.length) continue;
    count++;
    const version = versions[chosen];
    if (version === undefined && offset + PAGE_BYTES >= size) {
      size = offset;
      ftruncateSync(fd, size);
    } else {
      writeSync(fd, version ?? zeros, 0, version?.length ?? PAGE_BYTES, offset);
    }
  }
  return count;
}
