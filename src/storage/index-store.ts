import { readU64 } from '../base/bytes.js';
import type { Log } from '../base/log.js';
import type { Batch, Environment } from './environment.js';
import { corrupted, StorageError } from './errors.js';
import { type BacklogLimits, IndexBacklog } from './index-backlog.js';
import {
  entryOf,
  IndexChanges,
  isSortedSetName,
  versionIn,
  type Waiting,
} from './index-changes.js';
import { boundOf } from './index-key.js';
import { readIndexPage } from './index-page.js';
import {
  decodeHistoryRow,
  decodeIndexEntry,
  encodeHistoryRow,
  encodeIndexEntry,
  type IndexEntry,
  type Location,
} from './index-record.js';
import {
  historyKey,
  INDEX_KEY_BYTES_MAX,
  META_INDEX_DAMAGED,
  META_INDEXED_TO,
  u64Key,
} from './layout.js';
import type { Table } from './table.js';

export interface IndexLimits extends BacklogLimits {
  /** Versions that a commit may write to the tables itself; more wait, to be merged in order. */
  readonly directVersionsMax: number;
  /** Keys of one merge step. */
  readonly mergeStepKeys: number;
}

const DEFAULT_LIMITS: IndexLimits = {
  directVersionsMax: 512,
  versionsHigh: 65_536,
  keyBytesHigh: 48 << 20,
  mergeStepKeys: 4096,
};

const MARKER_KEY = Buffer.from(META_INDEXED_TO);
const DAMAGED_KEY = Buffer.from(META_INDEX_DAMAGED);

/** A position in the index, with its key. */
export interface IndexRow {
  readonly key: Buffer;
  readonly entry: IndexEntry;
}

/**
 * The index: newest version of every key, older versions by number, and the sorted sets, all derived from
 * the log. A small commit writes its changes in the same LMDB transaction. Changes of bulk writes wait in
 * memory, where reads find them, and are merged in sorted order, because random keys cost an LMDB page
 * each; what waits is bounded, and is read again from the log after a crash.
 */
export class IndexStore {
  readonly #index: Table;
  readonly #history: Table;
  readonly #meta: Table;
  readonly #log: Log;
  readonly #limits: IndexLimits;
  #backlog: IndexBacklog;
  /** Last transaction whose changes are known here, in the tables or waiting. */
  #txId = 0;
  #hasMarker = false;
  /** Waiting keys whose place in the tables is damaged. They wait until the index is built anew. */
  readonly #stuck = new Set<string>();
  /** Merged by a commit that is under way. */
  #merged: string[] = [];
  /**
   * What the tables held before a commit that is under way writes to them. Readers see the tables as LMDB
   * last finished them, which may be before that is known here; until then this is what they are told.
   */
  #before: ReadonlyMap<string, IndexEntry | undefined> = new Map();

  constructor(environment: Environment, log: Log, limits: Partial<IndexLimits> = {}) {
    this.#index = environment.table('index');
    this.#history = environment.table('history');
    this.#meta = environment.table('meta');
    this.#log = log;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#backlog = new IndexBacklog(this.#limits);
  }

  /** The last transaction whose changes are all in the tables, undefined when nothing is missing. */
  storedMarker(): number | undefined {
    const stored = this.#meta.get(MARKER_KEY);
    return stored === undefined ? undefined : readU64(stored, 0);
  }

  /** Whether damage was met, so that the tables must be built anew. */
  get isDamaged(): boolean {
    return this.#meta.has(DAMAGED_KEY);
  }

  /** At opening: the tables are complete up to this transaction. */
  openedAt(txId: number, hasMarker: boolean): void {
    this.#txId = txId;
    this.#hasMarker = hasMarker;
  }

  /** Empties the tables and forgets what waits; the marker says so until all is read again. */
  async clear(environment: Environment): Promise<void> {
    await environment.commit(1 << 20, (batch) => {
      batch.put('meta', MARKER_KEY, u64Key(0));
      batch.remove('meta', DAMAGED_KEY);
      batch.clear('index');
      batch.clear('history');
    });
    this.#backlog = new IndexBacklog(this.#limits);
    this.#stuck.clear();
    this.openedAt(0, true);
  }

  /** Keys that wait. */
  get backlogKeys(): number {
    return this.#backlog.keys;
  }

  /** Keys that `writeMergeStep` can bring into the tables. */
  get mergeableKeys(): number {
    return this.#backlog.keys - this.#stuck.size;
  }

  /** Keys of the next merge step, when each costs a page and there is room for so many. */
  stepKeys(pages: number): number {
    return Math.max(1, Math.min(this.#limits.mergeStepKeys, pages, this.#backlog.keys));
  }

  /** Whether the tables may hold, or soon hold, more than `lookup` and `page` tell. */
  get hasCommitUnderWay(): boolean {
    return this.#before.size > 0;
  }

  /** Whether a merge step would have something to do. */
  get hasMergeWork(): boolean {
    return this.mergeableKeys > 0 || (this.#hasMarker && this.#backlog.keys === 0);
  }

  get mergeIsDue(): boolean {
    return this.#backlog.isHigh && this.mergeableKeys > 0;
  }

  /** Newest version of a key. @throws StorageError `corrupted` */
  lookup(indexKey: Buffer): IndexEntry | undefined {
    if (this.#backlog.keys > 0) {
      const name = indexKey.latin1Slice();
      const waiting = this.#backlog.get(name);
      if (waiting !== undefined) return entryOf(name, waiting, this.#stored(indexKey));
    }
    return this.#stored(indexKey);
  }

  /** The same on top of changes that are not committed yet. */
  lookupWith(changes: IndexChanges, indexKey: Buffer): IndexEntry | undefined {
    const stored = this.lookup(indexKey);
    const name = indexKey.latin1Slice();
    const waiting = changes.get(name);
    return waiting === undefined ? stored : entryOf(name, waiting, stored);
  }

  #stored(indexKey: Buffer): IndexEntry | undefined {
    if (this.#before.size > 0) {
      const name = indexKey.latin1Slice();
      if (this.#before.has(name)) return this.#before.get(name);
    }
    // LMDB fails for a key that is too long to be there.
    if (indexKey.length > INDEX_KEY_BYTES_MAX) return undefined;
    const bytes = this.#index.view(indexKey);
    return bytes === undefined ? undefined : decodeIndexEntry(indexKey, bytes);
  }

  /**
   * For a reader that found nothing: a damaged key, or a damaged way to it, shows in the keys on either
   * side of where the search ended.
   * @throws StorageError `corrupted`
   */
  checkNeighbours(indexKey: Buffer): void {
    if (indexKey.length > INDEX_KEY_BYTES_MAX) return;
    // The table has it: a commit that is under way brings it.
    if (this.#before.has(indexKey.latin1Slice())) return;
    for (const reverse of [false, true]) {
      for (const { key, value } of this.#index.rows({ start: indexKey, reverse, limit: 1 })) {
        decodeIndexEntry(key, value);
        const order = Buffer.compare(key, indexKey);
        if (reverse ? order >= 0 : order <= 0) throw corrupted('order of the index');
      }
    }
  }

  /** Where version `revision` of a key stands, given its newest version or one that was so before. */
  version(newest: IndexEntry, indexKey: Buffer, revision: number): Location {
    if (revision === newest.revision) return newest;
    const key = historyKey(newest.firstTx, newest.firstIndex, revision);
    const row = this.#history.view(key);
    if (row !== undefined) return decodeHistoryRow(key, row);
    const stored = this.#stored(indexKey);
    if (stored?.revision === revision) return stored;
    const waiting = this.#backlog.get(indexKey.latin1Slice());
    const version = waiting && versionIn(waiting, stored?.revision ?? 0, revision);
    if (version === undefined) throw corrupted(`version ${revision} of a key is missing`);
    return version;
  }

  /** At most `limit` entries with from <= key < to, from the low end or from the high one. */
  page(from: Buffer, to: Buffer, desc: boolean, limit: number): IndexRow[] {
    const low = boundOf(from);
    const high = boundOf(to);
    if (Buffer.compare(low, high) >= 0) return [];
    const rows = this.#storedPage(low, high, desc, limit);
    if (this.#backlog.keys === 0) return rows;
    return this.#withWaiting(rows, low, high, desc, limit);
  }

  #storedPage(low: Buffer, high: Buffer, desc: boolean, limit: number): IndexRow[] {
    const before = this.#before;
    if (before.size === 0) return readIndexPage(this.#index, low, high, desc, limit);
    const rows: IndexRow[] = [];
    for (const row of readIndexPage(this.#index, low, high, desc, limit + before.size)) {
      const name = row.key.latin1Slice();
      const entry = before.has(name) ? before.get(name) : row.entry;
      if (entry !== undefined) rows.push({ key: row.key, entry });
    }
    return rows.slice(0, limit);
  }

  #withWaiting(
    rows: readonly IndexRow[],
    low: Buffer,
    high: Buffer,
    desc: boolean,
    limit: number,
  ): IndexRow[] {
    const all: IndexRow[] = [];
    const names = this.#backlog.between(low.latin1Slice(), high.latin1Slice(), desc);
    let next = names.next();
    let at = 0;
    while (all.length < limit) {
      const row = rows[at];
      const rowName = row?.key.latin1Slice();
      const name = next.done === true ? undefined : next.value;
      if (row !== undefined && (name === undefined || isBefore(rowName as string, name, desc))) {
        all.push(row);
        at++;
      } else if (name !== undefined) {
        const key = Buffer.from(name, 'latin1');
        const waiting = this.#backlog.get(name) as Waiting;
        all.push({ key, entry: entryOf(name, waiting, rowName === name ? row?.entry : undefined) });
        if (rowName === name) at++;
        next = names.next();
      } else break;
    }
    return all;
  }

  changes(): IndexChanges {
    return new IndexChanges();
  }

  /** Rows that `write` of these changes puts into the tables; each may cost a page. */
  rowsOfCommit(changes: IndexChanges): number {
    if (this.#isDirect(changes)) return changes.versions;
    return this.mergeIsDue ? mergedBeside(changes) : 0;
  }

  #isDirect(changes: IndexChanges): boolean {
    return this.#backlog.keys === 0 && changes.versions <= this.#limits.directVersionsMax;
  }

  /** Puts the changes into the commit of their transactions. @returns false when they are to wait */
  write(batch: Batch, changes: IndexChanges): boolean {
    if (this.#isDirect(changes) && this.#writeDirectly(batch, changes)) return true;
    if (!this.#hasMarker) {
      batch.put('meta', MARKER_KEY, u64Key(this.#txId));
      this.#hasMarker = true;
    }
    if (this.mergeIsDue) this.writeMergeStep(batch, mergedBeside(changes), true);
    return false;
  }

  /** @returns false, and writes nothing, when a place in the tables is damaged */
  #writeDirectly(batch: Batch, changes: IndexChanges): boolean {
    const stored = new Map<string, IndexEntry | undefined>();
    try {
      for (const name of changes.all().keys()) {
        stored.set(name, this.#stored(Buffer.from(name, 'latin1')));
      }
    } catch (error) {
      if (error instanceof StorageError) return false;
      throw error;
    }
    for (const [name, waiting] of changes.all()) putKey(batch, name, waiting, stored.get(name));
    this.#before = stored;
    return true;
  }

  /** After the commit of `write`. */
  committed(changes: IndexChanges, txId: number, written: boolean): void {
    this.mergeCommitted();
    this.#before = new Map();
    if (!written) this.#backlog.add(changes);
    this.#txId = txId;
  }

  /**
   * Puts the next waiting changes, in key order, into a commit. Follow it with `mergeCommitted`.
   * @param more whether the same commit makes further changes wait
   */
  writeMergeStep(batch: Batch, keys: number, more = false): void {
    for (const name of this.#backlog.take(keys, this.#txId)) {
      const waiting = this.#backlog.get(name);
      if (waiting === undefined || this.#stuck.has(name)) continue;
      try {
        putKey(batch, name, waiting, this.#stored(Buffer.from(name, 'latin1')));
        this.#merged.push(name);
      } catch (error) {
        if (!(error instanceof StorageError)) throw error;
        this.#noteStuck(batch, name);
      }
    }
    const txId = this.#backlog.endOfGeneration();
    if (txId === undefined || this.#stuck.size > 0) return;
    if (!more && this.#merged.length === this.#backlog.keys) {
      batch.remove('meta', MARKER_KEY);
      this.#hasMarker = false;
    } else {
      batch.put('meta', MARKER_KEY, u64Key(txId));
    }
  }

  /** The next opening builds the index anew. */
  #noteStuck(batch: Batch, name: string): void {
    if (this.#stuck.size === 0) {
      batch.put('meta', DAMAGED_KEY, Buffer.from([1]));
      this.#log.error(
        'the index is damaged: it is built anew when the server starts the next time',
      );
    }
    this.#stuck.add(name);
  }

  /** After the commit of a merge step: what was merged waits no more. */
  mergeCommitted(): void {
    for (const name of this.#merged) this.#backlog.delete(name);
    this.#merged = [];
    this.#backlog.endGeneration();
  }
}

/** Keys that a commit merges while there are too many: more than it adds. */
function mergedBeside(changes: IndexChanges): number {
  return 2 * changes.versions + 1024;
}

function isBefore(a: string, b: string, desc: boolean): boolean {
  return desc ? a > b : a < b;
}

function putKey(
  batch: Batch,
  name: string,
  waiting: Waiting,
  stored: IndexEntry | undefined,
): void {
  const key = Buffer.from(name, 'latin1');
  const entry = entryOf(name, waiting, stored);
  if (entry === stored) return;
  batch.put('index', key, encodeIndexEntry(key, entry));
  if (entry.revision === 1 || isSortedSetName(name)) return;
  if (stored !== undefined) putHistory(batch, entry, stored.revision, stored);
  let revision = stored?.revision ?? 0;
  for (const version of waiting.older ?? []) putHistory(batch, entry, ++revision, version);
}

function putHistory(
  batch: Batch,
  { firstTx, firstIndex }: IndexEntry,
  revision: number,
  version: Location,
): void {
  const key = historyKey(firstTx, firstIndex, revision);
  batch.put('history', key, encodeHistoryRow(key, version));
}
