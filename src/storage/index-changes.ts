import { decodeKvMetadata, REFERENCE_VALUE_PREFIX, SORTED_SET_PREFIX } from '../proofs/index.js';
import { indexKeyOf } from './index-key.js';
import type { IndexEntry, Location } from './index-record.js';

/** A version of a key that is not in the tables yet. */
export interface Waiting extends Location {
  readonly deleted: boolean;
  readonly isReference: boolean;
  /** Unix seconds. */
  readonly expiresAt: number | undefined;
  /** The versions before this one that wait too, oldest first. */
  older: Waiting[] | undefined;
}

/** One entry of a transaction, as far as the index cares. */
export interface IndexedEntry {
  readonly rawKey: Buffer;
  /** Encoded. */
  readonly metadata: Buffer;
  /** First byte of the raw value. */
  readonly valueKind: number | undefined;
}

const SORTED_SET_NAME = String.fromCharCode(SORTED_SET_PREFIX);

/** Elements of sorted sets have no history: the newest transaction that wrote one stands for it. */
export function isSortedSetName(name: string): boolean {
  return name.startsWith(SORTED_SET_NAME);
}

/** `newer` after `before` of the same key; takes over the list of either. */
export function joined(name: string, before: Waiting | undefined, newer: Waiting): Waiting {
  if (before === undefined || isSortedSetName(name)) return newer;
  const older = before.older ?? [];
  older.push(before);
  if (newer.older !== undefined) older.push(...newer.older);
  before.older = undefined;
  newer.older = older;
  return newer;
}

/** Version number `revision` of a key whose first `storedRevision` versions are in the tables. */
export function versionIn(
  waiting: Waiting,
  storedRevision: number,
  revision: number,
): Waiting | undefined {
  const at = revision - storedRevision - 1;
  const count = waiting.older?.length ?? 0;
  return at === count ? waiting : waiting.older?.[at];
}

/**
 * The index entry of the newest version, on top of what the tables hold. Between the end of a commit that
 * merged a key and the moment the backlog forgets it, the tables hold what waits already.
 */
export function entryOf(
  name: string,
  waiting: Waiting,
  stored: IndexEntry | undefined,
): IndexEntry {
  if (stored !== undefined && stored.tx >= waiting.tx) return stored;
  const { tx, index, segment, deleted, isReference, expiresAt, older } = waiting;
  const before = isSortedSetName(name) ? undefined : stored;
  const first = older?.[0] ?? waiting;
  return {
    tx,
    index,
    segment,
    deleted,
    isReference,
    expiresAt,
    revision: (before?.revision ?? 0) + (older?.length ?? 0) + 1,
    firstTx: before?.firstTx ?? first.tx,
    firstIndex: before?.firstIndex ?? first.index,
  };
}

/**
 * What the transactions of one commit change in the index, by name: the index key as a latin1 string,
 * whose order is that of the bytes.
 */
export class IndexChanges {
  readonly #newest = new Map<string, Waiting>();
  /** Versions, of which one key may have several. */
  versions = 0;

  all(): ReadonlyMap<string, Waiting> {
    return this.#newest;
  }

  get(name: string): Waiting | undefined {
    return this.#newest.get(name);
  }

  /** Adds the entries of one transaction. */
  addTx(txId: number, entries: readonly IndexedEntry[], segmentOf: ArrayLike<number>): void {
    for (let index = 0; index < entries.length; index++) {
      this.addEntry(txId, index, segmentOf[index] as number, entries[index] as IndexedEntry);
    }
  }

  addEntry(tx: number, index: number, segment: number, entry: IndexedEntry): void {
    const { rawKey, metadata, valueKind } = entry;
    const attributes = metadata.length === 0 ? undefined : decodeKvMetadata(metadata);
    if (attributes?.nonIndexable === true) return;
    const name = indexKeyOf(rawKey).latin1Slice();
    const waiting = {
      tx,
      index,
      segment,
      deleted: attributes?.deleted === true,
      isReference: valueKind === REFERENCE_VALUE_PREFIX && !isSortedSetName(name),
      expiresAt: attributes?.expiresAt,
      older: undefined,
    };
    this.#newest.set(name, joined(name, this.#newest.get(name), waiting));
    this.versions++;
  }
}
