import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';
import type { CallStatus, RequestMetadata } from '../transport.js';

const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/**
 * @param value the header `grpc-timeout`
 * @returns milliseconds; undefined when the header does not follow the protocol
 */
export function timeoutMs(value: string): number | undefined {
  const match = /^(\d{1,8})([HMSmun])$/.exec(value.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (UNITS_MS[match[2] as string] as number);
}

/** Headers of every answer; `own` follow those of the protocol. */
export function responseHeaders(own: Readonly<Record<string, string>>): OutgoingHttpHeaders {
  return {
    ':status': 200,
    'content-type': 'application/grpc+proto',
    'grpc-accept-encoding': 'identity,deflate,gzip',
    'grpc-encoding': 'identity',
    ...own,
  };
}

export function trailersOf({ code, text, details }: CallStatus): OutgoingHttpHeaders {
  const trailers: OutgoingHttpHeaders = { 'grpc-status': code, 'grpc-message': encodeURI(text) };
  if (details !== undefined) {
    trailers['grpc-status-details-bin'] = Buffer.from(details).toString('base64');
  }
  return trailers;
}

export function metadataOf(headers: IncomingHttpHeaders): RequestMetadata {
  return {
    get(name) {
      const value = headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
}

/** Of a message: whether it is compressed, and its length. */
export const MESSAGE_HEAD_BYTES = 5;

/** A message as it travels. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(message.length + MESSAGE_HEAD_BYTES);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, MESSAGE_HEAD_BYTES);
  return frame;
}
