import type { Log } from '../base/log.js';
import {
  alhOf,
  decodeKvMetadata,
  EMPTY_HASH,
  entryDigestInto,
  hashTreeRoot,
  leafHash,
  type State,
  treeRoot,
  ZERO_HASH,
} from '../proofs/index.js';
import { corrupted } from './errors.js';
import { indexKeyOf } from './index-record.js';
import type { LogStore } from './log-store.js';
import type { Store } from './store.js';
import type { TreeStore } from './tree-store.js';
import type { LogEntry, LogHead } from './tx-record.js';

/** Transactions read again in one turn of the event loop. */
const REPLAY_TURN = 64;

/** Recomputes eH and Alh of a transaction from its entries. @throws StorageError `corrupted` */
export function verifyTxDigests(txId: number, head: LogHead, entries: readonly LogEntry[]): void {
  const digests = Buffer.allocUnsafe(32 * entries.length);
  entries.forEach((entry, i) => {
    const { metadata, rawKey, hValue } = entry;
    entryDigestInto(digests, 32 * i, head.header.version, metadata, rawKey, hValue);
  });
  if (!hashTreeRoot(digests).equals(head.header.eH)) {
    throw corrupted(`the entries of transaction ${txId} do not match its header`);
  }
  if (!alhOf(head.header).equals(head.alh)) {
    throw corrupted(`the header of transaction ${txId} does not match its Alh`);
  }
}

/** Checks how a transaction is linked to the one before it and to the tree. */
export function verifyTxLinks(txId: number, head: LogHead, log: LogStore, tree: TreeStore): void {
  const { prevAlh, blTxId, blRoot } = head.header;
  const before = txId === 1 ? EMPTY_HASH : log.alh(txId - 1);
  if (!before.equals(prevAlh)) throw corrupted(`transaction ${txId} does not follow ${txId - 1}`);
  const root = blTxId === 0 ? ZERO_HASH : treeRoot(tree, blTxId);
  if (Buffer.compare(root, blRoot) !== 0) {
    throw corrupted(`the tree does not match transaction ${txId}`);
  }
  if (Buffer.compare(tree.node(0, txId - 1), leafHash(head.alh)) !== 0) {
    throw corrupted(`transaction ${txId} is not in the tree`);
  }
}

/** @throws StorageError `corrupted` */
export function verifyTail(state: State, log: LogStore, tree: TreeStore): void {
  if (state.txId === 0) return;
  const head = log.head(state.txId);
  const entries = log.entries(state.txId, head);
  verifyTxDigests(state.txId, head, entries);
  verifyTxLinks(state.txId, head, log, tree);
}

/**
 * Makes the index complete at opening: reads again what waited in memory at a crash, and builds everything
 * anew when the newest transaction is not in it.
 */
export async function recoverIndex(store: Store, log: Log): Promise<void> {
  const last = store.state.txId;
  const marker = store.index.storedMarker();
  if (marker !== undefined) {
    store.index.openedAt(marker, true);
    await replayIndex(store, marker + 1);
    return;
  }
  store.index.openedAt(last, false);
  if (last === 0 || newestIsIndexed(store, last)) return;
  log.warn('the index is behind the log and is built anew', { txId: last });
  await rebuildIndex(store, log);
}

function newestIsIndexed(store: Store, txId: number): boolean {
  return store.log.entries(txId).every(({ rawKey, metadata }) => {
    if (metadata.length > 0 && decodeKvMetadata(metadata)?.nonIndexable === true) return true;
    return store.index.lookup(indexKeyOf(rawKey))?.tx === txId;
  });
}

/** Builds index and history from the log. */
export async function rebuildIndex(
  store: Store,
  log: Log,
  progress: (done: number, total: number) => void = () => {},
): Promise<void> {
  await store.index.clear(store.environment);
  await replayIndex(store, 1, progress);
  while (store.index.backlogKeys > 0) await store.mergeIndexStep();
  log.info('the index was built anew', { txId: store.state.txId });
}

async function replayIndex(
  store: Store,
  from: number,
  progress: (done: number, total: number) => void = () => {},
): Promise<void> {
  const last = store.state.txId;
  for (let txId = from; txId <= last; txId++) {
    const head = store.log.head(txId);
    const entries = store.log.entries(txId, head).map((entry) => ({
      rawKey: entry.rawKey,
      metadata: entry.metadata,
      valueKind: store.log.valueKind(entry),
    }));
    const changes = store.index.changes();
    changes.addTx(txId, entries, segmentNumbers(head, entries.length), true);
    changes.deferred = true;
    store.index.committed(changes, txId);
    while (store.index.mergeIsDue) await store.mergeIndexStep();
    if (txId % REPLAY_TURN === 0) {
      progress(txId, last);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function segmentNumbers(head: LogHead, count: number): Uint16Array {
  const numbers = new Uint16Array(count);
  head.segmentStarts.forEach((start, segment) => {
    numbers.fill(segment, start, head.segmentStarts[segment + 1] ?? count);
  });
  return numbers;
}
