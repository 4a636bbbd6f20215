import path from 'node:path';
import type { EntryCache } from '../storage/index.js';
import { StoredDatabase } from './database.js';
import type { DatabasesOptions } from './manager.js';
import type { DatabaseSettings } from './settings.js';

/** With what all databases share. */
export interface StoredOptions extends DatabasesOptions {
  readonly entryCache: EntryCache;
}

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
