import { createHash } from 'node:crypto';
import path from 'node:path';
import { readU64, writeU64 } from '../../base/bytes.js';
import {
  ensureDirectory,
  readFileIfExists,
  removeFileDurably,
  writeFileDurably,
} from '../../base/durable-file.js';
import { UsageError } from './errors.js';
import type { Settings } from './settings.js';

export interface SavedLogin {
  readonly database: string;
  readonly token: string;
}

const LENGTH_BYTES = 8;
const DATABASE_BYTES_MAX = 1024;

/**
 * The login between two commands: 8 bytes for the length of the name of the database, the name, the
 * token. Without `--tokenfile` there is one file for each server, so that no token is shown to another.
 */
export class LoginFile {
  readonly path: string;

  constructor(settings: Settings, address: string, suffix: string) {
    const named = settings.text('tokenfile');
    const own = createHash('sha256').update(address).digest('hex').slice(0, 32);
    const name = named === undefined || named.endsWith(suffix) ? named : named + suffix;
    this.path =
      name === undefined
        ? path.join(settings.home, 'logins', own + suffix)
        : path.resolve(settings.home, name);
    if (name !== undefined && (name.includes('/') || name.includes(path.sep))) {
      this.path = path.resolve(name);
    }
  }

  async load(): Promise<SavedLogin | undefined> {
    const bytes = await readFileIfExists(this.path);
    if (bytes === undefined) return undefined;
    const length = bytes.length < LENGTH_BYTES ? Number.POSITIVE_INFINITY : readU64(bytes, 0);
    if (length > DATABASE_BYTES_MAX || LENGTH_BYTES + length >= bytes.length) {
      throw new UsageError(`the file ${this.path} holds no login; remove it and log in again`);
    }
    return {
      database: bytes.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length),
      token: bytes.toString('utf8', LENGTH_BYTES + length),
    };
  }

  async save({ database, token }: SavedLogin): Promise<void> {
    await ensureDirectory(path.dirname(this.path));
    const name = Buffer.from(database);
    const length = Buffer.alloc(LENGTH_BYTES);
    writeU64(length, 0, name.length);
    await writeFileDurably(this.path, Buffer.concat([length, name, Buffer.from(token)]));
  }

  /** @returns whether there was one */
  async remove(): Promise<boolean> {
    if ((await readFileIfExists(this.path)) === undefined) return false;
    await removeFileDurably(this.path);
    return true;
  }
}
