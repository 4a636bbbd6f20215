import { decodeKvMetadata, REFERENCE_VALUE_PREFIX, SORTED_SET_PREFIX } from '../proofs/index.js';
import type { Batch, Environment, Table } from './environment.js';
import { corrupted } from './errors.js';
import {
  decodeHistoryRow,
  decodeIndexEntry,
  encodeHistoryRow,
  encodeIndexEntry,
  type IndexEntry,
  indexKeyOf,
  type Location,
} from './index-record.js';
import { historyKey, META_INDEXED_TO, readU64, u64Key } from './layout.js';

/** The newest version of a key and the versions that it made old, not yet written to the tables. */
interface Change {
  readonly key: Buffer;
  readonly entry: IndexEntry;
  readonly older: readonly IndexEntry[];
}

/** One entry of a transaction, as far as the index cares. */
export interface IndexedEntry {
  readonly rawKey: Buffer;
  /** Encoded. */
  readonly metadata: Buffer;
  /** First byte of the raw value. */
  readonly valueKind: number | undefined;
}

/** Keys that a commit may write to the tables itself; more wait for a merge in sorted order. */
const DIRECT_CHANGES_MAX = 512;
/** Keys, and bytes of keys, that may wait before every commit carries a part of the merge. */
const BACKLOG_KEYS_HIGH = 131_072;
const BACKLOG_KEY_BYTES_HIGH = 48 << 20;
/** Keys of one merge step. */
const MERGE_STEP_KEYS = 8192;

/**
 * The index: newest version of every key, older versions by number, and the sorted sets, all derived from
 * the log. A small commit writes its changes in the same LMDB transaction. Changes of bulk writes wait in
 * memory, where lookups find them, and are merged in sorted order, because random keys cost an LMDB page
 * each; what waits is bounded, and is read again from the log after a crash.
 */
export class IndexStore {
  readonly #index: Table;
  readonly #history: Table;
  readonly #meta: Table;
  #backlog = new Map<string, Change>();
  #backlogKeyBytes = 0;
  #generation:
    | { readonly keys: readonly string[]; next: number; readonly txId: number }
    | undefined;
  /** Last transaction whose changes are known here, in the tables or waiting. */
  #txId = 0;
  #markerWritten = false;
  /** Written by a merge step whose commit is under way. */
  #written: [string, Change][] = [];

  constructor(environment: Environment) {
    this.#index = environment.table('index');
    this.#history = environment.table('history');
    this.#meta = environment.table('meta');
  }

  /** The last transaction whose changes are all in the tables, or undefined when all are. */
  storedMarker(): number | undefined {
    const stored = this.#meta.getBinary(Buffer.from(META_INDEXED_TO));
    return stored === undefined ? undefined : readU64(Buffer.from(stored), 0);
  }

  /** At opening: the tables are complete up to this transaction. */
  openedAt(txId: number, markerPresent: boolean): void {
    this.#txId = txId;
    this.#markerWritten = markerPresent;
  }

  /** Empties the tables; the marker says so until all is read again. */
  async clear(environment: Environment): Promise<void> {
    await environment.commit(1 << 20, (batch) =>
      batch.put('meta', Buffer.from(META_INDEXED_TO), u64Key(0)),
    );
    this.openedAt(0, true);
    await this.#index.clearAsync();
    await this.#history.clearAsync();
  }

  get backlogKeys(): number {
    return this.#backlog.size;
  }

  get mergeIsDue(): boolean {
    return this.#backlog.size > BACKLOG_KEYS_HIGH || this.#backlogKeyBytes > BACKLOG_KEY_BYTES_HIGH;
  }

  /** @throws StorageError `corrupted` */
  lookup(indexKey: Buffer): IndexEntry | undefined {
    if (this.#backlog.size > 0) {
      const change = this.#backlog.get(indexKey.latin1Slice());
      if (change !== undefined) return change.entry;
    }
    const bytes = this.#index.getBinaryFast(indexKey);
    if (bytes === undefined) return undefined;
    const size = (this.#index as unknown as { lastSize: number }).lastSize;
    return decodeIndexEntry(indexKey, bytes, size);
  }

  /**
   * For a reader that found nothing: a damaged key stands out of order at the place where the right one
   * would be, next to where the search ended.
   * @throws StorageError `corrupted`
   */
  checkNeighbours(indexKey: Buffer): void {
    for (const reverse of [false, true]) {
      for (const { key, value } of this.#index.getRange({ start: indexKey, reverse, limit: 1 })) {
        decodeIndexEntry(key, value);
      }
    }
  }

  /** Where version `revision` of a key stands, given its newest version. */
  version(newest: IndexEntry, indexKey: Buffer, revision: number): Location {
    if (revision === newest.revision) return newest;
    const waiting = this.#backlog.get(indexKey.latin1Slice());
    const older = waiting?.older.find((version) => version.revision === revision);
    if (older !== undefined) return older;
    const key = historyKey(newest.firstTx, newest.firstIndex, revision);
    const bytes = this.#history.getBinary(key);
    if (bytes === undefined) throw corrupted(`version ${revision} of a key is missing`);
    return decodeHistoryRow(key, Buffer.from(bytes));
  }

  /**
   * At most `limit` entries of the tables with low <= key < high, from the low end or from the high one.
   * Complete only without backlog.
   */
  page(
    low: Buffer,
    high: Buffer,
    desc: boolean,
    limit: number,
  ): { key: Buffer; entry: IndexEntry }[] {
    const options = desc
      ? { start: high, exclusiveStart: true, end: low, inclusiveEnd: true, reverse: true, limit }
      : { start: low, end: high, limit };
    const found: { key: Buffer; entry: IndexEntry }[] = [];
    for (const { key, value } of this.#index.getRange(options)) {
      found.push({ key, entry: decodeIndexEntry(key, value) });
    }
    return found;
  }

  changes(): IndexChanges {
    return new IndexChanges(this);
  }

  /** Puts the changes into the commit of their transactions, or notes that they wait. */
  write(batch: Batch, changes: IndexChanges): void {
    if (this.#backlog.size === 0 && changes.size <= DIRECT_CHANGES_MAX) {
      for (const change of changes.all()) putChange(batch, change);
      if (this.#markerWritten) this.#removeMarker(batch);
      return;
    }
    if (!this.#markerWritten) {
      batch.put('meta', Buffer.from(META_INDEXED_TO), u64Key(this.#txId));
      this.#markerWritten = true;
    }
    changes.deferred = true;
    if (this.mergeIsDue) this.writeMergeStep(batch, 2 * changes.size + 1024, true);
  }

  /** After the commit of `write`. */
  committed(changes: IndexChanges, txId: number): void {
    this.mergeCommitted();
    if (changes.deferred) for (const change of changes.all()) this.#keep(change);
    this.#txId = txId;
  }

  #keep(change: Change): void {
    const name = change.key.latin1Slice();
    const before = this.#backlog.get(name);
    if (before === undefined) this.#backlogKeyBytes += change.key.length;
    this.#backlog.set(name, {
      ...change,
      older: before === undefined ? change.older : [...before.older, ...change.older],
    });
  }

  /**
   * Puts the next waiting changes, in key order, into a commit. Follow it with `mergeCommitted`.
   * @param more whether the same commit makes further changes wait
   */
  writeMergeStep(batch: Batch, keys = MERGE_STEP_KEYS, more = false): void {
    if (this.#backlog.size === 0) return;
    this.#generation ??= {
      keys: [...this.#backlog.keys()].sort(),
      next: 0,
      txId: this.#txId,
    };
    const generation = this.#generation;
    const end = Math.min(generation.next + keys, generation.keys.length);
    for (; generation.next < end; generation.next++) {
      const name = generation.keys[generation.next] as string;
      const change = this.#backlog.get(name);
      if (change === undefined) continue;
      putChange(batch, change);
      this.#written.push([name, change]);
    }
    if (generation.next < generation.keys.length) return;
    this.#generation = undefined;
    if (!more && this.#written.length === this.#backlog.size) {
      this.#removeMarker(batch);
    } else {
      batch.put('meta', Buffer.from(META_INDEXED_TO), u64Key(generation.txId));
    }
  }

  /** The tables are complete with this commit. */
  #removeMarker(batch: Batch): void {
    batch.remove('meta', Buffer.from(META_INDEXED_TO));
    this.#markerWritten = false;
  }

  /** After the commit of a merge step: what was written need not wait any more. */
  mergeCommitted(): void {
    for (const [name, change] of this.#written) {
      const now = this.#backlog.get(name);
      if (now === change) {
        this.#backlog.delete(name);
        this.#backlogKeyBytes -= change.key.length;
      } else if (now !== undefined) {
        this.#backlog.set(name, { ...now, older: now.older.slice(change.older.length) });
      }
    }
    this.#written = [];
  }
}

function putChange(batch: Batch, { key, entry, older }: Change): void {
  for (const version of older) {
    const rowKey = historyKey(version.firstTx, version.firstIndex, version.revision);
    batch.put('history', rowKey, encodeHistoryRow(rowKey, version));
  }
  batch.put('index', key, encodeIndexEntry(key, entry));
}

/** What the transactions of one commit change in the index; lookups see it on top of what is committed. */
export class IndexChanges {
  readonly #store: IndexStore;
  readonly #changes = new Map<string, Change>();
  /** Set when the changes are to wait in memory after their commit. */
  deferred = false;

  constructor(store: IndexStore) {
    this.#store = store;
  }

  get size(): number {
    return this.#changes.size;
  }

  all(): Iterable<Change> {
    return this.#changes.values();
  }

  lookup(indexKey: Buffer): IndexEntry | undefined {
    if (this.#changes.size > 0) {
      const change = this.#changes.get(indexKey.latin1Slice());
      if (change !== undefined) return change.entry;
    }
    return this.#store.lookup(indexKey);
  }

  /**
   * Adds the entries of one transaction.
   * @param replay leaves out what the tables have already, for reading the log again after a crash
   */
  addTx(
    txId: number,
    entries: readonly IndexedEntry[],
    segmentOf: ArrayLike<number>,
    replay = false,
  ): void {
    for (let index = 0; index < entries.length; index++) {
      const { rawKey, metadata, valueKind } = entries[index] as IndexedEntry;
      const attributes = metadata.length === 0 ? undefined : decodeKvMetadata(metadata);
      if (attributes?.nonIndexable === true) continue;
      const key = indexKeyOf(rawKey);
      const prior = this.lookup(key);
      if (replay && prior !== undefined && prior.tx >= txId) continue;
      const location = { tx: txId, index, segment: segmentOf[index] as number };
      const isSortedSet = rawKey[0] === SORTED_SET_PREFIX;
      this.#set(key, isSortedSet ? undefined : prior, {
        ...location,
        deleted: attributes?.deleted === true,
        isReference: !isSortedSet && valueKind === REFERENCE_VALUE_PREFIX,
        ...(attributes?.expiresAt === undefined ? {} : { expiresAt: attributes.expiresAt }),
      });
    }
  }

  #set(
    key: Buffer,
    prior: IndexEntry | undefined,
    version: Omit<IndexEntry, 'revision' | 'firstTx' | 'firstIndex'>,
  ): void {
    const name = key.latin1Slice();
    const entry: IndexEntry = {
      ...version,
      revision: prior === undefined ? 1 : prior.revision + 1,
      firstTx: prior === undefined ? version.tx : prior.firstTx,
      firstIndex: prior === undefined ? version.index : prior.firstIndex,
    };
    const before = this.#changes.get(name);
    const older = before?.older ?? [];
    this.#changes.set(name, {
      key,
      entry,
      older: prior === undefined ? older : [...older, prior],
    });
  }
}
