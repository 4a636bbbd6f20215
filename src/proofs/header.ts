import { asBuffer, readI64, readU64, writeI64, writeU64 } from '../base/bytes.js';
import { sha256 } from '../base/sha256.js';
import { decodeTxMetadata, encodeTxMetadata } from './metadata.js';
import type { HeaderVersion, TxHeader } from './types.js';

const V0_ENTRIES_MAX = 0xffff;

/** `ts || version || (nentries | metadata, nentries) || eH || blTxId || blRoot` */
function tail(header: TxHeader): Buffer {
  const { version, nentries } = header;
  if (version === 0 && nentries > V0_ENTRIES_MAX) {
    throw new RangeError(`nentries of header version 0 must be at most 65535, got ${nentries}`);
  }
  const metadata = version === 1 ? encodeTxMetadata(header.metadata) : undefined;
  const out = Buffer.allocUnsafe(84 + (metadata === undefined ? 0 : 4 + metadata.length));
  writeI64(out, 0, header.ts);
  out.writeUInt16BE(version, 8);
  let at = 10;
  if (metadata === undefined) {
    out.writeUInt16BE(nentries, at);
    at += 2;
  } else {
    out.writeUInt16BE(metadata.length, at);
    out.set(metadata, at + 2);
    at += 2 + metadata.length;
    out.writeUInt32BE(nentries, at);
    at += 4;
  }
  out.set(header.eH, at);
  writeU64(out, at + 32, header.blTxId);
  out.set(header.blRoot, at + 40);
  return out;
}

export function innerHash(header: TxHeader): Buffer {
  return sha256(tail(header));
}

/** `H(u64(id) || prevAlh || innerHash)`: stands for all history up to this transaction. */
export function alhOf(header: TxHeader): Buffer {
  return alhFrom(header.id, header.prevAlh, innerHash(header));
}

export function alhFrom(id: number, prevAlh: Uint8Array, inner: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(72);
  writeU64(input, 0, id);
  input.set(prevAlh, 8);
  input.set(inner, 40);
  return sha256(input);
}

/** The header as transaction export writes it. */
export function headerBytes(header: TxHeader): Buffer {
  const head = Buffer.allocUnsafe(40);
  writeU64(head, 0, header.id);
  head.set(header.prevAlh, 8);
  return Buffer.concat([head, tail(header)]);
}

/** Reads what `headerBytes` wrote; undefined for anything else. */
export function parseHeaderBytes(bytes: Uint8Array): TxHeader | undefined {
  const input = asBuffer(bytes);
  if (input.length < 124) return undefined;
  const version = input.readUInt16BE(48);
  if (version !== 0 && version !== 1) return undefined;
  const metadataLength = version === 1 ? input.readUInt16BE(50) : 0;
  const countAt = version === 1 ? 52 + metadataLength : 50;
  const eHAt = countAt + (version === 1 ? 4 : 2);
  if (input.length !== eHAt + 72) return undefined;
  const [id, ts, blTxId] = [readU64(input, 0), readI64(input, 40), readU64(input, eHAt + 32)];
  if (![id, ts, blTxId].every(Number.isSafeInteger)) return undefined;
  const metadata = version === 1 ? decodeTxMetadata(input.subarray(52, countAt)) : undefined;
  return {
    id,
    prevAlh: input.subarray(8, 40),
    ts,
    version: version as HeaderVersion,
    nentries: version === 1 ? input.readUInt32BE(countAt) : input.readUInt16BE(countAt),
    eH: input.subarray(eHAt, eHAt + 32),
    blTxId,
    blRoot: input.subarray(eHAt + 40),
    ...(metadata === undefined ? {} : { metadata }),
  };
}
