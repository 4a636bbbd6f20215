// For whoever speaks the protocol: server and clients.
export {
  askedTxId,
  dualProofFromMessage,
  dualProofToMessage,
  inclusionProofFromMessage,
  inclusionProofToMessage,
  kvMetadataFromMessage,
  kvMetadataToMessage,
  linearAdvanceProofFromMessage,
  linearAdvanceProofToMessage,
  linearProofFromMessage,
  linearProofToMessage,
  type StateSignature,
  safeInteger,
  signatureFromMessage,
  signatureToMessage,
  stateFromMessage,
  txHeaderFromMessage,
  txHeaderToMessage,
} from './convert.js';
export {
  FrameError,
  WIRE_ERROR_CODES,
  WireDecodeError,
  WireError,
  type WireErrorCode,
} from './errors.js';
export { FrameReader } from './frame-reader.js';
export { CHUNK_BYTES_MAX, frameChunk, valueChunks, valueChunksFrom } from './frame-writer.js';
/** The messages under their proto names, each with `encode<Name>` and `decode<Name>`. */
export * as pb from './gen/messages.js';
export {
  type KindOf,
  METHOD_NAMES,
  type MethodDescription,
  type MethodKind,
  type MethodName,
  type MethodsOf,
  methods,
  type RequestInitOf,
  type RequestOf,
  type ResponseInitOf,
  type ResponseOf,
} from './methods.js';
export { STATUS, type StatusCode, type StatusName } from './status.js';
export { decodeStatusDetails, encodeStatusDetails, type StatusDetails } from './status-details.js';
export type { Init } from './writer.js';
