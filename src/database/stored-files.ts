import path from 'node:path';
import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import type { State } from '../proofs/index.js';
import type { Disk, EntryCache, IndexLimits, StorageError } from '../storage/index.js';
import { type DatabaseLimits, StoredDatabase } from './database.js';
import type { DatabaseError } from './errors.js';
import type { DatabaseSettings } from './settings.js';
import type { SettingsDefaults } from './settings-rules.js';

export interface DatabasesOptions {
  /** Data directory of the server. */
  readonly dir: string;
  readonly defaults: SettingsDefaults;
  readonly limits: DatabaseLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly commitTimeoutMs: number;
  readonly reserveBytes: number;
  readonly reserveFraction: number;
  /** Databases that stay open when nobody uses them; by default all. */
  readonly maxOpenDatabases?: number;
  /** Milliseconds without a use before one may be closed; by default 30,000. */
  readonly databaseIdleMs?: number;
  readonly disk?: Disk;
  readonly indexLimits?: Partial<IndexLimits>;
  /** Bytes of entries kept in memory after they were read; by default none. */
  readonly entryCacheBytes?: number;
  /** Within so many milliseconds everything stored is read again and checked; by default 7 days. */
  readonly scrubPeriodMs?: number;
  /** Bytes that this reads in a second, or more when the period asks for it; by default 0, which is off. */
  readonly scrubRateBytes?: number;
  /** Told of a database that was opened because somebody used it, or closed because nobody did. */
  onUse?(what: 'opened' | 'closed', name: string, state: State): void;
  /** Told when a database may not be written any more. */
  onFailure(name: string, error: StorageError): void;
  /** Told of damage that a read or the scrub met. */
  onCorruption(name: string, error: DatabaseError): void;
}

/** With what all databases share. */
export interface StoredOptions extends DatabasesOptions {
  readonly entryCache: EntryCache;
}

/** Folder of the environment of a database. */
export function folderOf(dir: string, directory: string): string {
  return path.join(dir, 'databases', directory);
}

export function stateFileOf(dir: string, name: string): string {
  return path.join(dir, 'states', name);
}

/** Opens the files of one database in its place of the data directory. */
export async function openStored(
  options: StoredOptions,
  name: string,
  folder: string,
  settings: DatabaseSettings,
  onHeaderVersion: () => void = () => {},
): Promise<StoredDatabase> {
  const { commitTimeoutMs, reserveBytes, reserveFraction, limits, clock } = options;
  const { disk, indexLimits, entryCache } = options;
  return StoredDatabase.open({
    name,
    path: path.join(options.dir, folder),
    stateFile: stateFileOf(options.dir, path.basename(folder)),
    settings,
    limits,
    clock,
    log: options.log.with({ database: name }),
    commitTimeoutMs,
    reserveBytes,
    reserveFraction,
    entryCache,
    ...(disk === undefined ? {} : { disk }),
    ...(indexLimits === undefined ? {} : { indexLimits }),
    onHeaderVersion,
    onFailure: (error) => options.onFailure(name, error),
    onCorruption: (error) => options.onCorruption(name, error),
  });
}
