import type {
  DualProof,
  HeaderVersion,
  InclusionProof,
  KvMetadata,
  TxHeader,
} from '../proofs/index.js';

/** A value too large for memory that was already written to disk, not yet part of a transaction. */
export interface StagedValue {
  readonly blobId: number;
  /** Bytes, without the prefix byte. */
  readonly length: number;
  /** SHA-256 of the prefix byte and the value. */
  readonly hValue: Uint8Array;
}

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array | StagedValue;
  readonly metadata?: KvMetadata;
}

export interface ReferenceOp {
  readonly key: Uint8Array;
  readonly referencedKey: Uint8Array;
  /** 0 is unbound, except with `boundRef` in ExecAll: this transaction. */
  readonly atTx: number;
  readonly boundRef: boolean;
}

export interface ZAddOp {
  readonly set: Uint8Array;
  readonly score: number;
  readonly key: Uint8Array;
  readonly atTx: number;
  readonly boundRef: boolean;
}

export type Operation =
  | { readonly kind: 'kv'; readonly kv: KeyValue }
  | { readonly kind: 'ref'; readonly ref: ReferenceOp }
  | { readonly kind: 'zAdd'; readonly zAdd: ZAddOp }
  /** An operation that the caller left unset: refused. */
  | { readonly kind: 'unset' };

export type Precondition =
  | { readonly kind: 'keyMustExist'; readonly key: Uint8Array }
  | { readonly kind: 'keyMustNotExist'; readonly key: Uint8Array }
  | { readonly kind: 'keyNotModifiedAfterTx'; readonly key: Uint8Array; readonly txId: number }
  /** One that the caller left unset: refused. */
  | { readonly kind: 'unset' };

/** How the writer logged in; decides a header version that is still `auto`. */
export type Generation = 'token' | 'session';

export interface WriteOptions {
  readonly generation: Generation;
  readonly noWait?: boolean;
  readonly preconditions?: readonly Precondition[];
}

export interface KeyRequest {
  readonly key: Uint8Array;
  /** 0 when absent, as all ids here. */
  readonly atTx: number;
  readonly sinceTx: number;
  readonly noWait: boolean;
  /** n > 0: nth version; n < 0: latest minus n; 0: latest. */
  readonly atRevision: number;
}

export interface ReferenceInfo {
  readonly tx: number;
  readonly key: Uint8Array;
  readonly atTx: number;
  readonly metadata?: KvMetadata;
  readonly revision: number;
}

/** A value as it is read; keys and values without their prefix bytes. */
export interface Entry {
  readonly tx: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly referencedBy?: ReferenceInfo;
  readonly metadata?: KvMetadata;
  readonly expired?: boolean;
  /** From 1; 0 when it was read at a transaction. */
  readonly revision: number;
}

/** An entry whose value is read piece by piece; every piece was checked before it is handed out. */
export interface StreamedEntry extends Omit<Entry, 'value'> {
  readonly valueLength: number;
  value(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface ZEntry {
  readonly set: Uint8Array;
  readonly key: Uint8Array;
  /** Absent only when references are kept unresolved. */
  readonly entry?: Entry;
  readonly score: number;
  readonly atTx: number;
}

export interface ScanRequest {
  readonly seekKey: Uint8Array;
  readonly endKey: Uint8Array;
  readonly prefix: Uint8Array;
  readonly desc: boolean;
  readonly limit: number;
  readonly sinceTx: number;
  readonly noWait: boolean;
  readonly inclusiveSeek: boolean;
  readonly inclusiveEnd: boolean;
  readonly offset: number;
}

export interface ZScanRequest {
  readonly set: Uint8Array;
  readonly seekKey: Uint8Array;
  readonly seekScore: number;
  readonly seekAtTx: number;
  readonly inclusiveSeek: boolean;
  readonly limit: number;
  readonly desc: boolean;
  readonly minScore?: number;
  readonly maxScore?: number;
  readonly sinceTx: number;
  readonly noWait: boolean;
  readonly offset: number;
}

export interface HistoryRequest {
  readonly key: Uint8Array;
  readonly offset: number;
  readonly limit: number;
  readonly desc: boolean;
  readonly sinceTx: number;
}

export type EntryAction = 'exclude' | 'onlyDigest' | 'rawValue' | 'resolve';

export interface EntriesSpec {
  readonly kv: EntryAction;
  readonly z: EntryAction;
  readonly sql: EntryAction;
}

export interface TxRequest {
  readonly tx: number;
  /** Absent: all entries raw, without values. */
  readonly entriesSpec?: EntriesSpec;
  readonly sinceTx: number;
  readonly keepReferencesUnresolved: boolean;
}

export interface TxScanRequest {
  readonly initialTx: number;
  readonly limit: number;
  readonly desc: boolean;
  readonly entriesSpec?: EntriesSpec;
  readonly sinceTx: number;
}

/** An entry as it stands in its transaction: raw key (with kind prefix), digest of the raw value. */
export interface TxEntry {
  readonly rawKey: Uint8Array;
  readonly hValue: Uint8Array;
  /** Bytes of the raw value. */
  readonly vLen: number;
  readonly metadata?: KvMetadata;
  /** Raw value; only with action `rawValue`. */
  readonly rawValue?: Uint8Array;
}

export interface Tx {
  readonly header: TxHeader;
  readonly entries: readonly TxEntry[];
  readonly kvEntries: readonly Entry[];
  readonly zEntries: readonly ZEntry[];
}

/** Unsigned: the caller signs the state of `dualProof`'s target. */
export interface VerifiableTx {
  readonly tx: Tx;
  readonly dualProof: DualProof;
}

export interface VerifiableEntry {
  readonly entry: Entry;
  readonly verifiableTx: VerifiableTx;
  readonly inclusionProof: InclusionProof;
}

export interface VerifiableStreamedEntry {
  readonly entry: StreamedEntry;
  readonly verifiableTx: VerifiableTx;
  readonly inclusionProof: InclusionProof;
}

/**
 * What becomes of a header version. `auto` is resolved once, by the first user write: to 1 for a session, to
 * 0 for a token. With 0, transactions that carry metadata get version 1, which alone has a place for it;
 * `0-only` refuses metadata.
 */
export type HeaderVersionSetting = 'auto' | HeaderVersion | '0-only';
