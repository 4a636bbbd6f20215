import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** The `code` of a failed system call, such as `ENOENT`; undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** The whole file, or undefined when there is none. */
export async function readFileIfExists(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes created, renamed and removed names in this directory survive a power loss. */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows can neither open a directory nor needs to.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates the directory and what is missing above it; durable on return. */
export async function ensureDirectory(directory: string, mode = 0o700): Promise<void> {
  const first = await mkdir(directory, { recursive: true, mode });
  if (first === undefined) return;
  const top = path.dirname(first);
  for (let at = path.resolve(directory); at !== top; at = path.dirname(at)) {
    await syncDirectory(path.dirname(at));
  }
}

export interface DurableWriteOptions {
  /** Permission bits of the new file, not reduced by the umask. Default 0o600. */
  readonly mode?: number;
  /** Refuses with `EEXIST` when the file is there, instead of replacing it. */
  readonly exclusive?: boolean;
}

/**
 * Writes a whole file so that at every moment, power loss included, the name holds either the old
 * content or the new one, and on return the new one for good. Concurrent writers of one file are safe;
 * the last to finish wins.
 */
export async function writeFileDurably(
  file: string,
  data: string | Uint8Array,
  options: DurableWriteOptions = {},
): Promise<void> {
  const temporary = temporaryName(file);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(data);
      await handle.chmod(options.mode ?? 0o600);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (options.exclusive) await link(temporary, file);
    else await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncDirectory(path.dirname(file));
}

/** Removes a file if it is there; durable on return. */
export async function removeFileDurably(file: string): Promise<void> {
  await rm(file, { force: true });
  await syncDirectory(path.dirname(file));
}

/** A name beside the file that no other writer uses. */
export function temporaryName(file: string): string {
  return `${file}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
}

/**
 * Appends to one file, one record after another. A record is on disk when its promise resolves. The
 * first failure is final: what stands in the file after it is unknown, so every later call fails with
 * the same error, and the owner opens the file anew and looks.
 */
export class DurableAppender {
  readonly #handle: FileHandle;
  #last: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Creates the file when it is missing; its name is durable on return. */
  static async open(file: string, mode = 0o600): Promise<DurableAppender> {
    const handle = await open(file, 'a', mode);
    try {
      await syncDirectory(path.dirname(file));
    } catch (error) {
      await handle.close();
      throw error;
    }
    return new DurableAppender(handle);
  }

  /** The data must not change before the promise settles. */
  append(data: string | Uint8Array): Promise<void> {
    this.#last = this.#last.then(
      () => this.#appendNow(data),
      () => this.#appendNow(data),
    );
    return this.#last;
  }

  async #appendNow(data: string | Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    try {
      await this.#handle.appendFile(data);
      await this.#handle.datasync();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** Waits for what was appended before. */
  async close(): Promise<void> {
    await this.#last.catch(() => {});
    await this.#handle.close();
  }
}
