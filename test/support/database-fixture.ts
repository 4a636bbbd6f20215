import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  type Database,
  DatabaseError,
  type DatabaseErrorCode,
  DatabaseManager,
  type DatabasesOptions,
  type HistoryRequest,
  type KeyRequest,
  type KeyValue,
  type ReferenceOp,
  type ScanRequest,
  type StoredDatabase,
  type WriteOptions,
  type ZAddOp,
  type ZScanRequest,
} from '../../src/database/index.js';
import { FakeClock } from './fake-clock.js';
import { assertSound, cleanUp, MemoryLog, TestDisk, temporaryFolder } from './store-fixture.js';

export const SESSION: WriteOptions = { generation: 'session' };
export const TOKEN: WriteOptions = { generation: 'token' };

export const bytes = (text: string): Buffer => Buffer.from(text);

export function kv(key: string, value: string | Buffer, metadata?: KeyValue['metadata']): KeyValue {
  return { key: bytes(key), value: Buffer.from(value), ...(metadata && { metadata }) };
}

export function keyRequest(key: string, more: Partial<KeyRequest> = {}): KeyRequest {
  return { key: bytes(key), atTx: 0, sinceTx: 0, noWait: false, atRevision: 0, ...more };
}

export function reference(key: string, referencedKey: string, atTx = 0): ReferenceOp {
  return { key: bytes(key), referencedKey: bytes(referencedKey), atTx, boundRef: atTx > 0 };
}

export function element(set: string, score: number, key: string, atTx = 0): ZAddOp {
  return { set: bytes(set), score, key: bytes(key), atTx, boundRef: atTx > 0 };
}

/** Texts stand for keys. */
type Texts<T, K extends keyof T> = Partial<Omit<T, K>> & { readonly [P in K]?: string };

export function scanRequest({
  seekKey = '',
  endKey = '',
  prefix = '',
  ...more
}: Texts<ScanRequest, 'seekKey' | 'endKey' | 'prefix'> = {}): ScanRequest {
  return {
    desc: false,
    limit: 0,
    sinceTx: 0,
    noWait: false,
    inclusiveSeek: false,
    inclusiveEnd: false,
    offset: 0,
    seekKey: bytes(seekKey),
    endKey: bytes(endKey),
    prefix: bytes(prefix),
    ...more,
  };
}

export function zScanRequest(
  set: string,
  { seekKey = '', ...more }: Texts<ZScanRequest, 'seekKey'> = {},
): ZScanRequest {
  return {
    set: bytes(set),
    seekKey: bytes(seekKey),
    seekScore: 0,
    seekAtTx: 0,
    inclusiveSeek: false,
    limit: 0,
    desc: false,
    sinceTx: 0,
    noWait: false,
    offset: 0,
    ...more,
  };
}

export function historyRequest(key: string, more: Partial<HistoryRequest> = {}): HistoryRequest {
  return { key: bytes(key), offset: 0, limit: 0, desc: false, sinceTx: 0, ...more };
}

/** For `assert.throws` and `assert.rejects`: this code, and this text when given. */
export function refusal(code: DatabaseErrorCode, text?: string): (error: unknown) => boolean {
  return (error) => {
    if (!(error instanceof DatabaseError) || error.code !== code) {
      throw new Error(`expected ${code}, got ${String(error)}`, { cause: error });
    }
    if (text !== undefined) assert.equal(error.message, text);
    return true;
  };
}

export type ManagerOptions = Partial<Omit<DatabasesOptions, 'limits' | 'defaults'>> & {
  readonly limits?: Partial<DatabasesOptions['limits']>;
  readonly defaults?: Partial<DatabasesOptions['defaults']>;
};

/** A data directory with its databases, a clock that stands still and a disk that a test breaks. */
export class DatabasesFixture {
  readonly dir: string;
  readonly clock = new FakeClock();
  readonly disk = new TestDisk();
  readonly log = new MemoryLog();
  readonly failures: string[] = [];
  readonly corruptions: DatabaseError[] = [];
  readonly options: DatabasesOptions;
  manager!: DatabaseManager;

  constructor(dir: string, { limits, defaults, ...more }: ManagerOptions = {}) {
    this.dir = dir;
    this.options = {
      dir,
      clock: this.clock,
      log: this.log,
      disk: this.disk,
      commitTimeoutMs: 5000,
      reserveBytes: 1 << 20,
      entryCacheBytes: 1 << 20,
      reserveFraction: 0.01,
      onFailure: (name) => void this.failures.push(name),
      onCorruption: (_, error) => void this.corruptions.push(error),
      ...more,
      limits: { resultEntriesMax: 2500, resultBytesMax: 1 << 25, waitersMax: 1000, ...limits },
      defaults: {
        maxKeyLen: 1024,
        maxValueLen: 33_554_432,
        maxTxEntries: 1024,
        writeTxHeaderVersion: 1,
        ...defaults,
      },
    };
  }

  get nowSeconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }

  async open(): Promise<this> {
    this.manager = await DatabaseManager.open(this.options);
    return this;
  }

  async reopen(): Promise<StoredDatabase> {
    await this.manager.close();
    await this.open();
    return this.default();
  }

  default(): Promise<StoredDatabase> {
    return this.manager.stored('defaultdb');
  }

  /** Recomputes all that is stored, in all databases that are open. */
  async check(): Promise<void> {
    for (const { store } of this.manager.opened()) await assertSound(store);
  }
}

export async function openDatabases(
  t: TestContext,
  options: ManagerOptions = {},
): Promise<DatabasesFixture> {
  const fixture = new DatabasesFixture(await temporaryFolder(t), options);
  await fixture.open();
  cleanUp(t, () => fixture.manager.close());
  return fixture;
}

/** The default database of a new directory. */
export async function openDatabase(
  t: TestContext,
  options: ManagerOptions = {},
): Promise<{ fixture: DatabasesFixture; database: StoredDatabase }> {
  const fixture = await openDatabases(t, options);
  return { fixture, database: await fixture.default() };
}

/** Sets keys to values, each pair a transaction of its own. @returns the id of the last one */
export async function setEach(
  database: Database,
  pairs: readonly (readonly [string, string])[],
): Promise<number> {
  const headers = await Promise.all(pairs.map(([k, v]) => database.set([kv(k, v)], SESSION)));
  return headers.at(-1)?.id ?? 0;
}

/** `key=value` of each. */
export function texts(
  entries: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[],
): string[] {
  return entries.map(({ key, value }) => `${Buffer.from(key)}=${Buffer.from(value)}`);
}

export async function collect<T>(source: AsyncIterable<T> | Iterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

export async function wholeValue(entry: {
  value(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}): Promise<Buffer> {
  return Buffer.concat(await collect(entry.value()));
}
