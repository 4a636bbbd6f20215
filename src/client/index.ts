// For programs that use a server: a client that verifies every answer by itself.

export type { State } from '../proofs/index.js';
export { STATUS } from '../wire/index.js';
export { SteleClient } from './client.js';
export { type Credentials, checkServerKey, type LoginResult } from './connection.js';
export {
  CallError,
  CLIENT_ERROR_CODES,
  ClientError,
  type ClientErrorCode,
  isNotFound,
  needsLogin,
  type VerificationCheck,
  VerificationError,
} from './errors.js';
export type { CallOptions, ClientOptions } from './options.js';
export type {
  HistoryOptions,
  KeyValue,
  Operation,
  ScanOptions,
  SortedSetScanOptions,
  WhichVersion,
} from './plain.js';
export type {
  StreamedKeyValue,
  StreamedSortedSetEntry,
  StreamedValue,
  ValueSource,
} from './streams.js';
export type { TlsOptions } from './tls.js';
export type { SignedState } from './trust.js';
export {
  FileTrustStore,
  MemoryTrustStore,
  type TrustScope,
  type TrustStore,
} from './trust-store.js';
export type {
  Bytes,
  Entry,
  RawEntry,
  ReferencedBy,
  SortedSetEntry,
  Transaction,
} from './values.js';
