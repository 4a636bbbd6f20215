import { decodeStatusDetails, STATUS, WireError } from '../wire/index.js';
import { CallError, type CallFailure, type ClientErrorCode } from './errors.js';

/** How a call ended. */
export interface CallStatus {
  readonly code: number;
  readonly details: string;
  /** `grpc-status-details-bin`. */
  readonly detailsBytes?: Uint8Array | undefined;
  /** Said by this end, because the connection broke off. */
  readonly broken?: boolean;
}

function errorInfoOf({ detailsBytes }: CallStatus): CallFailure['errorInfo'] {
  if (detailsBytes === undefined) return undefined;
  try {
    return decodeStatusDetails(detailsBytes).errorInfo;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** An error out of the status of a call that did not end with OK. */
export function callFailed(method: string, status: CallStatus, address: string): CallError {
  const { code, details } = status;
  const failure = { method, status: code, details, errorInfo: errorInfoOf(status) };
  if (status.broken === true) {
    return new CallError('unreachable', unreachableText(details, address), failure);
  }
  if (code === STATUS.DEADLINE_EXCEEDED) {
    const text = `${method}: ${address} did not answer in time; a write may still have happened`;
    return new CallError('deadlineExceeded', text, failure);
  }
  return new CallError(codeOf(code), details === '' ? `status ${code}` : details, failure);
}

function codeOf(status: number): ClientErrorCode {
  return status === STATUS.UNAVAILABLE ? 'unreachable' : 'refused';
}

function unreachableText(details: string, address: string): string {
  const cause = /ECONNREFUSED/.test(details)
    ? 'connection refused; is the server running there?'
    : details;
  return `cannot reach the server at ${address}: ${cause}`;
}
