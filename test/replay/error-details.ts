import { type Field, type Message, parseMessage } from './message.js';

/** One detail of an error, in the form in which the recordings have it. */
export interface ErrorDetail {
  /** Name of its message, without the package. */
  readonly type: string;
  /** Of `ErrorInfo`. */
  readonly code?: string;
  /** Of `RetryInfo`, in milliseconds. */
  readonly delay?: number;
}

/**
 * Reads a trailer `grpc-status-details-bin`: a `google.rpc.Status`, whose field 3 holds the details, each
 * an `Any` of type URL and message. `DebugInfo` is for the developers of a server and left out.
 *
 * @throws Error for bytes that are no such message
 */
export function readErrorDetails(trailer: Buffer): ErrorDetail[] {
  return (parseMessage(trailer).get(3) ?? [])
    .map((field) => readAny(parseMessage(bytesOf(field))))
    .filter(({ type }) => type !== 'DebugInfo');
}

function readAny(any: Message): ErrorDetail {
  const type = bytesOf(any.get(1)?.[0]).toString().split('.').pop() ?? '';
  const message = parseMessage(bytesOf(any.get(2)?.[0]));
  if (type === 'ErrorInfo') return { type, code: bytesOf(message.get(1)?.[0]).toString() };
  if (type === 'RetryInfo') return { type, delay: numberOf(message.get(1)?.[0]) };
  return { type };
}

function bytesOf(field: Field | undefined): Buffer {
  if (field === undefined) return Buffer.alloc(0);
  if (field.kind !== 'bytes') throw new Error(`a ${field.kind} where a message or text belongs`);
  return field.value;
}

function numberOf(field: Field | undefined): number {
  if (field === undefined) return 0;
  if (field.kind !== 'varint') throw new Error(`a ${field.kind} where a number belongs`);
  return Number(field.value);
}
