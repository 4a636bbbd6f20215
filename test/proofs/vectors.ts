import type { DualProof, TxHeader } from '../../src/proofs/index.js';
import { decodeTxMetadata } from '../../src/proofs/index.js';

/** The shapes of the recorded data and their way into the domain. */

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

export function hexes(texts: readonly string[]): Buffer[] {
  return texts.map(hex);
}

export interface VectorHeader {
  readonly id: string;
  readonly ts: string;
  readonly version: 0 | 1;
  readonly metadata?: string;
  readonly nentries: number;
  readonly eH: string;
  readonly blTxId: string;
  readonly blRoot: string;
  readonly prevAlh: string;
  readonly innerHash: string;
  readonly alh: string;
  readonly headerBytes: string;
}

export interface VectorEntry {
  readonly key: string;
  readonly value: string;
  readonly hValue: string;
  readonly digest: string;
  readonly metadata?: string;
}

export interface VectorInclusionProof {
  readonly leaf: number;
  readonly width: number;
  readonly terms: readonly string[];
}

export interface VectorTx {
  readonly name: string;
  readonly header: VectorHeader;
  readonly entries: readonly VectorEntry[];
  readonly inclusionProofs: readonly VectorInclusionProof[];
}

export interface VectorDualProof {
  readonly source: number;
  readonly target: number;
  readonly inclusionProof: readonly string[];
  readonly consistencyProof: readonly string[];
  readonly targetBlTxAlh: string;
  readonly lastInclusionProof: readonly string[];
  readonly linearProof?: { sourceTxId: number; targetTxId: number; terms: readonly string[] };
  readonly linearAdvanceProof?: {
    linearProofTerms: readonly string[];
    inclusionProofs: readonly (readonly string[])[];
  };
}

export interface VectorStore {
  readonly name: 'v0' | 'v0-lag' | 'v1' | 'v1-lag';
  readonly source: string;
  readonly txs: readonly VectorTx[];
  readonly dualProofs: readonly VectorDualProof[];
  readonly dualProofsV2?: readonly {
    source: number;
    target: number;
    inclusionProof: readonly string[];
    consistencyProof: readonly string[];
  }[];
  readonly mutated?: readonly {
    case: string;
    proof: VectorDualProof;
    source: number;
    target: number;
    sourceTxId: number;
    targetTxId: number;
    sourceAlh: string;
    targetAlh: string;
    verifies: boolean;
  }[];
}

export function headerOf(vector: VectorHeader): TxHeader {
  const metadata = decodeTxMetadata(hex(vector.metadata ?? ''));
  return {
    id: Number(vector.id),
    prevAlh: hex(vector.prevAlh),
    ts: Number(vector.ts),
    version: vector.version,
    nentries: vector.nentries,
    eH: hex(vector.eH),
    blTxId: Number(vector.blTxId),
    blRoot: hex(vector.blRoot),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** Whether all its numbers are those that the product takes. */
export function isRepresentable(vector: VectorHeader): boolean {
  return [vector.id, vector.ts, vector.blTxId].every((text) => Number.isSafeInteger(Number(text)));
}

/** A recorded proof between two headers; a part that is absent there is absent here. */
export function dualProofOf(
  vector: VectorDualProof,
  source: TxHeader,
  target: TxHeader,
): DualProof {
  const { linearProof: linear, linearAdvanceProof: advance } = vector;
  return {
    sourceTxHeader: source,
    targetTxHeader: target,
    inclusionProof: hexes(vector.inclusionProof),
    consistencyProof: hexes(vector.consistencyProof),
    targetBlTxAlh: hex(vector.targetBlTxAlh),
    lastInclusionProof: hexes(vector.lastInclusionProof),
    linearProof: (linear && { ...linear, terms: hexes(linear.terms) }) as DualProof['linearProof'],
    ...(advance === undefined
      ? {}
      : {
          linearAdvanceProof: {
            linearProofTerms: hexes(advance.linearProofTerms),
            inclusionProofs: advance.inclusionProofs.map(hexes),
          },
        }),
  };
}
