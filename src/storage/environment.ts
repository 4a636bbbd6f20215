import { existsSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Database as LmdbTable, open, type RootDatabase } from 'lmdb';
import { ensureDirectory, syncDirectory } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { corrupted, StorageError, withinTime } from './errors.js';
import {
  DATA_FILE,
  FORMAT_VERSION,
  META_FORMAT,
  PAGE_SIZE,
  TABLES,
  type TableName,
} from './layout.js';
import { checkFiles } from './preflight.js';

export type Table = LmdbTable<Buffer, Buffer>;

export interface EnvironmentOptions {
  /** Folder of the environment. */
  readonly path: string;
  readonly log: Log;
  /** A commit that takes longer, in milliseconds, is a storage failure. */
  readonly commitTimeoutMs: number;
  /** Bytes of free space that are kept; at most `reserveFraction` of the disk. */
  readonly reserveBytes: number;
  readonly reserveFraction: number;
  /** Told once, when a commit failed or hung. */
  onFailure(error: StorageError): void;
}

/** Bytes of address space a map starts with; it grows by itself. */
const MAP_BYTES = 2 ** 34;
/** A batch writes its pages anew: data, index pages and free list. */
const COMMIT_BYTES_FACTOR = 3;

/** The puts and removes of one commit. */
export class Batch {
  readonly #tables: Record<TableName, Table>;
  /** LMDB gives one promise for all unconditional writes of a turn. */
  readonly #promises = new Set<Promise<unknown>>();

  constructor(tables: Record<TableName, Table>) {
    this.#tables = tables;
  }

  put(table: TableName, key: Buffer, value: Buffer): void {
    this.#promises.add(this.#tables[table].put(key, value));
  }

  remove(table: TableName, key: Buffer): void {
    this.#promises.add(this.#tables[table].remove(key));
  }

  done(): Promise<unknown> {
    return Promise.all(this.#promises);
  }
}

/**
 * One LMDB environment. Commits are atomic, durable when their promise resolves, and one at a time;
 * reads see the last finished commit. After a commit that failed or did not finish nothing is written
 * any more: what is on disk is not known then, and only opening it again tells.
 */
export class Environment {
  readonly path: string;
  readonly #options: EnvironmentOptions;
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #tables: Record<TableName, Table>;
  #failure: StorageError | undefined;
  #closed = false;
  #unfinished = 0;
  /** Settles with the newest commit; never rejects. */
  #lastCommit: Promise<void> = Promise.resolve();

  private constructor(options: EnvironmentOptions, root: RootDatabase<Buffer, Buffer>) {
    this.path = options.path;
    this.#options = options;
    this.#root = root;
    const tables: Partial<Record<TableName, Table>> = {};
    for (const name of Object.keys(TABLES) as TableName[]) {
      tables[name] = root.openDB(TABLES[name], { encoding: 'binary', keyEncoding: 'binary' });
    }
    this.#tables = tables as Record<TableName, Table>;
  }

  /**
   * @throws StorageError `unknownFormat` for files of another format version, `corrupted` for files of
   * something else, `storageFailed`
   */
  static async open(options: EnvironmentOptions): Promise<Environment> {
    if (!existsSync(path.join(options.path, DATA_FILE))) {
      const isNew = !existsSync(options.path) || readdirSync(options.path).length === 0;
      if (!isNew) throw corrupted(`${path.join(options.path, DATA_FILE)} is missing`);
      await Environment.#make(options);
    }
    checkFiles(options.path);
    const environment = Environment.#openFiles(options);
    try {
      environment.#checkFormat();
    } catch (error) {
      await environment.close();
      throw error;
    }
    return environment;
  }

  /** Makes a new environment beside its place, so that it is there whole or not at all. */
  static async #make(options: EnvironmentOptions): Promise<void> {
    const unfinished = `${options.path}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    await ensureDirectory(unfinished);
    const environment = Environment.#openFiles({ ...options, path: unfinished });
    try {
      await environment.commit(64, (batch) =>
        batch.put('meta', Buffer.from(META_FORMAT), Buffer.from(String(FORMAT_VERSION))),
      );
    } finally {
      await environment.close();
    }
    await syncDirectory(unfinished);
    renameSync(unfinished, options.path);
    await syncDirectory(path.dirname(options.path));
  }

  static #openFiles(options: EnvironmentOptions): Environment {
    try {
      const root = open<Buffer, Buffer>({
        path: options.path,
        noSubdir: false,
        maxDbs: 16,
        mapSize: MAP_BYTES,
        pageSize: PAGE_SIZE,
        encoding: 'binary',
        keyEncoding: 'binary',
        cache: false,
        overlappingSync: false,
        eventTurnBatching: true,
      });
      return new Environment(options, root);
    } catch (error) {
      const reason = messageOf(error);
      throw new StorageError('storageFailed', `${options.path} cannot be opened: ${reason}`, {
        cause: error,
      });
    }
  }

  #checkFormat(): void {
    const stored = this.table('meta').getBinary(Buffer.from(META_FORMAT))?.toString('latin1');
    if (stored === String(FORMAT_VERSION)) return;
    throw new StorageError(
      'unknownFormat',
      `${this.path} has format version ${stored?.slice(0, 20) ?? 'none'}; ` +
        `this program reads ${FORMAT_VERSION}`,
    );
  }

  table(name: TableName): Table {
    return this.#tables[name];
  }

  get failure(): StorageError | undefined {
    return this.#failure;
  }

  /**
   * Runs `write`, which puts and removes synchronously, as one durable commit. The buffers that it
   * hands over must not change before the promise settles.
   * @param bytes about how many bytes it writes
   * @throws StorageError `diskFull` (nothing was written), `storageFailed`, `closed`
   */
  commit(bytes: number, write: (batch: Batch) => void): Promise<void> {
    // LMDB never settles what it was given while a commit failed, so it gets one at a time.
    const commit = this.#lastCommit.then(() => this.#commitNow(bytes, write));
    this.#lastCommit = commit.catch(() => {});
    return commit;
  }

  async #commitNow(bytes: number, write: (batch: Batch) => void): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new StorageError('closed', 'already closed');
    this.checkFreeSpace(bytes);
    try {
      const batch = new Batch(this.#tables);
      write(batch);
      const done = this.#watched(batch.done());
      await withinTime('a commit', this.#options.commitTimeoutMs, done);
    } catch (error) {
      throw this.fail(error);
    }
  }

  async #watched(done: Promise<unknown>): Promise<void> {
    this.#unfinished++;
    try {
      await done;
    } finally {
      this.#unfinished--;
    }
  }

  /** Whether LMDB has a commit under way. */
  get hasUnfinishedCommit(): boolean {
    return this.#unfinished > 0;
  }

  /** @throws StorageError `diskFull` when writing this many bytes would touch the reserve */
  checkFreeSpace(bytes: number): void {
    const { free, reserve } = this.space();
    if (free >= reserve + bytes * COMMIT_BYTES_FACTOR) return;
    throw new StorageError(
      'diskFull',
      `disk nearly full: ${free} bytes free, disk-reserve keeps ${reserve}; no writes until there is space`,
    );
  }

  /** Free space and how much of it is kept, in bytes. */
  space(): { readonly free: number; readonly reserve: number } {
    const disk = statfsSync(this.path);
    const total = disk.blocks * disk.bsize;
    return {
      free: disk.bavail * disk.bsize,
      reserve: Math.min(this.#options.reserveBytes, total * this.#options.reserveFraction),
    };
  }

  /** Enters the failed state; the first reason stays. */
  fail(error: unknown): StorageError {
    const inner = (error as { commitError?: Promise<unknown> } | undefined)?.commitError;
    if (inner instanceof Promise) inner.catch(() => undefined);
    if (this.#failure === undefined) {
      this.#failure = new StorageError(
        'storageFailed',
        `storage failed, no more writes: ${messageOf(error)}`,
        { cause: error },
      );
      this.#options.log.error('storage failed', { path: this.path, reason: messageOf(error) });
      this.#options.onFailure(this.#failure);
    }
    return this.#failure;
  }

  /** Bytes of the file on disk. */
  diskSize(): number {
    try {
      return statSync(path.join(this.path, DATA_FILE)).size;
    } catch {
      return 0;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#lastCommit;
    // After a failure LMDB waits for ever; the process ends instead.
    if (this.#failure === undefined) await this.#root.close();
  }
}
