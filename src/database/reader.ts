import { type Clock, unixSeconds } from '../base/clock.js';
import {
  decodeKvMetadata,
  type KvMetadata,
  parseReferenceValue,
  REFERENCE_VALUE_PREFIX,
  rawKeyOf,
} from '../proofs/index.js';
import type { IndexEntry, Location, Store, StoredLogEntry } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { keyExpired, keyNotFound, txNotFound } from './failures.js';
import type { Entry, KeyRequest, ReferenceInfo, StreamedEntry } from './types.js';

/** Raw keys that are looked up and not kept, by length: an allocation for each key of a list is felt. */
const soughtKeys: (Buffer | undefined)[] = [];
const SOUGHT_BYTES_MAX = 1024;

/** Valid until the next key of the same length is looked up. */
function soughtKeyOf(key: Uint8Array): Buffer {
  if (key.length > SOUGHT_BYTES_MAX) return rawKeyOf(key);
  const sought = soughtKeys[key.length];
  if (sought === undefined) {
    const made = rawKeyOf(key);
    soughtKeys[key.length] = made;
    return made;
  }
  sought.set(key, 1);
  return sought;
}

/** One version of a key, found and checked, its value not read yet. */
export interface Version {
  readonly key: Buffer;
  readonly tx: number;
  readonly entry: StoredLogEntry;
  readonly metadata?: KvMetadata;
  /** 0 when it was read at a transaction. */
  readonly revision: number;
}

/** What a read of a key leads to: a value, by way of a reference or not. */
export interface Resolved {
  readonly version: Version;
  readonly referencedBy?: ReferenceInfo;
}

/** Finds versions of keys and follows references, one level. */
export class Reader {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Unix seconds. */
  now(): number {
    return unixSeconds(this.#clock);
  }

  /** @throws keyNotFound, keyExpired, txNotFound, invalidRevision, resolutionLimit, corrupted */
  resolve(request: Pick<KeyRequest, 'key' | 'atTx' | 'atRevision'>): Resolved {
    return this.follow(this.#find(request));
  }

  #find({ key, atTx, atRevision }: Pick<KeyRequest, 'key' | 'atTx' | 'atRevision'>): Version {
    const rawKey = soughtKeyOf(key);
    if (atTx > 0) return this.liveVersionAt(rawKey, atTx);
    const newest = this.#store.index.lookup(rawKey);
    if (newest === undefined) {
      this.#store.index.checkNeighbours(rawKey);
      throw keyNotFound();
    }
    if (atRevision !== 0) {
      return this.#liveVersion(this.versionOf(rawKey, newest, revisionOf(newest, atRevision)));
    }
    return this.newestVersion(rawKey, newest);
  }

  /** Whether its time is over. */
  isExpired({ expiresAt }: { readonly expiresAt?: number | undefined }): boolean {
    return expiresAt !== undefined && expiresAt <= this.now();
  }

  /** The newest version of a key when it is live. */
  newestVersion(rawKey: Buffer, newest: IndexEntry): Version {
    if (newest.deleted) throw keyNotFound();
    if (this.isExpired(newest)) throw keyExpired();
    return this.#version(rawKey, newest, newest.revision);
  }

  /** Version number `revision`, live or not. */
  versionOf(rawKey: Buffer, newest: IndexEntry, revision: number): Version {
    const location = this.#store.index.version(newest, rawKey, revision);
    return this.#version(rawKey, location, revision);
  }

  /** What one transaction wrote for a key. @throws txNotFound, keyNotFound */
  versionAt(rawKey: Buffer, txId: number): Version {
    if (txId > this.#store.state.txId) throw txNotFound();
    const found = this.#store.log.findEntry(txId, rawKey);
    if (found === undefined) throw keyNotFound();
    return toVersion(txId, found.entry, 0);
  }

  /** The same, unless it is deleted or expired. */
  liveVersionAt(rawKey: Buffer, txId: number): Version {
    return this.#liveVersion(this.versionAt(rawKey, txId));
  }

  #version(rawKey: Buffer, location: Location, revision: number): Version {
    const entry = this.#store.log.entry(location.tx, location.segment, location.index);
    if (!entry.hasRawKey(rawKey)) {
      throw new DatabaseError('corrupted', 'data is corrupted: an index entry names another key');
    }
    return toVersion(location.tx, entry, revision);
  }

  #liveVersion(version: Version): Version {
    if (version.metadata?.deleted === true) throw keyNotFound();
    if (version.metadata !== undefined && this.isExpired(version.metadata)) throw keyExpired();
    return version;
  }

  /** Follows a reference, one level. */
  follow(version: Version): Resolved {
    if (this.#store.log.valueKind(version.entry) !== REFERENCE_VALUE_PREFIX) return { version };
    const reference = this.reference(version);
    const rawTarget = rawKeyOf(reference.referencedKey);
    const target =
      reference.atTx > 0
        ? this.liveVersionAt(rawTarget, reference.atTx)
        : this.#find({ key: reference.referencedKey, atTx: 0, atRevision: 0 });
    if (this.#store.log.valueKind(target.entry) === REFERENCE_VALUE_PREFIX) {
      throw new DatabaseError(
        'resolutionLimit',
        'key resolution limit reached. It may be due to cyclic references',
      );
    }
    return { version: target, referencedBy: referenceInfo(version, reference.atTx) };
  }

  /** Where a reference leads. */
  reference(version: Version): { readonly atTx: number; readonly referencedKey: Uint8Array } {
    const parsed = parseReferenceValue(this.#store.log.value(version.entry, version.tx));
    if (parsed === undefined) {
      throw new DatabaseError('corrupted', 'data is corrupted: a reference cannot be read');
    }
    return parsed;
  }

  /** The same as `resolve`, undefined for all that is not there, or leads nowhere. */
  tryResolve(find: () => Version): Resolved | undefined {
    try {
      return this.follow(find());
    } catch (error) {
      if (error instanceof DatabaseError && SKIPPED.has(error.code)) return undefined;
      throw error;
    }
  }

  /** The newest value of a key, undefined when there is none. */
  tryFind(key: Uint8Array): Resolved | undefined {
    if (key.length === 0) return undefined;
    return this.tryResolve(() => this.#find({ key, atTx: 0, atRevision: 0 }));
  }

  /** A version whose value is gone. */
  withoutValue(version: Version): Entry {
    return { ...common(version, undefined), value: new Uint8Array(0) };
  }

  /** Reads the value. @throws corrupted when it does not match its digest */
  toEntry({ version, referencedBy }: Resolved): Entry {
    const value = this.value(version);
    if (version.metadata === undefined && referencedBy === undefined) {
      const { tx, key, revision } = version;
      return { tx, key, value, revision };
    }
    return { ...common(version, referencedBy), value };
  }

  toStreamed({ version, referencedBy }: Resolved): StreamedEntry {
    const { entry, tx } = version;
    const { log } = this.#store;
    return {
      ...common(version, referencedBy),
      valueLength: Math.max(0, entry.vLen - 1),
      *value() {
        let first = true;
        for (const piece of log.valuePieces(entry, tx)) {
          yield first ? piece.subarray(1) : piece;
          first = false;
        }
      },
    };
  }

  /** The value without its prefix byte. */
  value(version: Version): Buffer {
    return this.#store.log.content(version.entry, version.tx);
  }
}

/** What a reference or a list may meet without failing as a whole. */
const SKIPPED: ReadonlySet<string> = new Set([
  'keyNotFound',
  'keyExpired',
  'txNotFound',
  'resolutionLimit',
]);

function toVersion(tx: number, entry: StoredLogEntry, revision: number): Version {
  const { key, metadata: encoded } = entry;
  if (encoded.length === 0) return { key, tx, entry, revision };
  const metadata = decodeKvMetadata(encoded);
  return metadata === undefined
    ? { key, tx, entry, revision }
    : { key, tx, entry, revision, metadata };
}

function common(version: Version, referencedBy: ReferenceInfo | undefined) {
  const { tx, key, revision, metadata } = version;
  if (metadata === undefined && referencedBy === undefined) return { tx, key, revision };
  return {
    tx,
    key,
    revision,
    ...(metadata === undefined ? {} : { metadata }),
    ...(referencedBy === undefined ? {} : { referencedBy }),
  };
}

export function referenceInfo(version: Version, atTx: number): ReferenceInfo {
  return {
    tx: version.tx,
    key: version.key,
    atTx,
    revision: version.revision,
    ...(version.metadata === undefined ? {} : { metadata: version.metadata }),
  };
}

function revisionOf(newest: IndexEntry, atRevision: number): number {
  const revision = atRevision > 0 ? atRevision : newest.revision + atRevision;
  if (revision < 1 || revision > newest.revision) {
    throw new DatabaseError('invalidRevision', 'invalid key revision number');
  }
  return revision;
}
