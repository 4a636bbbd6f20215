import { readU64 } from '../base/bytes.js';
import {
  decodeKvMetadata,
  EMPTY_HASH,
  REFERENCE_VALUE_PREFIX,
  SORTED_SET_PREFIX,
} from '../proofs/index.js';
import { corrupted, StorageError } from './errors.js';
import { indexKeyOf, rawKeyOfIndexKey } from './index-key.js';
import { decodeHistoryRow, type IndexEntry, type Location } from './index-record.js';
import type { IndexRow } from './index-store.js';
import type { Store } from './store.js';
import { truncationOf } from './truncation.js';
import type { LogHead, StoredLogEntry } from './tx-record.js';
import { verifyTxDigests, verifyTxLinks, verifyTxNodes } from './verify.js';

export interface Problem {
  /** Without user keys or values. */
  readonly where: string;
  readonly what: StorageError;
}

export interface CheckedCounts {
  readonly transactions: number;
  readonly entries: number;
  /** Values that were removed on request. */
  readonly truncatedValues: number;
  readonly indexEntries: number;
  readonly historyRows: number;
  /** Of the records and values that were read. */
  readonly bytes: number;
}

type Counts = { -readonly [K in keyof CheckedCounts]: CheckedCounts[K] };

/** Rows of the index or the history read in one go. */
const PAGE_ROWS = 256;
/** About the bytes of a row that is looked at with the log entry it leads to. */
const ROW_BYTES = 128;
const ALL_LOW = Buffer.from([0]);
const ALL_HIGH = Buffer.from([0xff]);

/** The steps of a check, each short: `steps` yields after every one how many bytes it read. */
export class StoreCheck {
  readonly #store: Store;
  readonly #lastTxId: number;
  readonly #report: (problem: Problem) => void;
  readonly counts: Counts = {
    transactions: 0,
    entries: 0,
    truncatedValues: 0,
    indexEntries: 0,
    historyRows: 0,
    bytes: 0,
  };

  constructor(store: Store, lastTxId: number, report: (problem: Problem) => void) {
    this.#store = store;
    this.#lastTxId = lastTxId;
    this.#report = report;
  }

  /** Runs something that finds damage by throwing. @returns undefined when it did */
  attempt<T>(where: string, check: () => T): T | undefined {
    try {
      return check();
    } catch (error) {
      // A bug of ours that damaged data brought to light is damage as well.
      const what = error instanceof StorageError ? error : corrupted(String(error));
      if (what.code === 'closed') throw what;
      // Removed on request since its entry was read.
      if (what.code === 'truncated') return undefined;
      this.#report({ where, what });
      return undefined;
    }
  }

  *steps(): Generator<number> {
    for (const step of [this.#log(), this.#index(), this.#history()]) {
      for (const bytes of step) {
        this.counts.bytes += bytes;
        yield bytes;
      }
    }
  }

  *#log(): Generator<number> {
    let before: Buffer | undefined = EMPTY_HASH;
    for (let txId = 1; txId <= this.#lastTxId; txId++) {
      before = yield* this.#transaction(txId, before);
      this.counts.transactions++;
    }
  }

  /** @returns the Alh */
  *#transaction(txId: number, before: Buffer | undefined): Generator<number, Buffer | undefined> {
    const where = `transaction ${txId}`;
    const { log, tree } = this.#store;
    const head = this.attempt(where, () => log.head(txId));
    if (head === undefined) return undefined;
    yield 256;
    this.attempt(where, () => verifyTxLinks(txId, head, log, tree, before));
    this.attempt(where, () => verifyTxNodes(txId, head, tree));
    const entries = this.attempt(where, () => log.entries(txId, head));
    if (entries === undefined) return head.alh;
    this.attempt(where, () => verifyTxDigests(txId, head, entries));
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index] as StoredLogEntry;
      const place = `${where}, entry ${index}`;
      yield* this.#value(place, txId, entry);
      this.attempt(place, () => this.#indexed(entry, locationOf(txId, index, head)));
      this.counts.entries++;
    }
    return head.alh;
  }

  *#value(where: string, txId: number, entry: StoredLogEntry): Generator<number> {
    const bytes = 64 + entry.rawKey.length;
    if (entry.truncated) {
      this.counts.truncatedValues++;
      this.attempt(where, () => {
        if (txId < truncationOf(this.#store).next) return;
        throw corrupted('its value is gone, but nobody asked for that');
      });
      yield bytes;
    } else if (entry.blobId === 0) {
      this.attempt(where, () => this.#store.log.value(entry, txId));
      yield bytes + entry.vLen;
    } else {
      const pieces = this.#store.log.valuePieces(entry, txId);
      for (;;) {
        const next = this.attempt(where, () => pieces.next());
        if (next === undefined || next.done === true) break;
        yield next.value.length;
      }
    }
  }

  /** Log to index: every version of a key is the newest one or stands in its history. */
  #indexed(entry: StoredLogEntry, location: Location): void {
    if (entry.metadata.length > 0 && decodeKvMetadata(entry.metadata)?.nonIndexable === true)
      return;
    const { index } = this.#store;
    const key = indexKeyOf(entry.rawKey);
    const newest = index.lookup(key);
    if (newest === undefined || newest.tx < location.tx) throw corrupted('it is not in the index');
    if (isSame(newest, location)) return;
    if (entry.rawKey[0] === SORTED_SET_PREFIX && newest.tx > location.tx) return;
    for (let low = 1, high = newest.revision - 1; low <= high; ) {
      const revision = Math.floor((low + high) / 2);
      const version = index.version(newest, key, revision);
      if (version.tx === location.tx) {
        if (isSame(version, location)) return;
        break;
      }
      if (version.tx < location.tx) low = revision + 1;
      else high = revision - 1;
    }
    throw corrupted('it is not in the history of its key');
  }

  *#index(): Generator<number> {
    for (let low = ALL_LOW; ; ) {
      const from = low;
      const page = this.attempt('index', () =>
        this.#store.index.page(from, ALL_HIGH, false, PAGE_ROWS),
      );
      // Which keys stand behind the damage cannot be told: the log has shown what is missing.
      if (page === undefined) return;
      for (const row of page) {
        this.attempt('index', () => this.#indexRow(row));
        this.counts.indexEntries++;
        yield ROW_BYTES;
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      low = Buffer.concat([last.key, ALL_LOW]);
    }
  }

  /** Index to log: the entry that it names has this key and these attributes. */
  #indexRow({ key, entry }: IndexRow): void {
    if (entry.tx > this.#lastTxId) return;
    const found = this.#entryAt(entry);
    if (!found.rawKey.equals(rawKeyOfIndexKey(key))) throw corrupted('it names another key');
    const attributes = found.metadata.length === 0 ? undefined : decodeKvMetadata(found.metadata);
    const isReference = this.#store.log.valueKind(found) === REFERENCE_VALUE_PREFIX;
    if (
      entry.deleted !== (attributes?.deleted === true) ||
      entry.expiresAt !== attributes?.expiresAt ||
      (entry.isReference !== isReference && !found.truncated)
    ) {
      throw corrupted('its attributes are not those of the entry');
    }
  }

  *#history(): Generator<number> {
    const table = this.#store.environment.table('history');
    for (let start: Buffer | undefined; ; ) {
      const range = start === undefined ? {} : { start, exclusiveStart: true };
      const rows = this.attempt('history', () => table.rows({ ...range, limit: PAGE_ROWS }));
      for (const { key, value } of rows ?? []) {
        this.attempt('history', () => this.#historyRow(key, value));
        this.counts.historyRows++;
        yield ROW_BYTES;
      }
      start = rows?.at(-1)?.key;
      if (start === undefined) return;
    }
  }

  /** History to log and index: it names an entry whose key begins and goes on as the row says. */
  #historyRow(rowKey: Buffer, row: Buffer): void {
    const location = decodeHistoryRow(rowKey, row);
    if (location.tx > this.#lastTxId) return;
    const { rawKey } = this.#entryAt(location);
    const { index } = this.#store;
    const newest = index.lookup(indexKeyOf(rawKey));
    const revision = rowKey.readUIntBE(10, 6);
    if (newest?.firstTx !== readU64(rowKey, 0) || newest.firstIndex !== rowKey.readUInt16BE(8)) {
      throw corrupted('it is of another key');
    }
    if (newest.revision > revision) return;
    // A commit that is seen and not noted yet made the newest version an older one.
    if (index.hasCommitUnderWay && newest.revision === revision && isSame(newest, location)) return;
    throw corrupted('it is of another key');
  }

  #entryAt({ tx, segment, index }: Location | IndexEntry): StoredLogEntry {
    return this.#store.log.entry(tx, segment, index);
  }
}

function locationOf(tx: number, index: number, head: LogHead): Location {
  const starts = head.segmentStarts;
  let segment = starts.length - 1;
  while (segment > 0 && (starts[segment] as number) > index) segment--;
  return { tx, index, segment };
}

function isSame(a: Location, b: Location): boolean {
  return a.tx === b.tx && a.index === b.index && a.segment === b.segment;
}
