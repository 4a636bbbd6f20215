import { randomBytes } from 'node:crypto';
import { chmod, stat } from 'node:fs/promises';
import { readFileIfExists, writeFileDurably } from '../base/durable-file.js';
import type { Log } from '../base/log.js';
import { AuthError } from './errors.js';

const KEY_BYTES = 32;
const OWNER_ONLY = 0o600;

/** The key that signs tokens; made, durably, when the file is missing. @throws tokenKeyInvalid */
export async function openTokenKey(file: string, log: Log): Promise<Buffer> {
  const stored = await readFileIfExists(file);
  if (stored === undefined) {
    const key = randomBytes(KEY_BYTES);
    await writeFileDurably(file, key, { mode: OWNER_ONLY });
    return key;
  }
  if (stored.length !== KEY_BYTES) throw new AuthError('tokenKeyInvalid', { subject: file });
  if (((await stat(file)).mode & 0o077) !== 0) {
    log.warn('others could read the token key; closed to them', { file });
    await chmod(file, OWNER_ONLY);
  }
  return stored;
}
