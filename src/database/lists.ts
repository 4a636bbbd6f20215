import { parseSortedSetKey, rawKeyOf } from '../proofs/index.js';
import { type IndexEntry, rawKeyOfIndexKey, type Store } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { illegalArguments, keyNotFound } from './failures.js';
import { type KeyRange, prefixRange, scanRange, zScanRange } from './ranges.js';
import type { Reader, Resolved, Version } from './reader.js';
import type { DatabaseSettings } from './settings.js';
import type { HistoryRequest, ScanRequest, ZScanRequest } from './types.js';
import { isLive } from './write-context.js';

/** An element of a sorted set with the value it leads to. */
export interface ZElement {
  readonly set: Uint8Array;
  readonly key: Uint8Array;
  readonly score: number;
  readonly atTx: number;
  readonly resolved: Resolved;
}

/** A version of a key in its history. */
export interface HistoryVersion {
  readonly version: Version;
  readonly expired: boolean;
}

/** Index entries read in one go before the read position is looked up anew. */
const SEEK_AGAIN_AFTER = 256;

/** Scans, sorted-set scans and histories: pages that are short only at the end of their range. */
export class Lists {
  readonly #store: Store;
  readonly #reader: Reader;
  readonly #resultEntriesMax: number;

  constructor(store: Store, reader: Reader, resultEntriesMax: number) {
    this.#store = store;
    this.#reader = reader;
    this.#resultEntriesMax = resultEntriesMax;
  }

  /** @throws resultLimitExceeded */
  limit(asked: number): number {
    if (asked > this.#resultEntriesMax) {
      throw new DatabaseError(
        'resultLimitExceeded',
        `result size limit exceeded: the specified limit (${asked}) is larger than ` +
          `the maximum allowed one (${this.#resultEntriesMax})`,
      );
    }
    return asked === 0 ? this.#resultEntriesMax : asked;
  }

  /**
   * Live keys in order. Elements that lead nowhere are left out and use up neither limit nor offset.
   * Between two elements the caller may wait: no read transaction stays open.
   */
  *scan(request: ScanRequest, settings: DatabaseSettings): Generator<Resolved> {
    for (const key of [request.seekKey, request.endKey, request.prefix]) {
      checkSeekKey(key, settings);
    }
    const page = new Page(this.limit(request.limit), request.offset);
    for (const { key, entry } of this.#range(scanRange(request), request.desc)) {
      if (entry.deleted || this.#reader.isExpired(entry)) continue;
      if (!entry.isReference && page.skips()) continue;
      const resolved = this.#reader.tryResolve(() => this.#reader.newestVersion(key, entry));
      if (resolved === undefined || (entry.isReference && page.skips())) continue;
      yield resolved;
      if (page.took()) return;
    }
  }

  /** Elements in numeric order of their scores. */
  *zScan(request: ZScanRequest, settings: DatabaseSettings): Generator<ZElement> {
    if (request.set.length === 0) throw illegalArguments();
    checkSeekKey(request.set, settings);
    checkSeekKey(request.seekKey, settings);
    if ([request.seekScore, request.minScore, request.maxScore].some(Number.isNaN)) {
      throw new DatabaseError('invalidScore', 'illegal arguments: score must be a number');
    }
    const page = new Page(this.limit(request.limit), request.offset);
    for (const { key } of this.#range(zScanRange(request), request.desc)) {
      const element = parseSortedSetKey(rawKeyOfIndexKey(key));
      if (element === undefined) {
        throw new DatabaseError('corrupted', 'data is corrupted: a sorted-set entry');
      }
      const { atTx } = element;
      const resolved = this.#reader.tryResolve(() => this.#elementVersion(element.key, atTx));
      if (resolved === undefined || page.skips()) continue;
      yield { ...element, resolved };
      if (page.took()) return;
    }
  }

  #elementVersion(key: Uint8Array, atTx: number): Version {
    const rawKey = rawKeyOf(key);
    if (atTx > 0) return this.#reader.liveVersionAt(rawKey, atTx);
    const newest = this.#store.index.lookup(rawKey);
    if (newest === undefined) throw keyNotFound();
    return this.#reader.newestVersion(rawKey, newest);
  }

  /** All versions of a key, deletions and expired ones included. */
  *history(request: HistoryRequest): Generator<HistoryVersion> {
    if (request.limit < 0) {
      throw new DatabaseError('seekKeyTooLong', 'illegal arguments');
    }
    const limit = this.limit(request.limit);
    const rawKey = rawKeyOf(request.key);
    const newest = this.#store.index.lookup(rawKey);
    if (newest === undefined) {
      this.#store.index.checkNeighbours(rawKey);
      throw keyNotFound();
    }
    const total = newest.revision;
    if (request.offset === total) throw new DatabaseError('noMoreEntries', 'no more entries');
    for (let i = 0; i < limit && request.offset + i < total; i++) {
      const position = request.offset + i;
      const revision = request.desc ? total - position : position + 1;
      const version = this.#reader.versionOf(rawKey, newest, revision);
      const deleted = version.metadata?.deleted === true;
      yield { version, expired: !deleted && this.#reader.isExpired(version.metadata ?? {}) };
    }
  }

  /** Live keys with a prefix; gives way to others between two elements of what it yields. */
  *countSteps(prefix: Uint8Array, settings: DatabaseSettings): Generator<void, number> {
    checkSeekKey(prefix, settings);
    let count = 0;
    let seen = 0;
    const now = this.#reader.now();
    for (const { entry } of this.#range(prefixRange(prefix), false)) {
      if (isLive(entry, now)) count++;
      if (++seen % 2048 === 0) yield;
    }
    return count;
  }

  /** Reads a range in short runs, so that no cursor is open while the caller waits. */
  *#range(range: KeyRange, desc: boolean): Generator<{ key: Buffer; entry: IndexEntry }> {
    let { low, high } = range;
    while (Buffer.compare(low, high) < 0) {
      const run = this.#store.index.page(low, high, desc, SEEK_AGAIN_AFTER);
      yield* run;
      const last = run.at(-1);
      if (last === undefined || run.length < SEEK_AGAIN_AFTER) return;
      if (desc) high = last.key;
      else low = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }
}

function checkSeekKey(key: Uint8Array, settings: DatabaseSettings): void {
  if (key.length + 1 > settings.maxKeyLen) {
    throw new DatabaseError('seekKeyTooLong', 'illegal arguments');
  }
}

/** Counts what a page skips and takes. */
class Page {
  #left: number;
  #toSkip: number;

  constructor(limit: number, offset: number) {
    this.#left = limit;
    this.#toSkip = offset;
  }

  /** Whether this element lies before the offset. */
  skips(): boolean {
    if (this.#toSkip === 0) return false;
    this.#toSkip--;
    return true;
  }

  /** Counts a taken element; true when the page is full. */
  took(): boolean {
    return --this.#left === 0;
  }
}
