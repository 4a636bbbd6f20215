import type { StoredLogEntry } from './tx-record.js';

/** Entries of one generation lie side by side in blocks of this size. */
const BLOCK_BYTES = 65_536;
/** Larger ones have memory of their own. */
const SHARED_BYTES_MAX = BLOCK_BYTES / 4;
/** An entry costs this much beyond its bytes: objects, and its place in the map. */
const OVERHEAD_BYTES = 512;
/** A place in the map is a small integer, which hashes fast; of two entries with one place one is kept. */
const PLACES = 0x3fff_ffff;
const ENTRIES_APART = 1024;

/**
 * Entries that were read and checked, so that what is read again and again is neither looked up nor hashed
 * anew. One for all open databases. There are two generations: when the young one is full it becomes the
 * old one, and the old one goes as a whole, with its memory.
 */
export class EntryCache {
  readonly #generationBytesMax: number;
  readonly #scopes = new Set<CachedEntries>();
  #youngBytes = 0;
  #block = Buffer.alloc(0);
  #blockUsed = 0;

  /** @param bytesMax about how much both generations hold; 0 keeps nothing */
  constructor(bytesMax: number) {
    this.#generationBytesMax = bytesMax / 2;
  }

  /** The part of one database. Close it with the database. */
  scope(): CachedEntries {
    const scope = new CachedEntries(this, () => this.#scopes.delete(scope));
    this.#scopes.add(scope);
    return scope;
  }

  /** Makes room in the young generation. @returns false for what is not worth its place */
  admit(entryBytes: number): boolean {
    const bytes = entryBytes + OVERHEAD_BYTES;
    if (bytes > this.#generationBytesMax / 16) return false;
    if (this.#youngBytes + bytes > this.#generationBytesMax) {
      for (const scope of this.#scopes) scope.age();
      this.#youngBytes = 0;
      this.#blockUsed = this.#block.length;
    }
    this.#youngBytes += bytes;
    return true;
  }

  /** Memory for an entry. */
  allocate(bytes: number): Buffer {
    if (bytes > SHARED_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
    if (this.#blockUsed + bytes > this.#block.length) {
      this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.#blockUsed = 0;
    }
    const from = this.#blockUsed;
    this.#blockUsed += bytes;
    return this.#block.subarray(from, this.#blockUsed);
  }
}

function placeOf(txId: number, index: number): number {
  return (txId * ENTRIES_APART + index) & PLACES;
}

/** What is kept of one database. */
export class CachedEntries {
  readonly #cache: EntryCache;
  readonly #leave: () => void;
  #young = new Map<number, StoredLogEntry>();
  #old = new Map<number, StoredLogEntry>();

  constructor(cache: EntryCache, leave: () => void) {
    this.#cache = cache;
    this.#leave = leave;
  }

  get(txId: number, index: number): StoredLogEntry | undefined {
    const place = placeOf(txId, index);
    const entry = this.#young.get(place) ?? this.#old.get(place);
    return entry?.txId === txId && entry.index === index ? entry : undefined;
  }

  put(entry: StoredLogEntry): void {
    if (!this.#cache.admit(entry.bytes)) return;
    this.#young.set(placeOf(entry.txId, entry.index), entry);
  }

  readonly allocate = (bytes: number): Buffer => this.#cache.allocate(bytes);

  age(): void {
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** For when stored entries are rewritten. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  close(): void {
    this.clear();
    this.#leave();
  }
}
