import { checksum32, checksumSeed } from '../base/checksum.js';
import type { HeaderVersion, TxHeader } from '../proofs/index.js';
import { decodeTxMetadata, encodeTxMetadata } from '../proofs/index.js';
import { corrupted } from './errors.js';
import { readU64, SEGMENT_BYTES_TARGET, writeU64 } from './layout.js';

/** An entry as the log keeps it. */
export interface LogEntry {
  readonly rawKey: Buffer;
  /** Encoded entry metadata; empty when there is none. */
  readonly metadata: Buffer;
  readonly hValue: Buffer;
  /** Bytes of the raw value. */
  readonly vLen: number;
  /** The raw value when it stands in the log; else it is the blob `blobId`. */
  readonly inline?: Buffer | undefined;
  /** 0 when the value stands in the log. */
  readonly blobId: number;
}

export interface LogHead {
  readonly header: TxHeader;
  readonly alh: Buffer;
  /** Number of the first entry of each segment. */
  readonly segmentStarts: readonly number[];
}

export interface EncodedTx {
  readonly segments: readonly Buffer[];
  /** Segment of each entry, by entry number. */
  readonly segmentOf: Uint16Array;
  readonly bytes: number;
}

/** An entry that was read: one copy of its bytes, cut only where somebody looks. */
class StoredEntry implements LogEntry {
  readonly #bytes: Buffer;
  readonly #keyAt: number;
  readonly #hValueAt: number;
  readonly vLen: number;
  readonly blobId: number;
  readonly isInline: boolean;

  constructor(
    bytes: Buffer,
    metadataLength: number,
    keyLength: number,
    vLen: number,
    isBlob: boolean,
  ) {
    this.#bytes = bytes;
    this.#keyAt = 12 + metadataLength;
    this.#hValueAt = this.#keyAt + keyLength;
    this.vLen = vLen;
    this.isInline = !isBlob;
    this.blobId = isBlob ? readU64(bytes, this.#hValueAt + 32) : 0;
  }

  get metadata(): Buffer {
    return this.#keyAt === 12 ? NOTHING : this.#bytes.subarray(12, this.#keyAt);
  }

  get rawKey(): Buffer {
    return this.#bytes.subarray(this.#keyAt, this.#hValueAt);
  }

  get hValue(): Buffer {
    return this.#bytes.subarray(this.#hValueAt, this.#hValueAt + 32);
  }

  get inline(): Buffer | undefined {
    return this.isInline ? this.#bytes.subarray(this.#hValueAt + 32) : undefined;
  }
}

const NOTHING = Buffer.alloc(0);
const RECORD_FORMAT = 1;
const PREFIX_BYTES = 6;
const FLAG_HEAD = 1;
/** ts, version, metadata length, nentries, blTxId, four digests, number of segments, checksum. */
const HEAD_BYTES = 8 + 1 + 2 + 4 + 8 + 4 * 32 + 2 + 4;
const ENTRY_BYTES = 4 + 1 + 1 + 2 + 4 + 32;
const FLAG_BLOB = 1;

function entryBytes(entry: LogEntry): number {
  const value = entry.inline === undefined ? 8 : entry.inline.length;
  return ENTRY_BYTES + entry.metadata.length + entry.rawKey.length + value + 2;
}

/** Where segments begin: each is filled up to the target size, and holds at least one entry. */
function planSegments(entries: readonly LogEntry[], headBytes: number): number[] {
  const starts = [0];
  let size = PREFIX_BYTES + headBytes;
  let count = 0;
  for (let i = 0; i < entries.length; i++) {
    const bytes = entryBytes(entries[i] as LogEntry);
    if (count > 0 && size + bytes > SEGMENT_BYTES_TARGET) {
      starts.push(i);
      size = PREFIX_BYTES;
      count = 0;
    }
    size += bytes;
    count++;
  }
  return starts;
}

/** @returns the segments of a transaction, number 0 with its header first */
export function encodeTx(
  header: TxHeader,
  alh: Uint8Array,
  entries: readonly LogEntry[],
): EncodedTx {
  const metadata = encodeTxMetadata(header.metadata);
  const starts = planSegments(entries, HEAD_BYTES + metadata.length);
  const segmentOf = new Uint16Array(entries.length);
  let bytes = 0;
  const segments = starts.map((start, segment) => {
    const end = starts[segment + 1] ?? entries.length;
    segmentOf.fill(segment, start, end);
    const headBytes = segment === 0 ? HEAD_BYTES + metadata.length + 2 * (starts.length - 1) : 0;
    let size = PREFIX_BYTES + headBytes;
    for (let i = start; i < end; i++) size += entryBytes(entries[i] as LogEntry);
    const out = Buffer.allocUnsafe(size);
    out[0] = RECORD_FORMAT;
    out[1] = segment === 0 ? FLAG_HEAD : 0;
    out.writeUInt16BE(end - start, 2);
    out.writeUInt16BE(start, 4);
    if (segment === 0) encodeHead(out, header, alh, metadata, starts);
    encodeEntries(out, PREFIX_BYTES + headBytes, header.id, entries, start, end);
    bytes += size;
    return out;
  });
  return { segments, segmentOf, bytes };
}

function encodeHead(
  out: Buffer,
  header: TxHeader,
  alh: Uint8Array,
  metadata: Uint8Array,
  starts: readonly number[],
): void {
  let at = PREFIX_BYTES;
  out.writeBigInt64BE(BigInt(header.ts), at);
  out[at + 8] = header.version;
  out.writeUInt16BE(metadata.length, at + 9);
  out.writeUInt32BE(header.nentries, at + 11);
  writeU64(out, at + 15, header.blTxId);
  at += 23;
  for (const digest of [header.prevAlh, header.eH, header.blRoot, alh]) {
    out.set(digest, at);
    at += 32;
  }
  out.set(metadata, at);
  at += metadata.length;
  out.writeUInt16BE(starts.length, at);
  at += 2;
  for (let i = 1; i < starts.length; i++, at += 2) out.writeUInt16BE(starts[i] as number, at);
  out.writeUInt32BE(checksum32(out, 0, at, checksumSeed(header.id)), at);
}

function encodeEntries(
  out: Buffer,
  offsetsAt: number,
  txId: number,
  entries: readonly LogEntry[],
  start: number,
  end: number,
): void {
  let at = offsetsAt + 2 * (end - start);
  for (let i = start; i < end; i++) {
    const entry = entries[i] as LogEntry;
    out.writeUInt16BE(at, offsetsAt + 2 * (i - start));
    const from = at;
    out[at + 4] = entry.inline === undefined ? FLAG_BLOB : 0;
    out[at + 5] = entry.metadata.length;
    out.writeUInt16BE(entry.rawKey.length, at + 6);
    out.writeUInt32BE(entry.vLen, at + 8);
    at += 12;
    out.set(entry.metadata, at);
    at += entry.metadata.length;
    out.set(entry.rawKey, at);
    at += entry.rawKey.length;
    out.set(entry.hValue, at);
    at += 32;
    if (entry.inline === undefined) {
      writeU64(out, at, entry.blobId);
      at += 8;
    }
    out.writeUInt32BE(checksum32(out, from + 4, at, checksumSeed(txId, i)), from);
    if (entry.inline !== undefined) {
      out.set(entry.inline, at);
      at += entry.inline.length;
    }
  }
}

/** Where the entry offsets of a segment begin, after a head that was checked. */
function headEnd(txId: number, bytes: Buffer): number {
  if (bytes[0] !== RECORD_FORMAT) throw corrupted(`transaction ${txId}, record format`);
  if (bytes[1] !== FLAG_HEAD) return PREFIX_BYTES;
  let at = PREFIX_BYTES + 23 + 128 + bytes.readUInt16BE(PREFIX_BYTES + 9);
  if (at + 6 > bytes.length) throw corrupted(`header of transaction ${txId}`);
  at += 2 + 2 * (bytes.readUInt16BE(at) - 1);
  if (at < PREFIX_BYTES || at + 4 > bytes.length) throw corrupted(`header of transaction ${txId}`);
  if (bytes.readUInt32BE(at) !== checksum32(bytes, 0, at, checksumSeed(txId))) {
    throw corrupted(`header of transaction ${txId}`);
  }
  return at + 4;
}

/** @param bytes segment 0; may be a view that is valid only now: what is returned is copied */
export function decodeHead(txId: number, bytes: Buffer): LogHead {
  if (bytes.length < PREFIX_BYTES + HEAD_BYTES || bytes[1] !== FLAG_HEAD) {
    throw corrupted(`header of transaction ${txId}`);
  }
  headEnd(txId, bytes);
  const base = PREFIX_BYTES;
  const metadataLength = bytes.readUInt16BE(base + 9);
  const digests = Buffer.from(bytes.subarray(base + 23, base + 151));
  let at = base + 151 + metadataLength;
  const metadata = decodeTxMetadata(Buffer.from(bytes.subarray(base + 151, at)));
  const segmentStarts = [0];
  const count = bytes.readUInt16BE(at);
  for (let i = 1; i < count; i++) segmentStarts.push(bytes.readUInt16BE((at += 2)));
  return {
    header: {
      id: txId,
      ts: Number(bytes.readBigInt64BE(base)),
      version: bytes[base + 8] as HeaderVersion,
      nentries: bytes.readUInt32BE(base + 11),
      blTxId: readU64(bytes, base + 15),
      prevAlh: digests.subarray(0, 32),
      eH: digests.subarray(32, 64),
      blRoot: digests.subarray(64, 96),
      ...(metadata === undefined ? {} : { metadata }),
    },
    alh: digests.subarray(96, 128),
    segmentStarts,
  };
}

/**
 * Decodes entry `index` of a transaction out of the segment that holds it. Everything but the value is
 * covered by a checksum, the value by `hValue`, which the reader of the value checks.
 */
export function decodeEntry(txId: number, index: number, bytes: Buffer): LogEntry {
  const what = () => corrupted(`entry ${index} of transaction ${txId}`);
  if (bytes.length < PREFIX_BYTES || bytes[0] !== RECORD_FORMAT) throw what();
  const slot = index - bytes.readUInt16BE(4);
  if (slot < 0 || slot >= bytes.readUInt16BE(2)) throw what();
  const offsets = bytes[1] === FLAG_HEAD ? uncheckedHeadEnd(bytes) : PREFIX_BYTES;
  const offsetAt = offsets + 2 * slot;
  if (offsetAt + 2 > bytes.length) throw what();
  return entryAt(txId, index, bytes, bytes.readUInt16BE(offsetAt));
}

/** The entry's own checksum catches a wrong place, so the head need not be checked for one entry. */
function uncheckedHeadEnd(bytes: Buffer): number {
  const at = PREFIX_BYTES + 151 + bytes.readUInt16BE(PREFIX_BYTES + 9);
  if (at + 2 > bytes.length) return bytes.length;
  return at + 2 + 2 * (bytes.readUInt16BE(at) - 1) + 4;
}

function entryAt(txId: number, index: number, bytes: Buffer, from: number): LogEntry {
  const what = () => corrupted(`entry ${index} of transaction ${txId}`);
  if (from + 12 > bytes.length) throw what();
  const isBlob = bytes[from + 4] === FLAG_BLOB;
  const metadataLength = bytes[from + 5] as number;
  const keyLength = bytes.readUInt16BE(from + 6);
  const vLen = bytes.readUInt32BE(from + 8);
  const hValueAt = from + 12 + metadataLength + keyLength;
  const checkedEnd = hValueAt + 32 + (isBlob ? 8 : 0);
  const end = isBlob ? checkedEnd : checkedEnd + vLen;
  if (end > bytes.length) throw what();
  if (
    bytes.readUInt32BE(from) !== checksum32(bytes, from + 4, checkedEnd, checksumSeed(txId, index))
  ) {
    throw what();
  }
  const copy = Buffer.allocUnsafe(end - from);
  bytes.copy(copy, 0, from, end);
  return new StoredEntry(copy, metadataLength, keyLength, vLen, isBlob);
}

/** All entries of one segment, in order. */
export function decodeEntries(txId: number, bytes: Buffer): LogEntry[] {
  if (bytes.length < PREFIX_BYTES) throw corrupted(`transaction ${txId}`);
  const offsets = headEnd(txId, bytes);
  const count = bytes.readUInt16BE(2);
  const first = bytes.readUInt16BE(4);
  if (offsets + 2 * count > bytes.length) throw corrupted(`transaction ${txId}`);
  const entries: LogEntry[] = [];
  for (let slot = 0; slot < count; slot++) {
    entries.push(entryAt(txId, first + slot, bytes, bytes.readUInt16BE(offsets + 2 * slot)));
  }
  return entries;
}
