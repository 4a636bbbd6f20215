import { AuthError, type AuthErrorCode } from '../auth/index.js';
import { DatabaseError, type DatabaseErrorCode } from '../database/index.js';
import {
  encodeStatusDetails,
  STATUS,
  type StatusCode,
  type StatusName,
  WireError,
  type WireErrorCode,
} from '../wire/index.js';
import { RpcError, type RpcErrorCode } from './rpc-error.js';
import type { CallStatus } from './transport.js';

/** Every code of an error that can end a call. */
export type ErrorCode = DatabaseErrorCode | AuthErrorCode | WireErrorCode | RpcErrorCode;

/** How a code is answered. SDKs compare texts, so they change only with the protocol. */
export interface ErrorAnswer {
  readonly status: StatusName;
  /** Sent in place of the error's own message. */
  readonly text?: string;
  /** Sent before the text. */
  readonly prefix?: string;
  /** `ErrorInfo.code`; without it the answer carries no details. */
  readonly info?: string;
}

const UNKNOWN = { status: 'UNKNOWN' } as const;
const INVALID = { status: 'INVALID_ARGUMENT' } as const;
const INTERNAL = { status: 'INTERNAL', info: 'XX000' } as const;
const EXHAUSTED = { status: 'RESOURCE_EXHAUSTED' } as const;
/** Ends the start of the server, never a call. */
const NOT_IN_CALLS = { ...INTERNAL, text: 'internal error' } as const;

const DATABASE_ANSWERS = {
  illegalArguments: { ...INVALID, text: 'illegal arguments' },
  illegalArgumentsExplained: UNKNOWN,
  emptyKey: UNKNOWN,
  emptyRequest: UNKNOWN,
  noEntries: UNKNOWN,
  emptySet: INVALID,
  operationNotSet: INVALID,
  duplicateKey: INVALID,
  duplicateZAdd: INVALID,
  duplicateReference: INVALID,
  keyTooLong: UNKNOWN,
  seekKeyTooLong: UNKNOWN,
  valueTooLong: UNKNOWN,
  tooManyEntries: UNKNOWN,
  resultLimitExceeded: UNKNOWN,
  invalidPrecondition: UNKNOWN,
  invalidScore: INVALID,
  notSelfContained: UNKNOWN,
  metadataUnsupported: UNKNOWN,
  sinceTxInFuture: UNKNOWN,
  keyNotFound: { ...UNKNOWN, text: 'key not found' },
  keyExpired: { ...UNKNOWN, text: 'key not found: expired entry' },
  txNotFound: { ...UNKNOWN, text: 'tx not found' },
  noMoreEntries: UNKNOWN,
  invalidRevision: UNKNOWN,
  // Clients compare the whole status: no details, no other word.
  illegalState: { ...INVALID, text: 'illegal state' },
  illegalStateExplained: UNKNOWN,
  preconditionFailed: { status: 'FAILED_PRECONDITION', info: '23000' },
  keyIsNotReference: UNKNOWN,
  referencedKeyIsReference: UNKNOWN,
  resolutionLimit: UNKNOWN,
  readConflict: { ...UNKNOWN, info: '25P02' },
  noNewTransactions: UNKNOWN,
  txAlreadyCommitted: UNKNOWN,
  databaseClosed: { ...UNKNOWN, text: 'already closed' },
  databaseReadOnly: UNKNOWN,
  databaseFailed: {
    status: 'UNAVAILABLE',
    text: 'the database takes no writes after a storage failure, see the log of the server',
  },
  diskFull: {
    ...EXHAUSTED,
    text: 'the disk is nearly full, writes are refused (--disk-reserve, --disk-reserve-percent)',
  },
  tooManyWaiters: { ...EXHAUSTED, text: 'max waiting limit exceeded (--max-waiters)' },
  corrupted: { ...UNKNOWN, text: 'data is corrupted' },
  databaseNotFound: UNKNOWN,
  databaseExists: UNKNOWN,
  databaseReserved: INTERNAL,
  databaseNameLength: UNKNOWN,
  databaseNameCharacter: UNKNOWN,
  databaseNamePunctuation: UNKNOWN,
  databaseAlreadyLoaded: INTERNAL,
  databaseStillLoaded: UNKNOWN,
  databaseDamaged: {
    ...UNKNOWN,
    text: 'the database can not be opened, see the log of the server',
  },
  invalidSettings: INVALID,
  retentionPeriodTooShort: INVALID,
  retentionPeriodNotReached: UNKNOWN,
  notAReplica: UNKNOWN,
} as const satisfies Record<DatabaseErrorCode, ErrorAnswer>;

const NOT_LOGGED_IN = { ...UNKNOWN, info: '28000' } as const;

const AUTH_ANSWERS = {
  notLoggedIn: NOT_LOGGED_IN,
  logoutWithoutLogin: NOT_LOGGED_IN,
  invalidToken: INTERNAL,
  tokenExpired: { status: 'PERMISSION_DENIED' },
  sessionNotFound: { status: 'PERMISSION_DENIED', info: '08001' },
  streamSessionNotFound: { ...INVALID, info: '22023' },
  noSessionData: NOT_LOGGED_IN,
  noSessionId: NOT_LOGGED_IN,
  invalidCredentials: { status: 'PERMISSION_DENIED', info: '08004' },
  userInactive: { ...UNKNOWN, info: '08004' },
  loginThrottled: EXHAUSTED,
  passwordQueueFull: EXHAUSTED,
  tooManySessions: INTERNAL,
  tooManySessionsOfUser: INTERNAL,
  tooManyTokens: EXHAUSTED,
  tooManyTokensOfUser: EXHAUSTED,
  authDisabled: { ...UNKNOWN, info: '08P01' },
  remoteRefused: { status: 'PERMISSION_DENIED' },
  authRequired: UNKNOWN,
  authMustBeOn: INVALID,
  notAllowedInMaintenance: INVALID,
  selectDatabaseFirst: UNKNOWN,
  noDatabaseSelected: UNKNOWN,
  permissionDenied: INTERNAL,
  noPermissionToSelect: { status: 'PERMISSION_DENIED' },
  selectedDatabaseNotFound: { status: 'NOT_FOUND', info: '3F000' },
  sessionDatabaseNotFound: UNKNOWN,
  notAllowedToCreateDatabase: UNKNOWN,
  notAllowedToManageDatabase: UNKNOWN,
  userNameEmpty: UNKNOWN,
  userNameInvalid: INVALID,
  userExists: UNKNOWN,
  passwordEmpty: UNKNOWN,
  passwordWeak: INVALID,
  permissionUnknown: UNKNOWN,
  sysadminNotCreated: UNKNOWN,
  userDatabaseNotFound: UNKNOWN,
  userDatabaseEmpty: UNKNOWN,
  userDatabaseNotAdmin: UNKNOWN,
  oldPasswordIncorrect: { status: 'PERMISSION_DENIED' },
  passwordTargetRefused: UNKNOWN,
  notAdminAnywhere: UNKNOWN,
  ownStatus: UNKNOWN,
  statusUserNotFound: UNKNOWN,
  statusNotCreator: UNKNOWN,
  grantUserNameEmpty: INVALID,
  grantDatabaseEmpty: INVALID,
  grantDatabaseNotFound: INVALID,
  grantPermissionUnknown: INVALID,
  grantActionUnknown: INVALID,
  grantNotAdmin: { status: 'PERMISSION_DENIED' },
  grantToOneself: INVALID,
  grantToSysadmin: INVALID,
  grantUserNotFound: { status: 'NOT_FOUND' },
  grantUserInactive: { status: 'FAILED_PRECONDITION' },
  updateConflict: { status: 'ABORTED' },
  adminPasswordEmpty: NOT_IN_CALLS,
  adminPasswordTooLong: NOT_IN_CALLS,
  authOffRefused: NOT_IN_CALLS,
  maintenanceNeedsAuthOff: NOT_IN_CALLS,
  tokenKeyInvalid: NOT_IN_CALLS,
  userRecordInvalid: NOT_IN_CALLS,
} as const satisfies Record<AuthErrorCode, ErrorAnswer>;

/** As gRPC libraries answer bytes that they cannot decode; only the reason is ours. */
const NO_MESSAGE = { status: 'INTERNAL', prefix: 'grpc: error unmarshalling request: ' } as const;

const WIRE_ANSWERS = {
  messageTruncated: NO_MESSAGE,
  messageMalformed: NO_MESSAGE,
  messageInvalidText: NO_MESSAGE,
  messageTooManyElements: INVALID,
  messageInvalidField: INVALID,
  frameCutShort: {
    ...INVALID,
    text: 'not enough data to build the expected message. check value length declaration',
  },
  frameTooLong: INVALID,
} as const satisfies Record<WireErrorCode, ErrorAnswer>;

const STREAM_SIZE = { status: 'FAILED_PRECONDITION', info: '22000' } as const;

const RPC_ANSWERS = {
  unimplemented: { status: 'UNIMPLEMENTED' },
  operationNotSupported: { ...INTERNAL, text: 'operation not supported' },
  requestMissing: { ...INVALID, text: 'the call carries no request message' },
  messageCutShort: { ...INVALID, text: 'the request ends inside a message' },
  messageTooLong: EXHAUSTED,
  messageFrames: {
    ...EXHAUSTED,
    text: 'the message is cut into too many frames (--max-message-frames)',
  },
  messageEncoding: { status: 'UNIMPLEMENTED' },
  messageDamaged: { ...INVALID, text: 'the message cannot be decompressed' },
  messageMissing: { ...INVALID, text: 'illegal arguments' },
  replicationUnsupported: INVALID,
  settingUnsupported: INVALID,
  invalidPercentage: { ...UNKNOWN, text: 'illegal arguments: invalid cleanupPercentage' },
  streamValueTooLong: { ...STREAM_SIZE, text: 'internal store max value length exceeded' },
  streamValuesTooLong: { ...STREAM_SIZE, text: 'max transaction values length exceeded' },
  streamNumberCutShort: { ...UNKNOWN, text: 'unexpected EOF' },
  streamReferenceUnsupported: {
    status: 'UNIMPLEMENTED',
    text: 'reference operation is not implemented',
    info: '42883',
  },
  streamZAddMalformed: {
    ...INTERNAL,
    text: 'unable to reassemble ZAdd message on a streamExecAll',
  },
  streamSetFailed: UNKNOWN,
  streamVerifiableSetFailed: UNKNOWN,
  streamsBeforeLogin: {
    ...EXHAUSTED,
    text: 'too many calls at once on a connection without a login (--max-streams-before-login)',
  },
  bytesBeforeLogin: {
    ...EXHAUSTED,
    text: 'too many bytes of requests on a connection without a login (--max-size-before-login)',
  },
  bytesInFlight: {
    ...EXHAUSTED,
    text: 'the server holds as many bytes of requests as it may (--max-inflight-size)',
  },
  connectionMemory: {
    ...EXHAUSTED,
    text: 'the connection holds too many bytes of requests and answers (--max-connection-memory)',
  },
  cancelled: { status: 'CANCELLED', text: 'the call was cancelled' },
  deadlineExceeded: {
    status: 'DEADLINE_EXCEEDED',
    text: 'the call took longer than the server allows (--unary-deadline)',
  },
  streamStalled: {
    status: 'DEADLINE_EXCEEDED',
    text: 'the stream made no progress (--stream-progress-timeout)',
  },
  serverStopping: { status: 'UNAVAILABLE', text: 'the server is shutting down' },
  auditUnavailable: { status: 'UNAVAILABLE', text: 'the audit event could not be written' },
  auditSpaceLow: {
    ...EXHAUSTED,
    text: 'the disk of the audit stream is nearly full, writes are refused (--audit-space-critical)',
  },
  auditOff: { status: 'FAILED_PRECONDITION', text: 'the audit stream is switched off (--audit)' },
  auditLocked: {
    status: 'FAILED_PRECONDITION',
    text: 'the audit settings are locked until the next start (--audit-lock)',
  },
  auditSettingInvalid: INVALID,
} as const satisfies Record<RpcErrorCode, ErrorAnswer>;

/** The one table: status, text and details of every error that ends a call. */
export const ERROR_ANSWERS: Readonly<Record<ErrorCode, ErrorAnswer>> = {
  ...DATABASE_ANSWERS,
  ...AUTH_ANSWERS,
  ...WIRE_ANSWERS,
  ...RPC_ANSWERS,
};

/** A method that answers some codes in its own way. */
export type ErrorOverrides = Readonly<Partial<Record<ErrorCode, ErrorAnswer>>>;

/** What becomes of an error: the answer, and what is counted and logged. */
export interface MappedError {
  readonly status: StatusName;
  readonly text: string;
  readonly info: string | undefined;
  /** Milliseconds. */
  readonly retryAfterMs: number;
  /** Undefined for a bug: log its stack, tell the client nothing. */
  readonly errorCode: ErrorCode | undefined;
}

/** Texts travel in a header, whose size clients limit. */
const TEXT_LENGTH_MAX = 1024;

export function mapError(error: unknown, overrides: ErrorOverrides = {}): MappedError {
  const known =
    error instanceof DatabaseError ||
    error instanceof AuthError ||
    error instanceof WireError ||
    error instanceof RpcError;
  if (!known) {
    const text = 'internal error';
    return { status: 'INTERNAL', text, info: 'XX000', retryAfterMs: 0, errorCode: undefined };
  }
  const { code } = error;
  const answer = overrides[code] ?? ERROR_ANSWERS[code];
  return {
    status: answer.status,
    text: headerText(`${answer.prefix ?? ''}${answer.text ?? error.message}`),
    info: answer.info,
    retryAfterMs: error instanceof AuthError ? error.retryAfterMs : 0,
    errorCode: code,
  };
}

/** A name that was cut inside a character has no UTF-8 form; a transport may choke on it. */
function headerText(text: string): string {
  const short = text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}...`;
  return Buffer.from(short).toString();
}

export function callStatus(error: MappedError): CallStatus {
  const { status, text, info, retryAfterMs } = error;
  const code: StatusCode = STATUS[status];
  if (info === undefined && retryAfterMs === 0) return { code, text };
  const details = encodeStatusDetails({
    status: code,
    message: text,
    ...(info === undefined ? {} : { errorInfo: { code: info, cause: text } }),
    retryDelayMs: retryAfterMs,
  });
  return { code, text, details };
}
