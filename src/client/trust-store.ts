import { createHash } from 'node:crypto';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { equalBytes } from '../base/bytes.js';
import { ensureDirectory, readFileIfExists, writeFileDurably } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import { type DirectoryLock, LockError, lockDirectory } from '../base/lock-file.js';
import type { State } from '../proofs/index.js';
import { ClientError } from './errors.js';

/** What a trusted state is about. */
export interface TrustScope {
  /** `immudb-uuid`, or the address of a server that has none. */
  readonly server: string;
  readonly database: string;
}

/** Newest verified state per server and database, and which server answered at an address. */
export interface TrustStore {
  load(scope: TrustScope): Promise<State | undefined>;
  /**
   * Puts `next` in the place of `expected`; never an older one in the place of a newer one.
   * @returns false, with nothing changed, when another state is there than expected
   */
  replace(scope: TrustScope, expected: State | undefined, next: State): Promise<boolean>;
  /** The server of this address: the one of the first call, or `server` when this is the first. */
  pin(address: string, server: string): Promise<string>;
}

export function sameState(a: State | undefined, b: State | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.txId === b.txId && equalBytes(a.txHash, b.txHash);
}

function checkForward(expected: State | undefined, next: State): void {
  if (expected !== undefined && next.txId < expected.txId) {
    throw new RangeError(`a trusted state never moves back: ${next.txId} < ${expected.txId}`);
  }
}

/** Forgets everything with the process. */
export class MemoryTrustStore implements TrustStore {
  readonly #states = new Map<string, State>();
  readonly #servers = new Map<string, string>();

  async load({ server, database }: TrustScope): Promise<State | undefined> {
    return this.#states.get(`${server} ${database}`);
  }

  async replace(scope: TrustScope, expected: State | undefined, next: State): Promise<boolean> {
    checkForward(expected, next);
    if (!sameState(await this.load(scope), expected)) return false;
    this.#states.set(`${scope.server} ${scope.database}`, next);
    return true;
  }

  async pin(address: string, server: string): Promise<string> {
    const known = this.#servers.get(address);
    if (known === undefined) this.#servers.set(address, server);
    return known ?? server;
  }
}

const LOCK_NAME = 'trust.lock';
const LOCK_WAIT_MS = 15_000;
const LOCK_POLL_MS = 15;
const FORMAT = 1;

/**
 * A directory: `<server>/<database>.json` for each state, `addresses/<digest>.json` for each address.
 * Files are replaced whole, under a lock that other processes respect.
 */
export class FileTrustStore implements TrustStore {
  readonly directory: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.directory = directory;
  }

  fileOf({ server, database }: TrustScope): string {
    return path.join(this.directory, safeName(server), `${safeName(database)}.json`);
  }

  async load(scope: TrustScope): Promise<State | undefined> {
    const file = this.fileOf(scope);
    const record = await readRecord(file);
    if (record === undefined) return undefined;
    const { txId, txHash } = record;
    if (!Number.isSafeInteger(txId) || (txId as number) < 1 || !isHexDigest(txHash)) {
      throw unusable(file, 'it does not hold a state');
    }
    return { txId: txId as number, txHash: Buffer.from(txHash, 'hex') };
  }

  async replace(scope: TrustScope, expected: State | undefined, next: State): Promise<boolean> {
    checkForward(expected, next);
    const file = this.fileOf(scope);
    return this.#exclusively(path.dirname(file), async () => {
      if (!sameState(await this.load(scope), expected)) return false;
      const record = {
        format: FORMAT,
        server: scope.server,
        database: scope.database,
        txId: next.txId,
        txHash: Buffer.from(next.txHash).toString('hex'),
        savedAt: new Date().toISOString(),
      };
      await writeFileDurably(file, `${JSON.stringify(record)}\n`);
      return true;
    });
  }

  async pin(address: string, server: string): Promise<string> {
    const file = path.join(this.directory, 'addresses', `${digestName(address)}.json`);
    const known = await pinnedServer(file);
    if (known !== undefined) return known;
    return this.#exclusively(path.dirname(file), async () => {
      const other = await pinnedServer(file);
      if (other !== undefined) return other;
      await writeFileDurably(file, `${JSON.stringify({ format: FORMAT, address, server })}\n`);
      return server;
    });
  }

  /** One after the other, in this process and among processes. */
  #exclusively<T>(directory: string, work: () => Promise<T>): Promise<T> {
    const run = async () => {
      await ensureDirectory(directory);
      await using _lock = await waitForLock(directory);
      return await work();
    };
    const result = this.#last.then(run, run);
    this.#last = result.catch(() => {});
    return result;
  }
}

async function waitForLock(directory: string): Promise<DirectoryLock> {
  const end = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      return await lockDirectory(directory, { name: LOCK_NAME });
    } catch (error) {
      if (!(error instanceof LockError) || performance.now() > end) throw error;
      await delay(LOCK_POLL_MS * (0.5 + Math.random()));
    }
  }
}

async function pinnedServer(file: string): Promise<string | undefined> {
  const record = await readRecord(file);
  if (record === undefined) return undefined;
  if (typeof record.server !== 'string') throw unusable(file, 'it names no server');
  return record.server;
}

async function readRecord(file: string): Promise<Record<string, unknown> | undefined> {
  const bytes = await readFileIfExists(file);
  if (bytes === undefined) return undefined;
  let record: unknown;
  try {
    record = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw unusable(file, `it is not JSON: ${messageOf(error)}`);
  }
  if (typeof record !== 'object' || record === null || !('format' in record)) {
    throw unusable(file, 'it is not a file of this program');
  }
  if (record.format !== FORMAT) {
    throw unusable(file, `its format is ${String(record.format)}, this program knows ${FORMAT}`);
  }
  return record as Record<string, unknown>;
}

/** A damaged file is never taken for a missing one: the next answer would be trusted unseen. */
function unusable(file: string, why: string): ClientError {
  return new ClientError(
    'trustUnusable',
    `the trusted state ${file} cannot be used: ${why}. Find out why; removing the file means to trust the server anew`,
  );
}

function isHexDigest(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function digestName(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** What a server calls itself may be anything; a file name may not. */
function safeName(name: string): string {
  return /^[a-z0-9_]{1,100}$/.test(name) ? name : `x-${digestName(name)}`;
}
