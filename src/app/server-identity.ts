import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { readFileIfExists, writeFileDurably } from '../base/durable-file.js';

const FILE = 'immudb.identifier';
const BYTES = 12;
const ALPHABET = '0123456789abcdefghijklmnopqrstuv';

/**
 * The name of a data directory: 12 bytes made at the first start, printed as 20 characters. Clients name
 * their stored states after it, so it never changes for the same data.
 * @throws Error when the file is damaged
 */
export async function serverIdentity(dir: string): Promise<string> {
  const file = path.join(dir, FILE);
  const stored = await readFileIfExists(file);
  if (stored !== undefined) {
    if (stored.length !== BYTES) throw new Error(`${file} is damaged: ${BYTES} bytes expected`);
    return printed(stored);
  }
  const made = randomBytes(BYTES);
  await writeFileDurably(file, made, { exclusive: true });
  return printed(made);
}

/** Base 32 with the digits first, five bits a character, zero bits at the end. */
function printed(bytes: Uint8Array): string {
  let out = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += ALPHABET[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return out + ALPHABET[(value << (5 - bits)) & 31];
}
