import { WireDecodeError } from './errors.js';
import * as pb from './gen/messages.js';

const TYPE_PREFIX = 'type.googleapis.com/immudb.schema.';

/** What SDKs read from the trailer `grpc-status-details-bin`. */
export interface StatusDetails {
  /** The gRPC status number; clients compare it with the one of the call. */
  readonly status: number;
  /** The status text. */
  readonly message: string;
  readonly errorInfo?: { readonly code: string; readonly cause: string };
  /** Milliseconds; 0 says nothing about a retry. */
  readonly retryDelayMs?: number;
}

/** The trailer's bytes; a `RetryInfo` is always there, as SDKs expect next to an `ErrorInfo`. */
export function encodeStatusDetails(details: StatusDetails): Buffer {
  const values = [];
  if (details.errorInfo !== undefined) {
    values.push({
      type_url: `${TYPE_PREFIX}ErrorInfo`,
      value: pb.encodeErrorInfo(details.errorInfo),
    });
  }
  values.push({
    type_url: `${TYPE_PREFIX}RetryInfo`,
    value: pb.encodeRetryInfo({ retry_delay: details.retryDelayMs ?? 0 }),
  });
  return pb.encodeStatus({ code: details.status, message: details.message, details: values });
}

/** Details of other types are passed over. Throws `WireDecodeError`. */
export function decodeStatusDetails(bytes: Uint8Array): StatusDetails {
  const status = pb.decodeStatus(bytes);
  let errorInfo: StatusDetails['errorInfo'];
  let retryDelayMs: number | undefined;
  for (const detail of status.details) {
    if (detail.type_url === `${TYPE_PREFIX}ErrorInfo`) {
      const { code, cause } = pb.decodeErrorInfo(detail.value);
      errorInfo = { code, cause };
    } else if (detail.type_url === `${TYPE_PREFIX}RetryInfo`) {
      retryDelayMs = pb.decodeRetryInfo(detail.value).retry_delay;
      if (retryDelayMs < 0) {
        throw new WireDecodeError(
          'messageInvalidField',
          `RetryInfo.retry_delay: expected 0 or more, got ${retryDelayMs}`,
        );
      }
    }
  }
  return {
    status: status.code,
    message: status.message,
    ...(errorInfo === undefined ? {} : { errorInfo }),
    ...(retryDelayMs === undefined ? {} : { retryDelayMs }),
  };
}
