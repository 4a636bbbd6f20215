import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../base/log.js';
import { decodeKvMetadata, type State } from '../proofs/index.js';
import { StorageError, unlessDiskFull } from './errors.js';
import { indexKeyOf } from './index-key.js';
import type { LogStore } from './log-store.js';
import type { Store } from './store.js';
import type { TreeStore } from './tree-store.js';
import type { LogHead } from './tx-record.js';
import { verifyTxDigests, verifyTxLinks, verifyTxNodes } from './verify.js';

/** Milliseconds of reading the log again in one turn of the event loop. */
const REPLAY_TURN_MS = 5;

export type Progress = (done: number, total: number) => void;

/** @throws StorageError `corrupted` */
export function verifyTail({ txId }: State, log: LogStore, tree: TreeStore): void {
  if (txId === 0) return;
  const head = log.head(txId);
  verifyTxDigests(txId, head, log.entries(txId, head));
  verifyTxLinks(txId, head, log, tree);
  verifyTxNodes(txId, head, tree);
}

/**
 * Makes the index complete at opening: reads again what waited in memory at a crash, and builds everything
 * anew when it was found damaged or the newest transaction is not in it.
 */
export async function recoverIndex(store: Store, log: Log): Promise<void> {
  const last = store.state.txId;
  const { index } = store;
  const marker = index.storedMarker();
  try {
    if (marker !== undefined && !index.isDamaged) {
      index.openedAt(marker, true);
      return await replay(store, marker + 1, true);
    }
    index.openedAt(last, false);
    if (!index.isDamaged && (last === 0 || newestIsIndexed(store, last))) return;
  } catch (error) {
    if (!(error instanceof StorageError) || error.code !== 'corrupted') throw error;
  }
  log.warn('the index is damaged or behind the log and is built anew', { txId: last });
  await rebuildIndex(store, log);
}

function newestIsIndexed(store: Store, txId: number): boolean {
  return store.log.entries(txId).every(({ rawKey, metadata }) => {
    if (metadata.length > 0 && decodeKvMetadata(metadata)?.nonIndexable === true) return true;
    return store.index.lookup(indexKeyOf(rawKey))?.tx === txId;
  });
}

/** Builds index and history from the log. Nothing may be written meanwhile. */
export async function rebuildIndex(
  store: Store,
  log: Log,
  progress: Progress = () => {},
): Promise<void> {
  await store.index.clear(store.environment);
  await replay(store, 1, false, progress);
  while (store.index.hasMergeWork) await store.mergeIndexStep();
  log.info('the index was built anew', { txId: store.state.txId });
}

/** @param skipStored whether the tables may hold some of it already */
async function replay(
  store: Store,
  from: number,
  skipStored: boolean,
  progress: Progress = () => {},
): Promise<void> {
  const last = store.state.txId;
  let turnEnd = performance.now() + REPLAY_TURN_MS;
  for (let txId = from; txId <= last; txId++) {
    replayTx(store, txId, skipStored);
    const merge = async () => {
      while (store.index.mergeIsDue) await store.mergeIndexStep();
    };
    // What waited before a crash waits again if it must: a full disk is no hindrance then.
    await (skipStored ? unlessDiskFull(merge) : merge());
    if (performance.now() < turnEnd) continue;
    progress(txId, last);
    await nextTurn();
    turnEnd = performance.now() + REPLAY_TURN_MS;
  }
  progress(last, last);
}

function replayTx({ log, index }: Store, txId: number, skipStored: boolean): void {
  const head = log.head(txId);
  const entries = log.entries(txId, head);
  const segmentOf = segmentNumbers(head, entries.length);
  const changes = index.changes();
  entries.forEach((entry, i) => {
    const { rawKey, metadata } = entry;
    if (skipStored && (index.lookup(indexKeyOf(rawKey))?.tx ?? 0) >= txId) return;
    const valueKind = log.valueKind(entry);
    changes.addEntry(txId, i, segmentOf[i] as number, { rawKey, metadata, valueKind });
  });
  index.committed(changes, txId, false);
}

function segmentNumbers(head: LogHead, count: number): Uint16Array {
  const numbers = new Uint16Array(count);
  head.segmentStarts.forEach((start, segment) => {
    numbers.fill(segment, start, head.segmentStarts[segment + 1] ?? count);
  });
  return numbers;
}
