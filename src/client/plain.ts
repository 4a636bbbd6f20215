import type { KvMetadata, TxHeader } from '../proofs/index.js';
import {
  type Init,
  kvMetadataToMessage,
  type pb,
  safeInteger,
  txHeaderFromMessage,
} from '../wire/index.js';
import { Connection } from './connection.js';
import { CallError, ClientError } from './errors.js';
import type { CallOptions } from './options.js';
import {
  type Bytes,
  bytesOf,
  type Entry,
  entryFromMessage,
  type SortedSetEntry,
  sortedSetEntryFromMessage,
  type Transaction,
  transactionFromMessage,
} from './values.js';

export interface KeyValue {
  readonly key: Bytes;
  readonly value: Bytes;
  readonly metadata?: KvMetadata | undefined;
}

/** At most one of them. */
export interface WhichVersion {
  /** The version that this transaction wrote. */
  readonly atTx?: number | undefined;
  /** From 1 the version of that number; -1 the one before the newest, and so on. */
  readonly atRevision?: number | undefined;
}

export interface ScanOptions {
  readonly prefix?: Bytes | undefined;
  /** Begins behind this key. */
  readonly after?: Bytes | undefined;
  readonly desc?: boolean | undefined;
  /** Entries in all; absent for every one. */
  readonly limit?: number | undefined;
  /** Entries a call; default 1000, which every generation serves. */
  readonly pageSize?: number | undefined;
}

export interface SortedSetScanOptions {
  readonly desc?: boolean | undefined;
  /** Both inclusive. */
  readonly minScore?: number | undefined;
  readonly maxScore?: number | undefined;
  readonly limit?: number | undefined;
  readonly pageSize?: number | undefined;
}

export interface HistoryOptions {
  readonly desc?: boolean | undefined;
  readonly offset?: number | undefined;
  readonly limit?: number | undefined;
  readonly pageSize?: number | undefined;
}

export type Operation =
  | { readonly kind: 'set'; readonly key: Bytes; readonly value: Bytes }
  | {
      readonly kind: 'reference';
      readonly key: Bytes;
      readonly referencedKey: Bytes;
      readonly atTx?: number | undefined;
    }
  | {
      readonly kind: 'zAdd';
      readonly set: Bytes;
      readonly score: number;
      readonly key: Bytes;
      readonly atTx?: number | undefined;
    };

export const PAGE_SIZE = 1000;

export function kvToMessage({ key, value, metadata }: KeyValue): Init<pb.KeyValue> {
  return { key: bytesOf(key), value: bytesOf(value), metadata: kvMetadataToMessage(metadata) };
}

export function keyRequest(key: Bytes, { atTx, atRevision }: WhichVersion): Init<pb.KeyRequest> {
  return { key: bytesOf(key), atTx, atRevision };
}

export function referenceRequest(
  key: Bytes,
  referencedKey: Bytes,
  atTx = 0,
): Init<pb.ReferenceRequest> {
  const boundRef = atTx > 0;
  return { key: bytesOf(key), referencedKey: bytesOf(referencedKey), atTx, boundRef };
}

export function zAddRequest(set: Bytes, score: number, key: Bytes, atTx = 0): Init<pb.ZAddRequest> {
  return { set: bytesOf(set), score, key: bytesOf(key), atTx, boundRef: atTx > 0 };
}

function operationToMessage(operation: Operation): Init<pb.Op> {
  switch (operation.kind) {
    case 'set':
      return { kv: { key: bytesOf(operation.key), value: bytesOf(operation.value) } };
    case 'reference':
      return { ref: referenceRequest(operation.key, operation.referencedKey, operation.atTx) };
    case 'zAdd':
      return { zAdd: zAddRequest(operation.set, operation.score, operation.key, operation.atTx) };
  }
}

/** Key-value calls as they are answered: nothing here is verified. */
export class PlainClient extends Connection {
  set(key: Bytes, value: Bytes, options: CallOptions = {}): Promise<TxHeader> {
    return this.setAll([{ key, value }], options);
  }

  /** All in one transaction. */
  async setAll(entries: readonly KeyValue[], options: CallOptions = {}): Promise<TxHeader> {
    const header = await this.call('Set', { KVs: entries.map(kvToMessage) }, options);
    return written(header, entries.length);
  }

  async get(key: Bytes, which: WhichVersion = {}, options: CallOptions = {}): Promise<Entry> {
    return entryFromMessage(await this.call('Get', keyRequest(key, which), options));
  }

  /** In the order of the keys; those that are not there are left out. */
  async getAll(keys: readonly Bytes[], options: CallOptions = {}): Promise<Entry[]> {
    const { entries } = await this.call('GetAll', { keys: keys.map(bytesOf) }, options);
    return entries.map(entryFromMessage);
  }

  async delete(keys: readonly Bytes[], options: CallOptions = {}): Promise<TxHeader> {
    const header = await this.call('Delete', { keys: keys.map(bytesOf) }, options);
    return written(header, keys.length);
  }

  async setReference(
    key: Bytes,
    referencedKey: Bytes,
    { atTx }: { readonly atTx?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<TxHeader> {
    const request = referenceRequest(key, referencedKey, atTx);
    return written(await this.call('SetReference', request, options), 1);
  }

  async zAdd(
    set: Bytes,
    score: number,
    key: Bytes,
    { atTx }: { readonly atTx?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<TxHeader> {
    return written(await this.call('ZAdd', zAddRequest(set, score, key, atTx), options), 1);
  }

  /** All in one transaction. */
  async execAll(operations: readonly Operation[], options: CallOptions = {}): Promise<TxHeader> {
    const request = { Operations: operations.map(operationToMessage) };
    return written(await this.call('ExecAll', request, options), operations.length);
  }

  /** Page by page, each as of its own moment. Ordered by key. */
  async *scan(scan: ScanOptions = {}, options: CallOptions = {}): AsyncGenerator<Entry> {
    const { prefix = '', desc = false, pageSize = PAGE_SIZE } = scan;
    let seekKey: Bytes = scan.after ?? '';
    for (let left = scan.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
      const limit = Math.min(pageSize, left);
      const request = { prefix: bytesOf(prefix), seekKey: bytesOf(seekKey), desc, limit };
      const { entries } = await this.call('Scan', request, options);
      for (const message of entries) yield entryFromMessage(message);
      const last = entries.at(-1);
      // A page may be short though more follows: immudb counts references that lead nowhere.
      if (last === undefined) return;
      seekKey = last.referencedBy?.key ?? last.key;
      left -= entries.length;
    }
  }

  /** Page by page, each as of its own moment. Ordered by score, then by key. */
  async *zScan(
    set: Bytes,
    scan: SortedSetScanOptions = {},
    options: CallOptions = {},
  ): AsyncGenerator<SortedSetEntry> {
    const { desc = false, minScore, maxScore, pageSize = PAGE_SIZE } = scan;
    let last: pb.ZEntry | undefined;
    for (let left = scan.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
      const request = {
        set: bytesOf(set),
        desc,
        limit: Math.min(pageSize, left),
        minScore: minScore === undefined ? undefined : { score: minScore },
        maxScore: maxScore === undefined ? undefined : { score: maxScore },
        ...(last === undefined
          ? {}
          : { seekKey: last.key, seekScore: last.score, seekAtTx: last.atTx }),
      };
      const { entries } = await this.call('ZScan', request, options);
      for (const message of entries) yield sortedSetEntryFromMessage(message);
      last = entries.at(-1);
      if (last === undefined) return;
      left -= entries.length;
    }
  }

  /** Every version of a key, oldest first, deletions too; of references the reference itself. */
  async *history(
    key: Bytes,
    history: HistoryOptions = {},
    options: CallOptions = {},
  ): AsyncGenerator<Entry> {
    const { desc = false, pageSize = PAGE_SIZE } = history;
    let offset = history.offset ?? 0;
    for (let left = history.limit ?? Number.POSITIVE_INFINITY; left > 0; ) {
      const limit = Math.min(pageSize, left);
      const request = { key: bytesOf(key), offset, limit, desc };
      const entries = await this.#historyPage(request, options);
      for (const message of entries) yield entryFromMessage(message);
      if (entries.length < limit) return;
      offset += entries.length;
      left -= entries.length;
    }
  }

  async #historyPage(
    request: Init<pb.HistoryRequest>,
    options: CallOptions,
  ): Promise<readonly pb.Entry[]> {
    try {
      return (await this.call('History', request, options)).entries;
    } catch (error) {
      const isEnd =
        error instanceof CallError && /no more entries/.test(error.details) && request.offset !== 0;
      if (isEnd) return [];
      throw error;
    }
  }

  /** Live keys with the prefix. */
  async count(prefix: Bytes, options: CallOptions = {}): Promise<number> {
    const { count } = await this.call('Count', { prefix: bytesOf(prefix) }, options);
    return safeInteger(count, 'EntryCount.count');
  }

  async txById(txId: number, options: CallOptions = {}): Promise<Transaction> {
    return transactionFromMessage(await this.call('TxById', { tx: txId }, options));
  }

  /** From a transaction on, upwards or downwards. */
  async *transactions(
    scan: {
      readonly from?: number | undefined;
      readonly desc?: boolean | undefined;
      readonly limit?: number | undefined;
      readonly pageSize?: number | undefined;
    } = {},
    options: CallOptions = {},
  ): AsyncGenerator<Transaction> {
    const { from = 1, desc = false, pageSize = PAGE_SIZE } = scan;
    let initialTx = from;
    for (let left = scan.limit ?? Number.POSITIVE_INFINITY; left > 0 && initialTx > 0; ) {
      const limit = Math.min(pageSize, left);
      const { txs } = await this.call('TxScan', { initialTx, limit, desc }, options);
      for (const message of txs) {
        const transaction = transactionFromMessage(message);
        yield transaction;
        initialTx = transaction.header.id + (desc ? -1 : 1);
      }
      if (txs.length === 0) return;
      left -= txs.length;
    }
  }
}

/** The header of a write says how many entries were written. */
function written(message: pb.TxHeader, entryCount: number): TxHeader {
  const header = txHeaderFromMessage(message);
  if (header.nentries === entryCount) return header;
  throw new ClientError(
    'answerInvalid',
    `transaction ${header.id} has ${header.nentries} entries, ${entryCount} were sent`,
  );
}
