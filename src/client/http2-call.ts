import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { STATUS } from '../wire/index.js';
import type { CallStatus } from './call-failure.js';
import { ClientError } from './errors.js';

const PREFIX_BYTES = 5;

/** A message as it travels: not compressed, its length, its bytes. */
export function framed(message: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  out[0] = 0;
  out.writeUInt32BE(message.length, 1);
  out.set(message, PREFIX_BYTES);
  return out;
}

/** Headers, messages and status of one call, as they come from the server. */
export class IncomingCall {
  readonly #stream: ClientHttp2Stream;
  readonly #bytesMax: number;
  #headers: IncomingHttpHeaders = {};
  #trailers: IncomingHttpHeaders | undefined;
  #failure: Error | undefined;

  constructor(
    stream: ClientHttp2Stream,
    bytesMax: number,
    onHeaders: (headers: IncomingHttpHeaders) => void,
  ) {
    this.#stream = stream;
    this.#bytesMax = bytesMax;
    stream.on('response', (headers) => {
      this.#headers = headers;
      onHeaders(headers);
    });
    stream.on('trailers', (trailers) => {
      this.#trailers = trailers;
    });
    stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  /**
   * The messages, at the pace of whoever takes them. Ends with the stream, however that ended: `status`
   * says how.
   * @throws ClientError `answerInvalid` for what is no message
   */
  async *messages(): AsyncGenerator<Buffer, void, undefined> {
    const pending: Buffer[] = [];
    let held = 0;
    let needed = PREFIX_BYTES;
    let length: number | undefined;
    for await (const piece of this.#pieces()) {
      pending.push(piece);
      held += piece.length;
      if (held < needed) continue;
      let bytes = pending.length === 1 ? piece : Buffer.concat(pending);
      while (bytes.length >= needed) {
        if (length === undefined) {
          length = this.#lengthOf(bytes);
          needed = PREFIX_BYTES + length;
          continue;
        }
        yield bytes.subarray(PREFIX_BYTES, needed);
        bytes = bytes.subarray(needed);
        needed = PREFIX_BYTES;
        length = undefined;
      }
      pending.length = 0;
      if (bytes.length > 0) pending.push(bytes);
      held = bytes.length;
    }
  }

  #lengthOf(prefix: Buffer): number {
    if (prefix[0] !== 0) {
      throw new ClientError('answerInvalid', 'the server sent a compressed message');
    }
    const length = prefix.readUInt32BE(1);
    if (length <= this.#bytesMax) return length;
    throw new ClientError(
      'answerInvalid',
      `the server sent a message of ${length} bytes; the limit messageBytesMax is ${this.#bytesMax}`,
    );
  }

  async *#pieces(): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* this.#stream as AsyncIterable<Buffer>;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#failure = error;
    }
  }

  /** After the last message. */
  status(): CallStatus {
    const found = this.#trailers ?? this.#headers;
    const code = found['grpc-status'];
    if (typeof code === 'string' && /^\d+$/.test(code)) {
      const bytes = found['grpc-status-details-bin'];
      return {
        code: Number(code),
        details: decoded(found['grpc-message']),
        ...(typeof bytes === 'string' ? { detailsBytes: Buffer.from(bytes, 'base64') } : {}),
      };
    }
    const http = this.#headers[':status'];
    if (http !== undefined && Number(http) !== 200) {
      return broken(`it answered with HTTP status ${http}, so it is no server of this protocol`);
    }
    const reset = this.#stream.rstCode;
    const name = Object.entries(constants).find(
      ([key, value]) => key.startsWith('NGHTTP2_') && value === reset && !key.includes('FLAG'),
    );
    const why = this.#failure?.message ?? `the call was ended (${name?.[0] ?? reset})`;
    return broken(why);
  }
}

export function broken(details: string): CallStatus {
  return { code: STATUS.UNAVAILABLE, details, broken: true };
}

function decoded(message: string | string[] | undefined): string {
  const text = Array.isArray(message) ? message.join(',') : (message ?? '');
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
