import {
  type DualProof,
  decodeKvMetadata,
  entryDigestInto,
  hashTreeProof,
  type InclusionProof,
  makeDualProof,
  PLAIN_KEY_PREFIX,
  parseSortedSetKey,
  REFERENCE_VALUE_PREFIX,
  rawKeyOf,
  SORTED_SET_PREFIX,
} from '../proofs/index.js';
import type { LogEntry, Store, StoredLogEntry } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { illegalArguments, illegalState, txNotFound } from './failures.js';
import { type Reader, referenceInfo, type Version } from './reader.js';
import type {
  EntriesSpec,
  Entry,
  EntryAction,
  Tx,
  TxEntry,
  TxRequest,
  TxScanRequest,
  VerifiableTx,
  ZEntry,
} from './types.js';
import { isLive } from './write-context.js';

const ALL_DIGESTS: EntriesSpec = { kv: 'onlyDigest', z: 'onlyDigest', sql: 'onlyDigest' };

/** Transactions as a whole, and the proofs that link them. */
export class Transactions {
  readonly #store: Store;
  readonly #reader: Reader;

  constructor(store: Store, reader: Reader) {
    this.#store = store;
    this.#reader = reader;
  }

  /** @throws illegalArguments for 0, txNotFound beyond the last */
  byId(request: TxRequest): Tx {
    const { tx: txId, entriesSpec, keepReferencesUnresolved } = request;
    if (txId === 0) throw illegalArguments();
    if (txId > this.#store.state.txId) throw txNotFound();
    return this.#read(txId, entriesSpec ?? ALL_DIGESTS, keepReferencesUnresolved);
  }

  *scan(request: TxScanRequest, limit: number): Generator<Tx> {
    const { initialTx, desc, entriesSpec } = request;
    if (initialTx === 0) throw illegalArguments();
    const last = this.#store.state.txId;
    const spec = entriesSpec ?? ALL_DIGESTS;
    for (let i = 0, txId = initialTx; i < limit; i++, txId += desc ? -1 : 1) {
      if (txId < 1 || txId > last) return;
      yield this.#read(txId, spec, false);
    }
  }

  #read(txId: number, spec: EntriesSpec, unresolved: boolean): Tx {
    const head = this.#store.log.head(txId);
    const entries: TxEntry[] = [];
    const kvEntries: Entry[] = [];
    const zEntries: ZEntry[] = [];
    for (const logEntry of this.#store.log.entries(txId, head)) {
      const action = actionFor(logEntry, spec);
      if (action === 'exclude') continue;
      const metadata = metadataOf(logEntry);
      if (action === 'onlyDigest') entries.push(digestEntry(logEntry));
      else if (action === 'rawValue') {
        if (!isLive({ ...metadata, deleted: false }, this.#reader.now())) continue;
        const rawValue = this.#store.log.value(logEntry, txId);
        entries.push({ ...digestEntry(logEntry), rawValue });
      } else if (logEntry.rawKey[0] === SORTED_SET_PREFIX) {
        const entry = this.#resolveZ(logEntry, unresolved);
        if (entry !== undefined) zEntries.push(entry);
      } else {
        const entry = this.#resolveKv(txId, logEntry, unresolved);
        if (entry !== undefined) kvEntries.push(entry);
      }
    }
    return { header: head.header, entries, kvEntries, zEntries };
  }

  #resolveKv(txId: number, logEntry: StoredLogEntry, unresolved: boolean): Entry | undefined {
    const metadata = metadataOf(logEntry);
    const version: Version = {
      key: logEntry.rawKey.subarray(1),
      tx: txId,
      entry: logEntry,
      revision: 0,
      ...(metadata === undefined ? {} : { metadata }),
    };
    const isReference = this.#store.log.valueKind(logEntry) === REFERENCE_VALUE_PREFIX;
    if (isReference && unresolved) {
      const { atTx, referencedKey } = this.#reader.reference(version);
      return {
        tx: atTx,
        key: referencedKey,
        value: new Uint8Array(0),
        revision: 0,
        referencedBy: referenceInfo(version, atTx),
      };
    }
    if (!isLive({ deleted: false, ...metadata }, this.#reader.now())) return undefined;
    const resolved = this.#reader.tryResolve(() => version);
    return resolved === undefined ? undefined : this.#reader.toEntry(resolved);
  }

  #resolveZ(logEntry: LogEntry, unresolved: boolean): ZEntry | undefined {
    const element = parseSortedSetKey(logEntry.rawKey);
    if (element === undefined) throw new DatabaseError('corrupted', 'data is corrupted');
    if (unresolved) return element;
    const { key, atTx } = element;
    const resolved = this.#reader.tryResolve(
      () => this.#reader.resolve({ key, atTx, atRevision: 0 }).version,
    );
    return resolved === undefined
      ? undefined
      : { ...element, entry: this.#reader.toEntry(resolved) };
  }

  /**
   * Proof from one transaction to another, the earlier one as its source.
   * @param proveSinceTx 0 stands for the transaction itself
   */
  dualProof(txId: number, proveSinceTx: number): DualProof {
    const since = proveSinceTx === 0 ? txId : proveSinceTx;
    const { log, tree } = this.#store;
    const source = log.header(Math.min(since, txId));
    const target = log.header(Math.max(since, txId));
    const history = {
      nodes: tree,
      header: (id: number) => log.header(id),
      alh: (id: number) => log.alh(id),
    };
    try {
      return makeDualProof(source, target, history);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      // Headers that do not follow each other are not the ones that were committed.
      throw new DatabaseError('corrupted', 'data is corrupted: headers contradict each other', {
        cause,
      });
    }
  }

  /** A transaction with all its entries, and the proof. @throws illegalState */
  verifiable(txId: number, proveSinceTx: number): VerifiableTx {
    this.checkProveSince(proveSinceTx);
    return {
      tx: this.#read(txId, ALL_DIGESTS, false),
      dualProof: this.dualProof(txId, proveSinceTx),
    };
  }

  checkProveSince(proveSinceTx: number): void {
    if (proveSinceTx > this.#store.state.txId) throw illegalState();
  }

  /** Proof that a key was written by a transaction. */
  inclusion(txId: number, key: Uint8Array): InclusionProof {
    const rawKey = rawKeyOf(key);
    const { header } = this.#store.log.head(txId);
    const entries = this.#store.log.entries(txId);
    const index = entries.findIndex((entry) => entry.rawKey.equals(rawKey));
    if (index < 0) throw new DatabaseError('corrupted', 'data is corrupted: an entry is missing');
    const digests = Buffer.allocUnsafe(32 * entries.length);
    entries.forEach(({ metadata, rawKey: raw, hValue }, i) => {
      entryDigestInto(digests, 32 * i, header.version, metadata, raw, hValue);
    });
    return hashTreeProof(digests, index);
  }
}

function actionFor(entry: LogEntry, spec: EntriesSpec): EntryAction {
  if (entry.rawKey[0] === PLAIN_KEY_PREFIX) return spec.kv;
  return entry.rawKey[0] === SORTED_SET_PREFIX ? spec.z : spec.sql;
}

function metadataOf(entry: LogEntry) {
  return entry.metadata.length === 0 ? undefined : decodeKvMetadata(entry.metadata);
}

function digestEntry(entry: LogEntry): TxEntry {
  const metadata = metadataOf(entry);
  return {
    rawKey: entry.rawKey,
    hValue: entry.hValue,
    vLen: entry.vLen,
    ...(metadata === undefined ? {} : { metadata }),
  };
}
