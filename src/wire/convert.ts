import type {
  DualProof,
  HeaderVersion,
  InclusionProof,
  KvMetadata,
  LinearAdvanceProof,
  LinearProof,
  State,
  TxHeader,
  TxMetadata,
} from '../proofs/index.js';
import { WireDecodeError } from './errors.js';
import type * as pb from './gen/messages.js';
import type { Init } from './writer.js';

/**
 * Messages to values of the domain and back. What comes from a message is hostile: a field that is
 * absent, of the wrong length or out of range is a `WireDecodeError` `messageInvalidField` that
 * names it. Bytes stay views on the message.
 */

const DIGEST_BYTES = 32;

/** A signature over a state and the public key that its signer says checks it. */
export interface StateSignature {
  /** Uncompressed point. */
  readonly publicKey: Uint8Array;
  /** ECDSA P-256, DER. */
  readonly signature: Uint8Array;
}

/** A decoded 64-bit number that must be exact: beyond 2^53 - 1 it was decoded to infinity. */
export function safeInteger(value: number, field: string): number {
  if (!Number.isSafeInteger(value)) throw invalid(field, 'at most 2^53 - 1 in magnitude');
  return value;
}

/**
 * A decoded id of a transaction that is only asked for: one beyond 2^53 - 1, decoded to infinity, becomes
 * an id that no transaction has either.
 */
export function askedTxId(value: number): number {
  return Number.isSafeInteger(value) ? value : Number.MAX_SAFE_INTEGER;
}

export function kvMetadataToMessage(
  metadata: KvMetadata | undefined,
): Init<pb.KVMetadata> | undefined {
  if (metadata === undefined) return undefined;
  const { deleted, expiresAt, nonIndexable } = metadata;
  if (deleted !== true && expiresAt === undefined && nonIndexable !== true) return undefined;
  return {
    deleted,
    expiration: expiresAt === undefined ? undefined : { expiresAt },
    nonIndexable,
  };
}

/** Undefined also for a message without attributes: both stand for zero bytes in a digest. */
export function kvMetadataFromMessage(message: pb.KVMetadata | undefined): KvMetadata | undefined {
  if (message === undefined) return undefined;
  const { deleted, expiration, nonIndexable } = message;
  if (!deleted && expiration === undefined && !nonIndexable) return undefined;
  return {
    ...(deleted ? { deleted } : {}),
    ...(expiration === undefined
      ? {}
      : { expiresAt: safeInteger(expiration.expiresAt, 'Expiration.expiresAt') }),
    ...(nonIndexable ? { nonIndexable } : {}),
  };
}

export function txHeaderToMessage(header: TxHeader): Init<pb.TxHeader> {
  const { id, prevAlh, ts, nentries, eH, blTxId, blRoot, version } = header;
  checkDigestLengths({ prevAlh, eH, blRoot });
  const metadata = txMetadataToMessage(header.metadata);
  return { id, prevAlh, ts, nentries, eH, blTxId, blRoot, version, metadata };
}

/** @param field names the header in errors, e.g. `DualProof.sourceTxHeader` */
export function txHeaderFromMessage(
  message: pb.TxHeader | undefined,
  field = 'TxHeader',
): TxHeader {
  if (message === undefined) throw invalid(field, 'present');
  const metadata = txMetadataFromMessage(message.metadata, field);
  return {
    id: atLeast(message.id, 1, `${field}.id`),
    prevAlh: digest(message.prevAlh, `${field}.prevAlh`),
    ts: safeInteger(message.ts, `${field}.ts`),
    version: headerVersion(message.version, `${field}.version`),
    ...(metadata === undefined ? {} : { metadata }),
    nentries: atLeast(message.nentries, 0, `${field}.nentries`),
    eH: digest(message.eH, `${field}.eH`),
    blTxId: atLeast(message.blTxId, 0, `${field}.blTxId`),
    blRoot: digest(message.blRoot, `${field}.blRoot`),
  };
}

export function inclusionProofToMessage(proof: InclusionProof): Init<pb.InclusionProof> {
  return { leaf: proof.leaf, width: proof.width, terms: proof.terms };
}

export function inclusionProofFromMessage(
  message: pb.InclusionProof | undefined,
  field = 'InclusionProof',
): InclusionProof {
  if (message === undefined) throw invalid(field, 'present');
  return {
    leaf: atLeast(message.leaf, 0, `${field}.leaf`),
    width: atLeast(message.width, 0, `${field}.width`),
    terms: digests(message.terms, `${field}.terms`),
  };
}

export function linearProofToMessage(proof: LinearProof): Init<pb.LinearProof> {
  return { sourceTxId: proof.sourceTxId, TargetTxId: proof.targetTxId, terms: proof.terms };
}

export function linearProofFromMessage(
  message: pb.LinearProof | undefined,
  field = 'LinearProof',
): LinearProof {
  if (message === undefined) throw invalid(field, 'present');
  return {
    sourceTxId: atLeast(message.sourceTxId, 0, `${field}.sourceTxId`),
    targetTxId: atLeast(message.TargetTxId, 0, `${field}.TargetTxId`),
    terms: digests(message.terms, `${field}.terms`),
  };
}

export function linearAdvanceProofToMessage(
  proof: LinearAdvanceProof,
): Init<pb.LinearAdvanceProof> {
  return {
    linearProofTerms: proof.linearProofTerms,
    inclusionProofs: proof.inclusionProofs.map((terms) => ({ terms })),
  };
}

export function linearAdvanceProofFromMessage(
  message: pb.LinearAdvanceProof,
  field = 'LinearAdvanceProof',
): LinearAdvanceProof {
  return {
    linearProofTerms: digests(message.linearProofTerms, `${field}.linearProofTerms`),
    inclusionProofs: message.inclusionProofs.map((proof) =>
      digests(proof.terms, `${field}.inclusionProofs`),
    ),
  };
}

export function dualProofToMessage(proof: DualProof): Init<pb.DualProof> {
  checkDigestLengths({ targetBlTxAlh: proof.targetBlTxAlh });
  return {
    sourceTxHeader: txHeaderToMessage(proof.sourceTxHeader),
    targetTxHeader: txHeaderToMessage(proof.targetTxHeader),
    inclusionProof: proof.inclusionProof,
    consistencyProof: proof.consistencyProof,
    targetBlTxAlh: proof.targetBlTxAlh,
    lastInclusionProof: proof.lastInclusionProof,
    linearProof: linearProofToMessage(proof.linearProof),
    LinearAdvanceProof:
      proof.linearAdvanceProof === undefined
        ? undefined
        : linearAdvanceProofToMessage(proof.linearAdvanceProof),
  };
}

/** Both headers and the linear proof must be present. */
export function dualProofFromMessage(message: pb.DualProof | undefined): DualProof {
  if (message === undefined) throw invalid('DualProof', 'present');
  const advance = message.LinearAdvanceProof;
  return {
    sourceTxHeader: txHeaderFromMessage(message.sourceTxHeader, 'DualProof.sourceTxHeader'),
    targetTxHeader: txHeaderFromMessage(message.targetTxHeader, 'DualProof.targetTxHeader'),
    inclusionProof: digests(message.inclusionProof, 'DualProof.inclusionProof'),
    consistencyProof: digests(message.consistencyProof, 'DualProof.consistencyProof'),
    targetBlTxAlh: digest(message.targetBlTxAlh, 'DualProof.targetBlTxAlh'),
    lastInclusionProof: digests(message.lastInclusionProof, 'DualProof.lastInclusionProof'),
    linearProof: linearProofFromMessage(message.linearProof, 'DualProof.linearProof'),
    ...(advance === undefined
      ? {}
      : {
          linearAdvanceProof: linearAdvanceProofFromMessage(
            advance,
            'DualProof.LinearAdvanceProof',
          ),
        }),
  };
}

export function signatureToMessage(signature: StateSignature): Init<pb.Signature> {
  return { publicKey: signature.publicKey, signature: signature.signature };
}

/** Undefined when the message is absent or holds no signature. */
export function signatureFromMessage(
  message: pb.Signature | undefined,
): StateSignature | undefined {
  if (message === undefined || message.signature.length === 0) return undefined;
  return { publicKey: message.publicKey, signature: message.signature };
}

export function stateFromMessage(message: pb.ImmutableState): State {
  return {
    txId: atLeast(message.txId, 0, 'ImmutableState.txId'),
    txHash: digest(message.txHash, 'ImmutableState.txHash'),
  };
}

function txMetadataToMessage(metadata: TxMetadata | undefined): Init<pb.TxMetadata> | undefined {
  if (metadata === undefined) return undefined;
  const { truncatedTxId, extra } = metadata;
  if (truncatedTxId === undefined && (extra === undefined || extra.length === 0)) return undefined;
  return { truncatedTxID: truncatedTxId, extra };
}

function txMetadataFromMessage(
  message: pb.TxMetadata | undefined,
  field: string,
): TxMetadata | undefined {
  if (message === undefined) return undefined;
  const truncatedTxId = atLeast(message.truncatedTxID, 0, `${field}.metadata.truncatedTxID`);
  const { extra } = message;
  if (truncatedTxId === 0 && extra.length === 0) return undefined;
  return {
    ...(truncatedTxId === 0 ? {} : { truncatedTxId }),
    ...(extra.length === 0 ? {} : { extra }),
  };
}

function invalid(field: string, expected: string): WireDecodeError {
  return new WireDecodeError('messageInvalidField', `${field}: expected ${expected}`);
}

function atLeast(value: number, min: number, field: string): number {
  if (safeInteger(value, field) < min) throw invalid(field, `${min} or more`);
  return value;
}

function headerVersion(value: number, field: string): HeaderVersion {
  if (value !== 0 && value !== 1) throw invalid(field, '0 or 1');
  return value;
}

function digest(value: Uint8Array, field: string): Uint8Array {
  if (value.length !== DIGEST_BYTES) {
    throw invalid(field, `${DIGEST_BYTES} bytes, got ${value.length}`);
  }
  return value;
}

function digests(values: readonly Uint8Array[], field: string): readonly Uint8Array[] {
  for (const value of values) digest(value, field);
  return values;
}

function checkDigestLengths(values: Record<string, Uint8Array>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value.length !== DIGEST_BYTES) {
      throw new RangeError(`${name}: expected ${DIGEST_BYTES} bytes, got ${value.length}`);
    }
  }
}
