import { asBuffer, readI64, readU64, writeI64, writeU64 } from '../base/bytes.js';
import { checkBytes, checkInteger } from './checks.js';
import { MetadataError } from './errors.js';
import type { KvMetadata, TxMetadata } from './types.js';

/** Encodings of section 2 of the proofs reference: code byte and payload, in code order. */
const KV_DELETED = 0;
const KV_EXPIRES_AT = 1;
const KV_NON_INDEXABLE = 2;
const KV_BYTES_MAX = 11;

const TX_TRUNCATED = 0;
const TX_EXTRA = 1;
export const TX_METADATA_BYTES_MAX = 268;
export const TX_EXTRA_BYTES_MAX = 256;

const NOTHING = Buffer.alloc(0);

/** Zero bytes when nothing is set. @throws TypeError, RangeError naming the attribute */
export function encodeKvMetadata(metadata: KvMetadata | undefined): Buffer {
  if (metadata === undefined) return NOTHING;
  const { deleted, expiresAt, nonIndexable } = metadata;
  const out = Buffer.allocUnsafe(KV_BYTES_MAX);
  let at = 0;
  if (deleted === true) out[at++] = KV_DELETED;
  if (expiresAt !== undefined) {
    checkInteger('expiresAt', expiresAt, Number.MIN_SAFE_INTEGER);
    out[at] = KV_EXPIRES_AT;
    writeI64(out, at + 1, expiresAt);
    at += 9;
  }
  if (nonIndexable === true) out[at++] = KV_NON_INDEXABLE;
  return at === 0 ? NOTHING : out.subarray(0, at);
}

/** Undefined when nothing is set. @throws MetadataError */
export function decodeKvMetadata(encoded: Uint8Array): KvMetadata | undefined {
  const bytes = asBuffer(encoded);
  if (bytes.length > KV_BYTES_MAX) throw new MetadataError('entry metadata is too long');
  const found: { deleted?: true; expiresAt?: number; nonIndexable?: true } = {};
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at++];
    if (code === KV_DELETED) found.deleted = true;
    else if (code === KV_NON_INDEXABLE) found.nonIndexable = true;
    else if (code === KV_EXPIRES_AT && at + 8 <= bytes.length) {
      const expiresAt = readI64(bytes, at);
      if (!Number.isSafeInteger(expiresAt)) throw new MetadataError('expiresAt is out of range');
      found.expiresAt = expiresAt;
      at += 8;
    } else throw new MetadataError('entry metadata cannot be read');
  }
  return bytes.length === 0 ? undefined : found;
}

/** Zero bytes when nothing is set. @throws TypeError, RangeError naming the attribute */
export function encodeTxMetadata(metadata: TxMetadata | undefined): Buffer {
  if (metadata === undefined) return NOTHING;
  const { truncatedTxId, extra } = metadata;
  const parts: Buffer[] = [];
  if (truncatedTxId !== undefined) {
    checkInteger('truncatedTxId', truncatedTxId, 0);
    const part = Buffer.allocUnsafe(9);
    part[0] = TX_TRUNCATED;
    writeU64(part, 1, truncatedTxId);
    parts.push(part);
  }
  if (extra !== undefined) {
    checkBytes('extra', extra);
    if (extra.length > TX_EXTRA_BYTES_MAX) {
      throw new RangeError(
        `extra must have at most ${TX_EXTRA_BYTES_MAX} bytes, got ${extra.length}`,
      );
    }
    const part = Buffer.allocUnsafe(3 + extra.length);
    part[0] = TX_EXTRA;
    part.writeUInt16BE(extra.length, 1);
    part.set(extra, 3);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * Undefined when nothing is set. `extra` shares the memory of `encoded`.
 * @throws MetadataError
 */
export function decodeTxMetadata(encoded: Uint8Array): TxMetadata | undefined {
  const bytes = asBuffer(encoded);
  if (bytes.length > TX_METADATA_BYTES_MAX)
    throw new MetadataError('transaction metadata is too long');
  const found: { truncatedTxId?: number; extra?: Uint8Array } = {};
  for (let at = 0; at < bytes.length; ) {
    const code = bytes[at++];
    if (code === TX_TRUNCATED && at + 8 <= bytes.length) {
      const truncatedTxId = readU64(bytes, at);
      if (!Number.isSafeInteger(truncatedTxId)) {
        throw new MetadataError('truncatedTxId is out of range');
      }
      found.truncatedTxId = truncatedTxId;
      at += 8;
    } else if (code === TX_EXTRA && at + 2 <= bytes.length) {
      const length = bytes.readUInt16BE(at);
      at += 2;
      if (length > TX_EXTRA_BYTES_MAX || at + length > bytes.length) {
        throw new MetadataError('transaction metadata cannot be read');
      }
      found.extra = bytes.subarray(at, at + length);
      at += length;
    } else throw new MetadataError('transaction metadata cannot be read');
  }
  return bytes.length === 0 ? undefined : found;
}
