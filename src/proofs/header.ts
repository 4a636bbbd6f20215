import { asBuffer, equalBytes, readI64, readU64, writeI64, writeU64 } from '../base/bytes.js';
import { sha256 } from '../base/sha256.js';
import { checkDigest, checkInteger, ifAccepted, isObject } from './checks.js';
import { MetadataError } from './errors.js';
import { copyShort, HashInput } from './hash-input.js';
import { decodeTxMetadata, encodeTxMetadata, TX_METADATA_BYTES_MAX } from './metadata.js';
import type { HeaderVersion, TxHeader, TxMetadata } from './types.js';

/** Of a header without metadata, by version. */
const TAIL_BYTES = [84, 88] as const;
const HEAD_BYTES = 40;
const NENTRIES_MAX = [0xffff, 0xffff_ffff] as const;

const TAIL_BYTES_MAX = TAIL_BYTES[1] + TX_METADATA_BYTES_MAX;
const tailInput = new HashInput(TAIL_BYTES_MAX);
const alhInput = Buffer.alloc(72);

/** @throws TypeError, RangeError naming the field that cannot be hashed */
function checkHeader(header: TxHeader): void {
  const { version } = header;
  if (version !== 0 && version !== 1) {
    throw new RangeError(`version must be 0 or 1, got ${String(version)}`);
  }
  checkInteger('id', header.id, 1);
  checkInteger('ts', header.ts, Number.MIN_SAFE_INTEGER);
  checkInteger('nentries', header.nentries, 0, NENTRIES_MAX[version]);
  checkInteger('blTxId', header.blTxId, 0, header.id - 1);
  checkDigest('prevAlh', header.prevAlh);
  checkDigest('eH', header.eH);
  checkDigest('blRoot', header.blRoot);
  if (header.metadata === undefined) return;
  if (!isObject(header.metadata)) throw new TypeError('metadata must be an object');
  if (encodeTxMetadata(header.metadata).length > 0 && version === 0) {
    throw new RangeError('metadata must be absent in header version 0, which does not hash it');
  }
}

/** Whether hostile input is a header that can be hashed. */
export function isHeader(value: unknown): value is TxHeader {
  const check = () => {
    checkHeader(value as TxHeader);
    return true;
  };
  return isObject(value) && ifAccepted(check) === true;
}

/**
 * Writes `ts || version || (nentries | metadata, nentries) || eH || blTxId || blRoot` of a checked header.
 * @returns what was written, valid until the next call
 */
function tail(header: TxHeader): Buffer {
  const { version } = header;
  const input = tailInput.reserve(TAIL_BYTES_MAX);
  writeI64(input, 0, header.ts);
  input.writeUInt16BE(version, 8);
  let at = 10;
  if (version === 0) {
    input.writeUInt16BE(header.nentries, at);
    at += 2;
  } else {
    const metadata = encodeTxMetadata(header.metadata);
    input.writeUInt16BE(metadata.length, at);
    input.set(metadata, at + 2);
    at += 2 + metadata.length;
    input.writeUInt32BE(header.nentries, at);
    at += 4;
  }
  copyShort(input, at, header.eH, 0, 32);
  writeU64(input, at + 32, header.blTxId);
  copyShort(input, at + 40, header.blRoot, 0, 32);
  return tailInput.first(at + 72);
}

/** @throws TypeError, RangeError naming the field that cannot be hashed */
export function innerHash(header: TxHeader): Buffer {
  checkHeader(header);
  return sha256(tail(header));
}

/**
 * `H(u64(id) || prevAlh || innerHash)`: stands for all history up to this transaction.
 * @throws TypeError, RangeError naming the field that cannot be hashed
 */
export function alhOf(header: TxHeader): Buffer {
  return alhFrom(header.id, header.prevAlh, innerHash(header));
}

export function alhFrom(id: number, prevAlh: Uint8Array, inner: Uint8Array): Buffer {
  checkInteger('id', id, 1);
  checkDigest('prevAlh', prevAlh);
  checkDigest('inner', inner);
  writeU64(alhInput, 0, id);
  copyShort(alhInput, 8, prevAlh, 0, 32);
  copyShort(alhInput, 40, inner, 0, 32);
  return sha256(alhInput);
}

/** The header as transaction export writes it. */
export function headerBytes(header: TxHeader): Buffer {
  checkHeader(header);
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  writeU64(head, 0, header.id);
  head.set(header.prevAlh, 8);
  return Buffer.concat([head, tail(header)]);
}

/** Undefined for what would not encode to the same bytes again, and so not hash to the same Alh. */
function parseMetadata(encoded: Buffer): { readonly metadata?: TxMetadata } | undefined {
  try {
    const metadata = decodeTxMetadata(encoded);
    if (!equalBytes(encodeTxMetadata(metadata), encoded)) return undefined;
    return metadata === undefined ? {} : { metadata };
  } catch (error) {
    if (error instanceof MetadataError) return undefined;
    throw error;
  }
}

/** Reads what `headerBytes` wrote; undefined for anything else. Digests share the memory of `bytes`. */
export function parseHeaderBytes(bytes: Uint8Array): TxHeader | undefined {
  const input = asBuffer(bytes);
  if (input.length < HEAD_BYTES + TAIL_BYTES[0]) return undefined;
  const version = input.readUInt16BE(48);
  if (version !== 0 && version !== 1) return undefined;
  const metadataLength = version === 1 ? input.readUInt16BE(50) : 0;
  if (input.length !== HEAD_BYTES + TAIL_BYTES[version] + metadataLength) return undefined;
  const eHAt = input.length - 72;
  const countAt = version === 1 ? eHAt - 4 : eHAt - 2;
  const metadata = version === 1 ? parseMetadata(input.subarray(52, countAt)) : {};
  if (metadata === undefined) return undefined;
  const header: TxHeader = {
    id: readU64(input, 0),
    prevAlh: input.subarray(8, 40),
    ts: readI64(input, 40),
    version: version as HeaderVersion,
    nentries: version === 1 ? input.readUInt32BE(countAt) : input.readUInt16BE(countAt),
    eH: input.subarray(eHAt, eHAt + 32),
    blTxId: readU64(input, eHAt + 32),
    blRoot: input.subarray(eHAt + 40),
    ...metadata,
  };
  return isHeader(header) ? header : undefined;
}
