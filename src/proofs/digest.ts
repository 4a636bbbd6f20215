import { sha256Into } from '../base/sha256.js';
import { DIGEST_BYTES } from './hashes.js';
import type { HeaderVersion } from './types.js';

/** Grows to the longest entry; filled and hashed in one go. */
let input = Buffer.alloc(4096);

/**
 * Writes the digest of an entry: `H(rawKey || hValue)` in version 0, and in version 1
 * `H(u16(len md) || md || u16(len rawKey) || rawKey || hValue)`.
 * @throws RangeError for metadata in version 0, which has no room for it
 */
export function entryDigestInto(
  out: Buffer,
  offset: number,
  version: HeaderVersion,
  metadata: Uint8Array,
  rawKey: Uint8Array,
  hValue: Uint8Array,
): void {
  if (version === 0 && metadata.length > 0) {
    throw new RangeError('an entry of header version 0 has no metadata');
  }
  const size = 4 + metadata.length + rawKey.length + DIGEST_BYTES;
  if (size > input.length) input = Buffer.alloc(size * 2);
  let at = 0;
  if (version === 1) {
    input.writeUInt16BE(metadata.length, 0);
    input.set(metadata, 2);
    at = 2 + metadata.length;
    input.writeUInt16BE(rawKey.length, at);
    at += 2;
  }
  input.set(rawKey, at);
  at += rawKey.length;
  input.set(hValue, at);
  sha256Into(out, offset, input.subarray(0, at + DIGEST_BYTES));
}

export function entryDigest(
  version: HeaderVersion,
  metadata: Uint8Array,
  rawKey: Uint8Array,
  hValue: Uint8Array,
): Buffer {
  const out = Buffer.allocUnsafe(DIGEST_BYTES);
  entryDigestInto(out, 0, version, metadata, rawKey, hValue);
  return out;
}
