import { createHash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { type FileHandle, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readFileIfExists, systemErrorCode, temporaryName } from './durable-file.js';
import { SteleError } from './errors.js';
import { lifeOf, ownIdentity, type ProcessIdentity } from './process-identity.js';

export const LOCK_ERROR_CODES = ['lockHeld'] as const;

export type LockErrorCode = (typeof LOCK_ERROR_CODES)[number];

export class LockError extends SteleError<LockErrorCode> {}

export interface LockOptions {
  /** Name of the lock file in the directory. */
  readonly name?: string;
  /**
   * Called once when the file turns out to be gone or somebody else's: from then on another process may
   * work on the directory, so the holder stops at once.
   */
  readonly onLost?: () => void;
  /** Milliseconds between two signs of life. */
  readonly heartbeatMs?: number;
  /** Milliseconds without a sign of life after which a holder that cannot be looked up is dead. */
  readonly observationMs?: number;
  /** Who we are; a test may pretend to be elsewhere. */
  readonly identity?: ProcessIdentity;
}

export interface DirectoryLock extends AsyncDisposable {
  readonly path: string;
  /** Looks at the disk (microseconds): false when the lock was lost or released. */
  isHeld(): boolean;
  release(): Promise<void>;
}

interface Holder extends ProcessIdentity {
  /** Unique for each time a lock is taken. */
  readonly token: string;
}

interface Self {
  readonly token: string;
  readonly identity: ProcessIdentity;
  /** A complete file with our content, ready to be linked. */
  readonly prepared: string;
  readonly observationMs: number;
}

/** How often a holder's sign of life is looked for, and how long a rival's take-over may last. */
const POLL_MS = 50;

/**
 * Takes the lock of a directory for this process, or throws `lockHeld` naming who has it.
 *
 * A holder of the same boot and process namespace is looked up: alive, the call is refused at once;
 * dead, its lock is taken over at once. A holder that cannot be looked up (another machine or container
 * on a shared volume, or this machine before a reboot) is watched for up to `observationMs`.
 *
 * The lock is a file that appears by `link`, complete and to one process alone. A stale one, whose
 * token is T, is only ever replaced or removed by the process that has the claim `<file>.T`, itself a
 * lock of this kind; so of two that find the same stale lock one wins, and the other looks again.
 */
export async function lockDirectory(
  directory: string,
  options: LockOptions = {},
): Promise<DirectoryLock> {
  const file = path.join(directory, options.name ?? 'stele.lock');
  const identity = options.identity ?? ownIdentity();
  const token = randomBytes(8).toString('hex');
  const prepared = temporaryName(file);
  const self = { token, identity, prepared, observationMs: options.observationMs ?? 6000 };
  try {
    await prepare(prepared, { ...identity, token });
    await acquire(file, self);
  } finally {
    await rm(prepared, { force: true });
  }
  // Litter only: a failure here says nothing about the lock.
  await removeLeftovers(file, self).catch(() => {});
  return HeldLock.start(file, token, options);
}

async function prepare(file: string, holder: Holder): Promise<void> {
  const handle = await open(file, 'wx', 0o644);
  try {
    await handle.writeFile(`${JSON.stringify({ ...holder, since: new Date().toISOString() })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function acquire(file: string, self: Self): Promise<void> {
  for (;;) {
    if (await linkIfAbsent(self.prepared, file)) return;
    const holder = await readHolder(file);
    if (holder === undefined) continue;
    if (await showsLife(file, holder, self)) {
      throw heldError(file, (await readHolder(file)) ?? holder, self.identity);
    }
    if (await takeOver(file, holder, self)) return;
    await delay(POLL_MS);
  }
}

/** @returns false when a rival was faster or is at it */
async function takeOver(file: string, stale: Holder, self: Self): Promise<boolean> {
  const claim = `${file}.${stale.token}`;
  try {
    await acquire(claim, self);
  } catch (error) {
    if (error instanceof LockError) return false;
    throw error;
  }
  try {
    if ((await readHolder(file))?.token !== stale.token) return false;
    const replacement = temporaryName(file);
    await link(self.prepared, replacement);
    await rename(replacement, file);
    return true;
  } finally {
    await rm(claim, { force: true });
  }
}

async function showsLife(file: string, holder: Holder, self: Self): Promise<boolean> {
  const life = lifeOf(holder, self.identity);
  if (life !== 'unknown') return life === 'alive';
  const before = await signOfLife(file);
  // The monotonic clock: only time that passed for this process counts, not what a clock was set to.
  const end = performance.now() + self.observationMs;
  while (performance.now() < end) {
    await delay(Math.min(POLL_MS, self.observationMs));
    if ((await signOfLife(file)) !== before) return (await readHolder(file)) !== undefined;
  }
  return false;
}

async function signOfLife(file: string): Promise<string | undefined> {
  try {
    const { ino, mtimeNs } = await stat(file, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function linkIfAbsent(existing: string, file: string): Promise<boolean> {
  try {
    await link(existing, file);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** A file that cannot be understood counts as held by somebody who cannot be looked up. */
async function readHolder(file: string): Promise<Holder | undefined> {
  const content = await readFileIfExists(file);
  if (content === undefined) return undefined;
  const parsed = parseHolder(content.toString('utf8'));
  if (parsed) return parsed;
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 16);
  return { token: `unreadable-${digest}`, pid: 0, bootId: 'unknown', host: 'unknown' };
}

function parseHolder(text: string): Holder | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  const [pid, host, token] = [fields.get('pid'), fields.get('host'), fields.get('token')];
  if (!Number.isSafeInteger(pid) || typeof pid !== 'number' || typeof host !== 'string') {
    return undefined;
  }
  // The token becomes part of a file name.
  if (typeof token !== 'string' || !/^[0-9a-f]{16}$/.test(token)) return undefined;
  const optional: Record<string, string> = {};
  for (const name of ['startTime', 'bootId', 'pidNamespace']) {
    const field = fields.get(name);
    if (typeof field === 'string') optional[name] = field;
  }
  return { ...optional, pid, host, token };
}

function heldError(file: string, holder: Holder, own: ProcessIdentity): LockError {
  const here = lifeOf(holder, own) === 'alive';
  const who = here ? `process ${holder.pid}` : `process ${holder.pid} on ${holder.host}`;
  return new LockError('lockHeld', `${who} is using ${path.dirname(file)} (lock file ${file})`);
}

/** What killed processes left: claims of locks that are no more, and prepared files. */
async function removeLeftovers(file: string, self: Self): Promise<void> {
  const prefix = `${path.basename(file)}.`;
  for (const name of await readdir(path.dirname(file))) {
    if (!name.startsWith(prefix)) continue;
    const leftover = path.join(path.dirname(file), name);
    const holder = await readHolder(leftover);
    if (holder && lifeOf(holder, self.identity) === 'dead') await rm(leftover, { force: true });
  }
}

class HeldLock implements DirectoryLock {
  readonly path: string;
  readonly #token: string;
  readonly #handle: FileHandle;
  readonly #inode: bigint;
  readonly #onLost: () => void;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> = Promise.resolve();
  #released = false;

  private constructor(
    file: string,
    token: string,
    handle: FileHandle,
    inode: bigint,
    onLost: () => void,
  ) {
    this.path = file;
    this.#token = token;
    this.#handle = handle;
    this.#inode = inode;
    this.#onLost = onLost;
  }

  static async start(file: string, token: string, options: LockOptions): Promise<HeldLock> {
    const handle = await open(file, 'r+');
    const { ino } = await handle.stat({ bigint: true });
    const lock = new HeldLock(file, token, handle, ino, options.onLost ?? (() => {}));
    lock.#timer = setInterval(() => {
      lock.#beating = lock.#beat();
    }, options.heartbeatMs ?? 2000);
    // A lock alone keeps no process running.
    lock.#timer.unref();
    return lock;
  }

  isHeld(): boolean {
    if (this.#released) return false;
    return statSync(this.path, { bigint: true, throwIfNoEntry: false })?.ino === this.#inode;
  }

  async #beat(): Promise<void> {
    if (this.#released) return;
    try {
      if (this.isHeld()) {
        const now = new Date();
        await this.#handle.utimes(now, now);
        return;
      }
    } catch {
      // A disk that fails is noticed by those who write to it; the lock is not lost by that.
      return;
    }
    this.#stop();
    this.#onLost();
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#stop();
    await this.#beating;
    await this.#handle.close();
    const claim = `${this.path}.${this.#token}`;
    try {
      if (!(await linkIfAbsent(this.path, claim))) return;
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return;
      throw error;
    }
    try {
      const holder = await readHolder(this.path);
      if (holder?.token === this.#token) await rm(this.path, { force: true });
    } finally {
      await rm(claim, { force: true });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}
