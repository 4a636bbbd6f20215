import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Config, loadConfig } from '../app/config/index.js';
import { EXIT_FAILURE, EXIT_NOT_VERIFIED, EXIT_STORAGE, type ExitCode } from '../app/exit-codes.js';
import { systemClock } from '../base/clock.js';
import { lockDirectory } from '../base/lock-file.js';
import type { Log } from '../base/log.js';
import type { DatabaseManager, StoredDatabase } from '../database/index.js';
import { type CommandContext, UsageError } from './command.js';

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 2000;

export interface OfflineRequest {
  readonly config: Config;
  /** All when undefined. */
  readonly database: string | undefined;
  readonly json: boolean;
}

/** `--database NAME` and `--json`; the rest is understood as by the server. */
export function parseOffline(args: readonly string[], context: CommandContext): OfflineRequest {
  const rest: string[] = [];
  let database: string | undefined;
  let json = false;
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] as string;
    if (argument === '--json') json = true;
    else if (argument.startsWith('--database=')) database = argument.slice('--database='.length);
    else if (argument === '--database') database = args[++i] ?? '';
    else rest.push(argument);
  }
  if (database === '') throw new UsageError('--database needs the name of a database');
  return { config: loadConfig(rest, context.env, context.cwd).config, database, json };
}

/**
 * Opens the databases of a directory that no server uses, and does some work.
 * @returns what the work says, or what an opening that failed means
 */
export async function offline(
  { config }: OfflineRequest,
  context: CommandContext,
  work: (manager: DatabaseManager) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (!existsSync(path.join(config.dir, 'systemdb'))) {
    context.err(`Error: ${config.dir} holds no databases (--dir)\n`);
    return EXIT_FAILURE;
  }
  await using _lock = await lockDirectory(config.dir);
  const { DatabaseManager: Manager } = await import('../database/index.js');
  let failed = false;
  try {
    const manager = await Manager.open({
      ...databaseOptions(config),
      clock: systemClock,
      log: errorLog(context),
      onFailure: () => {
        failed = true;
      },
      onCorruption() {},
    });
    try {
      const code = await work(manager);
      return failed ? EXIT_STORAGE : code;
    } finally {
      await manager.close();
    }
  } catch (error) {
    return failed ? EXIT_STORAGE : exitCodeOf(error, context);
  }
}

function databaseOptions(config: Config) {
  return {
    dir: config.dir,
    defaults: {
      maxKeyLen: config.maxKeyBytes,
      maxValueLen: config.maxValueBytes,
      maxTxEntries: config.maxTxEntries,
      writeTxHeaderVersion: 'auto',
    },
    limits: {
      resultEntriesMax: config.maxResultEntries,
      resultBytesMax: config.maxResultBytes,
      waitersMax: config.maxWaiters,
    },
    commitTimeoutMs: config.commitWatchdogMs,
    reserveBytes: config.diskReserveBytes,
    reserveFraction: config.diskReservePercent / 100,
  } as const;
}

/** What is damaged is not verified; a disk that fails is another matter. */
export function exitCodeOf(error: unknown, context: CommandContext): ExitCode {
  for (let at = error; at instanceof Error; at = at.cause) {
    const code = 'code' in at ? at.code : undefined;
    if (code === 'corrupted' || code === 'behindAcknowledged') {
      context.err(`NOT VERIFIED: ${at.message}\n`);
      return EXIT_NOT_VERIFIED;
    }
    if (code === 'storageFailed' || code === 'EIO') {
      context.err(`Error: ${at.message}\n`);
      return EXIT_STORAGE;
    }
  }
  throw error;
}

/** The databases asked for, each opened when it is its turn. */
export async function* selected(
  manager: DatabaseManager,
  { database }: OfflineRequest,
  context: CommandContext,
): AsyncGenerator<{ readonly name: string; open(): Promise<StoredDatabase> }> {
  if (database !== undefined) {
    yield { name: database, open: () => manager.stored(database) };
    return;
  }
  yield { name: manager.system.name, open: async () => manager.system };
  for (const { name, loaded } of manager.list()) {
    if (loaded) yield { name, open: () => manager.stored(name) };
    else context.err(`${name} is unloaded and left out\n`);
  }
}

/** Prints now and then how far something is. */
export function progressOf(name: string, context: CommandContext) {
  let nextMs = performance.now() + PROGRESS_MS;
  return (done: number, total: number): void => {
    if (performance.now() < nextMs) return;
    nextMs = performance.now() + PROGRESS_MS;
    context.err(`${name}: ${done} of ${total} transactions\n`);
  };
}

/** Only what an operator must see. */
function errorLog({ err }: CommandContext): Log {
  const print: Log['warn'] = (message, fields = {}) => {
    const details = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`);
    err(`${message}${details.join('')}\n`);
  };
  const log: Log = { debug() {}, info() {}, warn: print, error: print, with: () => log };
  return log;
}
