import type { KvMetadata, TxHeader } from '../proofs/index.js';
import { kvMetadataFromMessage, type pb, txHeaderFromMessage } from '../wire/index.js';
import { ClientError } from './errors.js';

/** Keys and values may be given as text, which stands for its UTF-8 bytes. */
export type Bytes = Uint8Array | string;

export function bytesOf(value: Bytes): Uint8Array {
  return typeof value === 'string' ? Buffer.from(value) : value;
}

/** What led to an entry that was asked for under another key. */
export interface ReferencedBy {
  readonly txId: number;
  readonly key: Uint8Array;
  /** 0 when unbound. */
  readonly atTx: number;
  readonly metadata?: KvMetadata | undefined;
  /** 0 from servers that do not count. */
  readonly revision: number;
}

export interface Entry {
  readonly txId: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
  readonly expired: boolean;
  /** 0 from servers that do not count. */
  readonly revision: number;
  readonly referencedBy?: ReferencedBy | undefined;
}

export interface SortedSetEntry {
  readonly set: Uint8Array;
  readonly key: Uint8Array;
  readonly score: number;
  /** 0 when unbound. */
  readonly atTx: number;
  /** Absent when the key is gone, from servers that list it nevertheless. */
  readonly entry?: Entry | undefined;
}

/** One entry of a transaction, as it is hashed. */
export interface RawEntry {
  /** With the byte of its kind before it. */
  readonly rawKey: Uint8Array;
  readonly hValue: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
}

export interface Transaction {
  readonly header: TxHeader;
  readonly entries: readonly RawEntry[];
}

export function entryFromMessage(message: pb.Entry): Entry {
  const { tx, key, value, expired, revision, referencedBy } = message;
  const metadata = kvMetadataFromMessage(message.metadata);
  return {
    txId: tx,
    key,
    value,
    expired,
    revision,
    ...(metadata === undefined ? {} : { metadata }),
    ...(referencedBy === undefined ? {} : { referencedBy: referenceFrom(referencedBy) }),
  };
}

function referenceFrom(message: pb.Reference): ReferencedBy {
  const metadata = kvMetadataFromMessage(message.metadata);
  const { tx, key, atTx, revision } = message;
  return { txId: tx, key, atTx, revision, ...(metadata === undefined ? {} : { metadata }) };
}

export function sortedSetEntryFromMessage(message: pb.ZEntry): SortedSetEntry {
  const { set, key, score, atTx, entry } = message;
  return {
    set,
    key,
    score,
    atTx,
    ...(entry === undefined ? {} : { entry: entryFromMessage(entry) }),
  };
}

export function transactionFromMessage(message: pb.Tx | undefined): Transaction {
  if (message === undefined) throw new ClientError('answerInvalid', 'there is no transaction');
  return {
    header: txHeaderFromMessage(message.header, 'Tx.header'),
    entries: message.entries.map(({ key, hValue, metadata }) => ({
      rawKey: key,
      hValue,
      metadata: kvMetadataFromMessage(metadata),
    })),
  };
}
