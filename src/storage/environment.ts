import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { RootDatabase } from 'lmdb';
import * as lmdb from 'lmdb';
import { asBuffer } from '../base/bytes.js';
import { ensureDirectory, syncDirectory } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type Disk, realDisk, type Space } from './disk.js';
import { asCorrupted, corrupted, StorageError, withinTime } from './errors.js';
import {
  DATA_FILE,
  FORMAT_VERSION,
  META_FORMAT,
  PAGE_SIZE,
  TABLES,
  type TableName,
} from './layout.js';
import { checkFiles } from './preflight.js';
import { type RawTable, Table } from './table.js';

export interface EnvironmentOptions {
  /** Folder of the environment. */
  readonly path: string;
  readonly log: Log;
  /** A commit that takes longer, in milliseconds, is a storage failure. */
  readonly commitTimeoutMs: number;
  /** Bytes of free space that are kept; at most `reserveFraction` of the disk. */
  readonly reserveBytes: number;
  readonly reserveFraction: number;
  readonly disk?: Disk;
  /** Told once, when a commit failed or hung. */
  onFailure(error: StorageError): void;
}

/** Bytes of address space a map starts with; it grows by itself. */
const MAP_BYTES = 2 ** 34;
/** A batch writes its pages anew: data, index pages and free list. */
const COMMIT_BYTES_FACTOR = 3;
/** Part of the reserve for what keeps the store in order while the disk is full. */
const UPKEEP_SHARE = 0.5;
const TABLE_NAMES = Object.keys(TABLES) as TableName[];

type Root = RootDatabase<Buffer, Buffer>;

/** The puts and removes of one commit. */
export class Batch {
  readonly #tables: Record<TableName, RawTable>;
  /** LMDB gives one promise for all unconditional writes of a turn. */
  readonly #promises = new Set<Promise<unknown>>();

  constructor(tables: Record<TableName, RawTable>) {
    this.#tables = tables;
  }

  put(table: TableName, key: Buffer, value: Buffer): void {
    this.#promises.add(this.#tables[table].put(key, value));
  }

  remove(table: TableName, key: Buffer): void {
    this.#promises.add(this.#tables[table].remove(key));
  }

  /** Empties a table. */
  clear(table: TableName): void {
    this.#promises.add(this.#tables[table].clearAsync());
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
  readonly #disk: Disk;
  readonly #root: Root;
  readonly #raw: Record<TableName, RawTable>;
  readonly #tables: Record<TableName, Table>;
  #failure: StorageError | undefined;
  #closed = false;
  #unfinished = 0;
  /** Settles with the newest commit; never rejects. */
  #lastCommit: Promise<void> = Promise.resolve();

  private constructor(options: EnvironmentOptions, root: Root) {
    this.path = options.path;
    this.#options = options;
    this.#disk = options.disk ?? realDisk;
    this.#root = root;
    const raw: Partial<Record<TableName, RawTable>> = {};
    const tables: Partial<Record<TableName, Table>> = {};
    for (const name of TABLE_NAMES) {
      const table = openTable(root, name);
      raw[name] = table;
      tables[name] = new Table(name, table);
    }
    this.#raw = raw as Record<TableName, RawTable>;
    this.#tables = tables as Record<TableName, Table>;
  }

  /**
   * @throws StorageError `unknownFormat` for files of another format version, `corrupted` for files of
   * something else, `storageFailed`
   */
  static async open(options: EnvironmentOptions): Promise<Environment> {
    const { path: folder } = options;
    if (!existsSync(path.join(folder, DATA_FILE))) {
      const isNew = !existsSync(folder) || readdirSync(folder).length === 0;
      if (!isNew) throw corrupted(`${path.join(folder, DATA_FILE)} is missing`);
      await Environment.#make(options);
    }
    checkFiles(folder);
    const root = openRoot(folder);
    try {
      checkFormat(root, folder);
      return new Environment(options, root);
    } catch (error) {
      await root.close();
      throw asCorrupted(error, folder);
    }
  }

  /** Makes a new environment beside its place, so that it is there whole or not at all. */
  static async #make(options: EnvironmentOptions): Promise<void> {
    const unfinished = `${options.path}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    await ensureDirectory(unfinished);
    const environment = Environment.#makeTables({ ...options, path: unfinished });
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

  /** LMDB writes here on its own account, and its errors name no file. */
  static #makeTables(options: EnvironmentOptions): Environment {
    try {
      return new Environment(options, openRoot(options.path));
    } catch (cause) {
      const reason = messageOf(cause);
      throw new StorageError('storageFailed', `${options.path}: ${reason}`, { cause });
    }
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
   * @param upkeep it adds nothing of a client's and may use a part of the reserve
   * @throws StorageError `diskFull` (nothing was written), `storageFailed`, `closed`
   */
  commit(bytes: number, write: (batch: Batch) => void, upkeep = false): Promise<void> {
    // LMDB never settles what it was given while a commit failed, so it gets one at a time.
    const commit = this.#lastCommit.then(() => this.#commitNow(bytes, write, upkeep));
    this.#lastCommit = commit.catch(() => {});
    return commit;
  }

  async #commitNow(bytes: number, write: (batch: Batch) => void, upkeep: boolean): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closed) throw new StorageError('closed', 'already closed');
    try {
      if (bytes > this.#roomIn(upkeep)) throw this.#diskFull();
      const batch = new Batch(this.#raw);
      write(batch);
      const done = this.#watched(batch.done());
      await withinTime('a commit', this.#options.commitTimeoutMs, done);
    } catch (error) {
      throw error instanceof StorageError && error.code === 'diskFull' ? error : this.fail(error);
    }
  }

  async #watched(commit: Promise<unknown>): Promise<void> {
    this.#unfinished++;
    try {
      await this.#disk.finished(commit);
    } finally {
      this.#unfinished--;
    }
  }

  /** Whether LMDB has a commit under way. */
  get hasUnfinishedCommit(): boolean {
    return this.#unfinished > 0;
  }

  /** Bytes that a commit of upkeep may write now. */
  get upkeepBytes(): number {
    return this.#roomIn(true);
  }

  #roomIn(upkeep: boolean): number {
    const { free, reserve } = this.space();
    const kept = upkeep ? reserve * (1 - UPKEEP_SHARE) : reserve;
    return Math.max(0, Math.floor((free - kept) / COMMIT_BYTES_FACTOR));
  }

  #diskFull(): StorageError {
    const { free, reserve } = this.space();
    return new StorageError(
      'diskFull',
      `disk nearly full: ${free} bytes free, disk-reserve keeps ${reserve}; no writes until there is space`,
    );
  }

  /** Free space and how much of it is kept, in bytes. */
  space(): { readonly free: number; readonly reserve: number } {
    const { free, total }: Space = this.#disk.space(this.path);
    const { reserveBytes, reserveFraction } = this.#options;
    return { free, reserve: Math.min(reserveBytes, total * reserveFraction) };
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
    return fileSize(this.path);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const name of TABLE_NAMES) this.#tables[name].close();
    await this.#lastCommit;
    // After a failure LMDB waits for ever; the process ends instead.
    if (this.#failure === undefined) await this.#root.close();
    forget(new Set<unknown>([this.#root, ...Object.values(this.#raw)]));
  }
}

/** LMDB's binding keeps each table that was ever opened, with its buffers: 130 KB for each environment. */
function forget(tables: ReadonlySet<unknown>): void {
  const { allDbs } = lmdb as unknown as { readonly allDbs: Map<string, unknown> };
  for (const [name, table] of allDbs) if (tables.has(table)) allDbs.delete(name);
}

/** Bytes of the file of an environment, open or not; 0 when there is none. */
export function fileSize(environmentPath: string): number {
  return statSync(path.join(environmentPath, DATA_FILE), { throwIfNoEntry: false })?.size ?? 0;
}

function openRoot(folder: string): Root {
  try {
    return lmdb.open<Buffer, Buffer>({
      path: folder,
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
  } catch (error) {
    const reason = messageOf(error);
    throw new StorageError('storageFailed', `${folder} cannot be opened: ${reason}`, {
      cause: error,
    });
  }
}

function openTable(root: Root, name: TableName): RawTable {
  return root.openDB(TABLES[name], { encoding: 'binary', keyEncoding: 'binary' });
}

/** Before any other table is looked for, so that files of another version stay as they are. */
function checkFormat(root: Root, folder: string): void {
  const tables = [...root.getKeys({})].map((key) => asBuffer(key).latin1Slice());
  const stored = tables.some((name) => name.replace('\0', '') === TABLES.meta)
    ? openTable(root, 'meta').getBinary(Buffer.from(META_FORMAT))?.toString('latin1')
    : undefined;
  if (stored === String(FORMAT_VERSION)) return;
  throw new StorageError(
    'unknownFormat',
    `${folder} has format version ${stored?.slice(0, 20) ?? 'none'}; ` +
      `this program reads ${FORMAT_VERSION}`,
  );
}
