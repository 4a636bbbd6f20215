import { SteleError } from '../base/errors.js';

export const CLIENT_ERROR_CODES = [
  // nobody answered: not reachable, broken off, or TLS refused
  'unreachable',
  'deadlineExceeded',
  'aborted',
  // the server answered with an error
  'refused',
  // the answer is no message of the protocol, or lacks what it must have
  'answerInvalid',
  // an answer contradicts what this client knows: tampering, until it is explained
  'notVerified',
  // the files of trusted states cannot be used
  'trustUnusable',
  'optionInvalid',
  'closed',
] as const;

export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

export class ClientError extends SteleError<ClientErrorCode> {}

export interface CallFailure {
  readonly method: string;
  /** Number of the gRPC status. */
  readonly status: number;
  /** Its text, as the server sent it. */
  readonly details: string;
  /** From the status details, where a server of 1.0.5 or later has them. */
  readonly errorInfo?: { readonly code: string; readonly cause: string } | undefined;
}

/** A call that did not end with OK. Its message is the text of the server, which tools compare. */
export class CallError extends ClientError {
  readonly method: string;
  readonly status: number;
  readonly details: string;
  readonly errorInfo: CallFailure['errorInfo'];

  constructor(code: ClientErrorCode, message: string, failure: CallFailure) {
    super(code, message);
    this.method = failure.method;
    this.status = failure.status;
    this.details = failure.details;
    this.errorInfo = failure.errorInfo;
  }
}

/** What was checked when it did not hold. */
export type VerificationCheck =
  | 'proof'
  | 'history'
  /** The history ends before the trusted state. */
  | 'rollback'
  | 'identity'
  | 'signature'
  | 'value'
  | 'answer'
  | 'serverReport';

export interface VerificationFailure {
  readonly check: VerificationCheck;
  /** For people: what does not hold. */
  readonly reason: string;
  readonly expected: string;
  readonly found: string;
  readonly server?: string | undefined;
  readonly database?: string | undefined;
}

/**
 * An answer that the history known to this client contradicts. The trusted state stays as it was, so
 * that the next call says the same.
 */
export class VerificationError extends ClientError {
  readonly check: VerificationCheck;
  readonly reason: string;
  readonly expected: string;
  readonly found: string;
  readonly server: string | undefined;
  readonly database: string | undefined;

  constructor(failure: VerificationFailure, options?: ErrorOptions) {
    const { check, reason, expected, found, server, database } = failure;
    super('notVerified', `not verified: ${reason} (expected ${expected}, found ${found})`, options);
    this.check = check;
    this.reason = reason;
    this.expected = expected;
    this.found = found;
    this.server = server;
    this.database = database;
  }
}

/** A key, a revision of it or a transaction is not there, in the words of any generation. */
export function isNotFound(error: unknown): error is CallError {
  return (
    error instanceof CallError &&
    error.code === 'refused' &&
    /(key|tx) not found(: expired entry)?$/.test(error.details)
  );
}

/** A login is missing, ended or bound to no database, in the words of any generation. */
export function needsLogin(error: unknown): error is CallError {
  return (
    error instanceof CallError &&
    error.code === 'refused' &&
    /please login|not logged in|token has expired|invalid token|session not found|no session found|no session auth data|please select a? ?database/i.test(
      error.details,
    )
  );
}
