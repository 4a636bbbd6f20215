import { type StatusObject, status as statusNumbers } from '@grpc/grpc-js';
import { decodeStatusDetails, WireError } from '../wire/index.js';
import { CallError, type CallFailure, type ClientErrorCode } from './errors.js';

/** The number of a gRPC status. */
export const STATUS = statusNumbers;

function errorInfoOf({ metadata }: StatusObject): CallFailure['errorInfo'] {
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    return decodeStatusDetails(bytes).errorInfo;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** An error out of the status of a call that did not end with OK. */
export function callFailed(method: string, status: StatusObject, address: string): CallError {
  const { code, details } = status;
  const failure = { method, status: code, details, errorInfo: errorInfoOf(status) };
  if (code === STATUS.UNAVAILABLE && !isOfServer(details)) {
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

/** Texts of grpc-js about the connection begin with these words; anything else the server said. */
function isOfServer(details: string): boolean {
  return !/^(No connection established|Connection dropped|Name resolution|failed to connect|14 )/i.test(
    details,
  );
}

function unreachableText(details: string, address: string): string {
  const cause =
    /ECONNREFUSED/.test(details) && !/certificate|TLS|SSL/i.test(details)
      ? 'connection refused; is the server running there?'
      : details;
  return `cannot reach the server at ${address}: ${cause}`;
}
