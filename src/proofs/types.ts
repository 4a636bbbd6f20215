/** Shapes shared by makers and verifiers. Digests are 32 bytes. Integers are safe integers. */

/** Optional attributes of one entry; all absent encodes to zero bytes. */
export interface KvMetadata {
  readonly deleted?: boolean;
  /** Unix seconds; the entry is expired from this second on. */
  readonly expiresAt?: number;
  readonly nonIndexable?: boolean;
}

/**
 * Optional attributes of a transaction; part of a version 1 header. What is present is hashed, 0 and no
 * bytes as well: whoever reads a message, where these mean "not set", leaves them out.
 */
export interface TxMetadata {
  readonly truncatedTxId?: number;
  /** At most 256 bytes. */
  readonly extra?: Uint8Array;
}

export type HeaderVersion = 0 | 1;

/** The hashed fields of a transaction. */
export interface TxHeader {
  readonly id: number;
  readonly prevAlh: Uint8Array;
  /** Unix seconds. */
  readonly ts: number;
  readonly version: HeaderVersion;
  /** Absent when it holds nothing, and in version 0, which does not hash it. */
  readonly metadata?: TxMetadata;
  readonly nentries: number;
  /** Root of the hash tree over the entry digests. */
  readonly eH: Uint8Array;
  /** Size of the accumulative tree when the transaction was built: id - 1. */
  readonly blTxId: number;
  /** Its root; 32 zero bytes when blTxId is 0. */
  readonly blRoot: Uint8Array;
}

/** Proof that a leaf stands in the hash tree of one transaction. */
export interface InclusionProof {
  /** Index of the leaf, from 0. */
  readonly leaf: number;
  /** Number of leaves. */
  readonly width: number;
  readonly terms: readonly Uint8Array[];
}

export interface LinearProof {
  readonly sourceTxId: number;
  readonly targetTxId: number;
  readonly terms: readonly Uint8Array[];
}

export interface LinearAdvanceProof {
  readonly linearProofTerms: readonly Uint8Array[];
  /** Terms of one inclusion proof for each intermediate transaction. */
  readonly inclusionProofs: readonly (readonly Uint8Array[])[];
}

export interface DualProof {
  readonly sourceTxHeader: TxHeader;
  readonly targetTxHeader: TxHeader;
  readonly inclusionProof: readonly Uint8Array[];
  readonly consistencyProof: readonly Uint8Array[];
  readonly targetBlTxAlh: Uint8Array;
  readonly lastInclusionProof: readonly Uint8Array[];
  readonly linearProof: LinearProof;
  readonly linearAdvanceProof?: LinearAdvanceProof;
}

/** Newest transaction of a database; txId 0 with the hash of nothing when it is empty. */
export interface State {
  readonly txId: number;
  readonly txHash: Uint8Array;
}

/**
 * Complete subtrees of the accumulative tree: the one of 2^level leaves with number `index`
 * (from 0) covers the leaves index * 2^level + 1 .. (index + 1) * 2^level.
 */
export interface TreeNodes {
  node(level: number, index: number): Uint8Array;
}
