// For those who store and serve: encodings, hashes, makers of proofs.

export {
  consistencyTerms,
  inclusionTerms,
  lastInclusionTerms,
  treeRoot,
} from './accumulative-tree.js';
export { DIGEST_BYTES } from './checks.js';
export { entryDigest, entryDigestInto } from './digest.js';
export { makeDualProof } from './dual.js';
export {
  PLAIN_KEY_PREFIX,
  PLAIN_VALUE_PREFIX,
  parseReferenceValue,
  parseSortedSetKey,
  REFERENCE_VALUE_PREFIX,
  type ReferenceValue,
  rawKeyOf,
  rawReferenceValue,
  rawSortedSetKey,
  rawValueOf,
  SORTED_SET_PREFIX,
  type SortedSetKey,
} from './entries.js';
export { MetadataError, type ProofsErrorCode, SigningKeyError } from './errors.js';
export { hashTreeProof, hashTreeRoot } from './hash-tree.js';
export { EMPTY_HASH, leafHash, nodeHash, ZERO_HASH } from './hashes.js';
export { alhFrom, alhOf, headerBytes, innerHash, parseHeaderBytes } from './header.js';
export { type History, makeLinearAdvanceProof, makeLinearProof } from './linear.js';
export {
  decodeKvMetadata,
  decodeTxMetadata,
  encodeKvMetadata,
  encodeTxMetadata,
  TX_EXTRA_BYTES_MAX,
} from './metadata.js';
export { StateSigner, stateSigningBytes } from './state-signature.js';
export { TreeAppender } from './tree-appender.js';
export type * from './types.js';

// For those who verify. These functions take hostile input and answer, they never throw.

export { verifyConsistency, verifyInclusion, verifyLastInclusion } from './accumulative-tree.js';
export { verifyDualProof } from './dual.js';
export { verifyHashTreeProof } from './hash-tree.js';
export { verifyLinearAdvanceProof, verifyLinearProof } from './linear.js';
export { StateVerifier } from './state-signature.js';
export type { ProvedTx, Trust } from './trust.js';
export { type Invalid, invalid, type StateVerdict, VALID, type Verdict } from './verdict.js';
export {
  type HashedEntry,
  type ProvedEntry,
  type ProvedReference,
  verifyGet,
  verifySet,
  verifySetReference,
  verifyTxById,
  verifyZAdd,
  type WrittenEntry,
} from './verify.js';
