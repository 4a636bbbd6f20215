import { link, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  ensureDirectory,
  readFileIfExists,
  systemErrorCode,
  temporaryName,
  writeFileDurably,
} from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import { processExists, processStartedAt } from '../base/process-identity.js';
import { AppError } from './errors.js';

export interface PidFile extends AsyncDisposable {
  /** Removes the file if it still names this process. */
  release(): Promise<void>;
}

/**
 * Writes the id of this process, decimal and without a newline, as supervisors read it. The file appears
 * complete. One that names a process which is alive is an error; one of a dead process is replaced.
 *
 * @throws AppError pidFileHeld, pidFileUnusable
 */
export async function createPidFile(file: string): Promise<PidFile> {
  try {
    await ensureDirectory(path.dirname(file), 0o755);
    while (!(await writeIfAbsent(file))) await removeStale(file);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('pidFileUnusable', `pid file ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const release = () => removeOwn(file);
  return { release, [Symbol.asyncDispose]: release };
}

function writeIfAbsent(file: string): Promise<boolean> {
  const content = String(process.pid);
  return succeedsUnless(
    'EEXIST',
    writeFileDurably(file, content, { mode: 0o644, exclusive: true }),
  );
}

async function removeStale(file: string): Promise<void> {
  const content = (await readFileIfExists(file))?.toString('utf8');
  if (content === undefined) return;
  if (!/^\d*\s*$/.test(content)) {
    throw new AppError('pidFileUnusable', `${file} exists and is no pid file`);
  }
  const pid = Number(content);
  if (await isHolder(pid, file)) {
    throw new AppError(
      'pidFileHeld',
      `pid file found, ensure stele is not running or delete ${file} (process ${pid} is alive)`,
    );
  }
  const aside = temporaryName(file);
  if (!(await succeedsUnless('ENOENT', rename(file, aside)))) return;
  try {
    // Another start may have replaced the stale file since it was read: then that one comes back.
    const moved = (await readFileIfExists(aside))?.toString('utf8');
    if (moved !== content) await succeedsUnless('EEXIST', link(aside, file));
  } finally {
    await rm(aside, { force: true });
  }
}

async function succeedsUnless(code: string, operation: Promise<void>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    if (systemErrorCode(error) === code) return false;
    throw error;
  }
}

/** A process that started after the file was written cannot have written it. */
async function isHolder(pid: number, file: string): Promise<boolean> {
  // In a container every start has the same id.
  if (pid === process.pid || !processExists(pid)) return false;
  const startedAt = processStartedAt(pid);
  if (startedAt === undefined) return true;
  const { mtimeMs } = await stat(file);
  return startedAt <= mtimeMs + CLOCK_TOLERANCE_MS;
}

const CLOCK_TOLERANCE_MS = 3000;

async function removeOwn(file: string): Promise<void> {
  const content = (await readFileIfExists(file))?.toString('utf8');
  if (content === String(process.pid)) await rm(file, { force: true });
}
