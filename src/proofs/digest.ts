import { sha256Into } from '../base/sha256.js';
import { checkBytes, checkDigest, DIGEST_BYTES } from './checks.js';
import { copyShort, HashInput } from './hash-input.js';
import type { HeaderVersion } from './types.js';

const U16_MAX = 0xffff;

const hashInput = new HashInput(4096);

/**
 * Writes the digest of an entry: `H(rawKey || hValue)` in version 0, and in version 1
 * `H(u16(len md) || md || u16(len rawKey) || rawKey || hValue)`.
 * @throws RangeError for metadata in version 0, which has no room for it, and for another version
 */
export function entryDigestInto(
  out: Buffer,
  offset: number,
  version: HeaderVersion,
  metadata: Uint8Array,
  rawKey: Uint8Array,
  hValue: Uint8Array,
): void {
  checkEntry(version, metadata, rawKey, hValue);
  const input = hashInput.reserve(4 + metadata.length + rawKey.length + DIGEST_BYTES);
  let at = 0;
  if (version === 1) {
    input[0] = metadata.length >>> 8;
    input[1] = metadata.length;
    copyShort(input, 2, metadata, 0, metadata.length);
    at = 2 + metadata.length;
    input[at++] = rawKey.length >>> 8;
    input[at++] = rawKey.length;
  }
  input.set(rawKey, at);
  at += rawKey.length;
  copyShort(input, at, hValue, 0, DIGEST_BYTES);
  sha256Into(out, offset, hashInput.first(at + DIGEST_BYTES));
}

function checkEntry(
  version: HeaderVersion,
  metadata: Uint8Array,
  rawKey: Uint8Array,
  hValue: Uint8Array,
): void {
  checkBytes('metadata', metadata);
  checkBytes('rawKey', rawKey);
  checkDigest('hValue', hValue);
  if (rawKey.length > U16_MAX) {
    throw new RangeError(`rawKey must have at most ${U16_MAX} bytes, got ${rawKey.length}`);
  }
  if (version === 0) {
    if (metadata.length > 0) {
      throw new RangeError('metadata must be empty in an entry of header version 0');
    }
  } else if (version !== 1) {
    throw new RangeError(`version must be 0 or 1, got ${version}`);
  } else if (metadata.length > U16_MAX) {
    throw new RangeError(`metadata must have at most ${U16_MAX} bytes, got ${metadata.length}`);
  }
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
