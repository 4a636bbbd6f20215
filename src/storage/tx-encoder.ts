import { writeI64, writeU64 } from '../base/bytes.js';
import { checksum32, checksumSeed } from '../base/checksum.js';
import { encodeTxMetadata, type TxHeader } from '../proofs/index.js';
import { SEGMENT_BYTES_TARGET } from './layout.js';
import {
  ENTRY_HEAD_BYTES,
  type EncodedTx,
  FLAG_HEAD,
  HEAD_BYTES,
  KIND_BLOB,
  kindOf,
  type LogEntry,
  PREFIX_BYTES,
  RECORD_FORMAT,
} from './tx-record.js';

/** The part of an entry that its checksum covers, and the value, without its slot in the offsets. */
function entryBytes(entry: LogEntry): number {
  const { inline, metadata, rawKey } = entry;
  const value = kindOf(entry) === KIND_BLOB ? 8 : (inline?.length ?? 0);
  return ENTRY_HEAD_BYTES + metadata.length + rawKey.length + 32 + value;
}

/** With more, the list of segments leaves no room for entries that 16-bit offsets reach. */
const SEGMENTS_BESIDE_ENTRIES_MAX = 16_384;

/**
 * Where segments begin: each is filled up to the target size and holds at least one entry, but for the
 * first one of a transaction with very many, which is the head alone.
 */
function planSegments(entries: readonly LogEntry[], headBytes: number): number[] {
  const starts = [0];
  let size = PREFIX_BYTES + headBytes;
  let count = 0;
  for (let i = 0; i < entries.length; i++) {
    const bytes = entryBytes(entries[i] as LogEntry) + 2;
    if (count > 0 && size + bytes > SEGMENT_BYTES_TARGET) {
      starts.push(i);
      size = PREFIX_BYTES;
      count = 0;
    }
    size += bytes;
    count++;
  }
  if (starts.length > SEGMENTS_BESIDE_ENTRIES_MAX) starts.unshift(0);
  return starts;
}

/**
 * @param starts where segments begin; by default each is filled up
 * @returns the segments of a transaction, number 0 with its header first, in one piece of memory
 */
export function encodeTx(
  header: TxHeader,
  alh: Uint8Array,
  entries: readonly LogEntry[],
  starts?: readonly number[],
): EncodedTx {
  const metadata = encodeTxMetadata(header.metadata);
  const firsts = starts ?? planSegments(entries, HEAD_BYTES + metadata.length);
  const headBytes = HEAD_BYTES + metadata.length + 2 * (firsts.length - 1);
  const segmentOf = new Uint16Array(entries.length);
  let bytes = headBytes;
  for (const entry of entries) bytes += entryBytes(entry) + 2;
  const out = Buffer.allocUnsafe(bytes + firsts.length * PREFIX_BYTES);
  const segments: Buffer[] = [];
  let from = 0;
  for (let segment = 0; segment < firsts.length; segment++) {
    const start = firsts[segment] as number;
    const end = firsts[segment + 1] ?? entries.length;
    segmentOf.fill(segment, start, end);
    const rest = out.subarray(from);
    rest[0] = RECORD_FORMAT;
    rest[1] = segment === 0 ? FLAG_HEAD : 0;
    rest.writeUInt16BE(end - start, 2);
    rest.writeUInt16BE(start, 4);
    if (segment === 0) encodeHead(rest, header, alh, metadata, firsts);
    const offsetsAt = PREFIX_BYTES + (segment === 0 ? headBytes : 0);
    const size = encodeEntries(rest, offsetsAt, header.id, entries, start, end);
    segments.push(rest.subarray(0, size));
    from += size;
  }
  return { segments, segmentOf, bytes: from };
}

function encodeHead(
  out: Buffer,
  header: TxHeader,
  alh: Uint8Array,
  metadata: Uint8Array,
  starts: readonly number[],
): void {
  let at = PREFIX_BYTES;
  writeI64(out, at, header.ts);
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
  out.writeUInt16BE(starts.length - 1, at);
  at += 2;
  for (let i = 1; i < starts.length; i++, at += 2) out.writeUInt16BE(starts[i] as number, at);
  out.writeUInt32BE(checksum32(out, 0, at, checksumSeed(header.id)), at);
}

/** @returns where the last entry ends */
function encodeEntries(
  out: Buffer,
  offsetsAt: number,
  txId: number,
  entries: readonly LogEntry[],
  start: number,
  end: number,
): number {
  let at = offsetsAt + 2 * (end - start);
  for (let i = start; i < end; i++) {
    const entry = entries[i] as LogEntry;
    const { metadata, rawKey, hValue, inline } = entry;
    const kind = kindOf(entry);
    const from = at;
    out.writeUInt16BE(from, offsetsAt + 2 * (i - start));
    out[from + 4] = kind;
    out[from + 5] = metadata.length;
    out.writeUInt16BE(rawKey.length, from + 6);
    out.writeUInt32BE(entry.vLen, from + 8);
    at += ENTRY_HEAD_BYTES;
    out.set(metadata, at);
    at += metadata.length;
    out.set(rawKey, at);
    at += rawKey.length;
    out.set(hValue, at);
    at += 32;
    if (kind === KIND_BLOB) {
      writeU64(out, at, entry.blobId);
      at += 8;
    }
    out.writeUInt32BE(checksum32(out, from + 4, at, checksumSeed(txId, i)), from);
    if (inline !== undefined) {
      out.set(inline, at);
      at += inline.length;
    }
  }
  return at;
}
