// Entries and headers.

// Makers and verifiers.
export {
  consistencyTerms,
  inclusionTerms,
  lastInclusionTerms,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
  verifyLastInclusion,
} from './accumulative-tree.js';
export { DIGEST_BYTES } from './checks.js';
export { entryDigest, entryDigestInto } from './digest.js';
export { invalid, makeDualProof, VALID, type Verdict, verifyDualProof } from './dual.js';
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
export { hashTreeProof, hashTreeRoot, verifyHashTreeProof } from './hash-tree.js';
export { EMPTY_HASH, leafHash, nodeHash, ZERO_HASH } from './hashes.js';
export { alhFrom, alhOf, headerBytes, innerHash, parseHeaderBytes } from './header.js';
export {
  type History,
  makeLinearAdvanceProof,
  makeLinearProof,
  verifyLinearAdvanceProof,
  verifyLinearProof,
} from './linear.js';
export {
  decodeKvMetadata,
  decodeTxMetadata,
  encodeKvMetadata,
  encodeTxMetadata,
  TX_EXTRA_BYTES_MAX,
} from './metadata.js';
export {
  StateSigner,
  StateVerifier,
  stateSigningBytes,
} from './state-signature.js';
export { TreeAppender } from './tree-appender.js';
export type * from './types.js';
