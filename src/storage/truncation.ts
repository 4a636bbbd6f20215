import { setImmediate as nextTurn } from 'node:timers/promises';
import { readU64, writeU64 } from '../base/bytes.js';
import { checksum32, checksumSeed } from '../base/checksum.js';
import { REFERENCE_VALUE_PREFIX } from '../proofs/index.js';
import { corrupted } from './errors.js';
import { logKey, META_TRUNCATION } from './layout.js';
import type { Store } from './store.js';
import { encodeTx } from './tx-encoder.js';
import type { LogEntry } from './tx-record.js';

/** How far values were removed. Both are 1 in a store where none ever were. */
export interface Truncation {
  /** The values of all transactions before this one are gone. */
  readonly next: number;
  /** Those before this one shall be. */
  readonly end: number;
}

export interface TruncationOptions {
  /** Ends the work between two steps; it can be taken up again. */
  readonly signal?: AbortSignal;
  /** Told after every step, with the number of the next transaction. */
  readonly onProgress?: (next: number, end: number) => void;
}

export interface TruncationReport {
  /** Values that were removed. */
  readonly values: number;
  /** Of these values. */
  readonly bytes: number;
  /** The values of all transactions before this one are gone. */
  readonly next: number;
}

/** About the bytes of log records that one commit writes anew; a transaction is never cut. */
const STEP_BYTES = 1 << 20;
/** Transactions that one step looks at, and milliseconds of reading in one turn of the event loop. */
const STEP_TXS = 2048;
const TURN_MS = 3;
const MARK_BYTES = 20;

/** @throws StorageError `corrupted` */
export function truncationOf({ environment }: Store): Truncation {
  const stored = environment.table('meta').get(Buffer.from(META_TRUNCATION));
  if (stored === undefined) return { next: 1, end: 1 };
  if (stored.length !== MARK_BYTES || stored.readUInt32BE(16) !== checksumOf(stored)) {
    throw corrupted('the mark of the truncation');
  }
  return { next: readU64(stored, 0), end: readU64(stored, 8) };
}

function encodeMark({ next, end }: Truncation): Buffer {
  const out = Buffer.alloc(MARK_BYTES);
  writeU64(out, 0, next);
  writeU64(out, 8, end);
  out.writeUInt32BE(checksumOf(out), 16);
  return out;
}

function checksumOf(mark: Buffer): number {
  return checksum32(mark, 0, 16, checksumSeed(0));
}

/**
 * The first transaction that is not older than `beforeSeconds` (Unix). A transaction without a time of its
 * commit is never old, and ends the search, as one does that the clock of that day puts too late.
 */
export async function firstNotBefore(
  store: Store,
  beforeSeconds: number,
  signal?: AbortSignal,
): Promise<number> {
  const last = store.state.txId;
  let turnEnd = performance.now() + TURN_MS;
  let txId = truncationOf(store).end;
  for (; txId <= last; txId++) {
    const { ts } = store.log.header(txId);
    if (ts === 0 || ts >= beforeSeconds) break;
    if (performance.now() < turnEnd) continue;
    await nextTurn();
    signal?.throwIfAborted();
    turnEnd = performance.now() + TURN_MS;
  }
  return txId;
}

/**
 * Removes the values of all transactions before `end`, and of none that were asked for earlier and are not
 * removed yet less. Keys, digests and lengths stay, and so do references, which hold a key only: all
 * proofs stay what they are. Each step is one durable commit that also notes how far it came. Not to be
 * called while another one runs.
 * @throws StorageError `corrupted`, `storageFailed`, `diskFull`, `closed`; AbortError
 */
export async function truncateValues(
  store: Store,
  end: number,
  { signal, onProgress = () => {} }: TruncationOptions = {},
): Promise<TruncationReport> {
  const before = truncationOf(store);
  const goal = Math.min(Math.max(end, before.end), store.state.txId + 1);
  let { next } = before;
  let values = 0;
  let bytes = 0;
  while (next < goal) {
    signal?.throwIfAborted();
    const step = planStep(store, next, goal);
    await commitStep(store, step, goal);
    next = step.next;
    values += step.values;
    bytes += step.valueBytes;
    onProgress(next, goal);
  }
  return { values, bytes, next };
}

interface Step {
  next: number;
  values: number;
  valueBytes: number;
  recordBytes: number;
  readonly records: { readonly key: Buffer; readonly segment: Buffer }[];
  readonly blobs: number[];
}

/** Everything is read before the commit: damage that is met must not look like a failure of the disk. */
function planStep(store: Store, from: number, end: number): Step {
  const step: Step = {
    next: from,
    values: 0,
    valueBytes: 0,
    recordBytes: 0,
    records: [],
    blobs: [],
  };
  const turnEnd = performance.now() + TURN_MS;
  do planTx(store, step.next++, step);
  while (
    step.next < end &&
    step.next - from < STEP_TXS &&
    step.recordBytes < STEP_BYTES &&
    performance.now() < turnEnd
  );
  return step;
}

function planTx({ log }: Store, txId: number, step: Step): void {
  const head = log.head(txId);
  const entries = log.entries(txId, head);
  let changed = false;
  const left = entries.map((entry): LogEntry => {
    const { rawKey, metadata, hValue, vLen, blobId } = entry;
    if (stays(entry)) return entry;
    changed = true;
    step.values++;
    step.valueBytes += vLen;
    if (blobId !== 0) step.blobs.push(blobId);
    return { rawKey, metadata, hValue, vLen, blobId: 0, inline: undefined, truncated: true };
  });
  if (!changed) return;
  // The index knows entries by their segment, so each stays in its own.
  const { segments, bytes } = encodeTx(head.header, head.alh, left, head.segmentStarts);
  segments.forEach((segment, number) => {
    step.records.push({ key: logKey(txId, number), segment });
  });
  step.recordBytes += bytes;
}

/** Of a value that is empty but for its prefix there is nothing to remove. */
function stays({ truncated, vLen, inline }: LogEntry): boolean {
  return truncated || vLen <= 1 || inline?.[0] === REFERENCE_VALUE_PREFIX;
}

async function commitStep(
  { environment, blobs, log }: Store,
  step: Step,
  end: number,
): Promise<void> {
  const mark = encodeMark({ next: step.next, end });
  const write = (batch: Parameters<typeof blobs.release>[0]) => {
    for (const { key, segment } of step.records) batch.put('log', key, segment);
    for (const blobId of step.blobs) blobs.release(batch, blobId);
    batch.put('meta', Buffer.from(META_TRUNCATION), mark);
  };
  await environment.commit(step.recordBytes + 64 * step.blobs.length, write, true);
  log.forgetRead();
  // A crash in between leaves them to the next opening.
  await blobs.discard(step.blobs);
}
