import { equalBytes } from '../base/bytes.js';
import {
  alhOf,
  EMPTY_HASH,
  entryDigestInto,
  hashTreeRoot,
  leafHash,
  nodeHash,
  treeRoot,
  ZERO_HASH,
} from '../proofs/index.js';
import { corrupted } from './errors.js';
import type { LogStore } from './log-store.js';
import type { TreeStore } from './tree-store.js';
import type { LogEntry, LogHead } from './tx-record.js';

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

/** Checks how a transaction is linked to the one before it and to the tree before it. */
export function verifyTxLinks(
  txId: number,
  head: LogHead,
  log: LogStore,
  tree: TreeStore,
  beforeAlh: Uint8Array = txId === 1 ? EMPTY_HASH : log.alh(txId - 1),
): void {
  const { prevAlh, blTxId, blRoot } = head.header;
  if (!equalBytes(beforeAlh, prevAlh)) {
    throw corrupted(`transaction ${txId} does not follow ${txId - 1}`);
  }
  const root = blTxId === 0 ? ZERO_HASH : treeRoot(tree, blTxId);
  if (!equalBytes(root, blRoot)) throw corrupted(`the tree does not match transaction ${txId}`);
}

/** Recomputes the nodes of the tree that a transaction closes. @throws StorageError `corrupted` */
export function verifyTxNodes(txId: number, head: LogHead, tree: TreeStore): void {
  const nodes = tree.closedBy(txId);
  let expected: Uint8Array = leafHash(head.alh);
  for (let level = 0; ; level++) {
    const node = nodes[level];
    if (node === undefined || !equalBytes(node, expected)) {
      throw corrupted(`tree node ${txId}/${level} does not match transaction ${txId}`);
    }
    const width = 2 ** level;
    if ((txId / width) % 2 === 1) {
      if (nodes.length !== level + 1) throw corrupted(`tree nodes of transaction ${txId}`);
      return;
    }
    expected = nodeHash(tree.node(level, txId / width - 2), node);
  }
}
