import { type ClientHttp2Session, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import type { Random } from '../sdk/support/random.js';
import { randomBytes } from './mutations.js';

/** What came back below gRPC. */
export interface RawOutcome {
  /** All headers and trailers as one text. */
  readonly text: string;
  /** False when nothing had ended the stream in time. */
  readonly ended: boolean;
}

type Headers = Record<string, string>;
interface RawCall {
  readonly headers: Headers;
  readonly pieces: readonly Buffer[];
  /** Resets the stream instead of ending it. */
  readonly reset: boolean;
}

const MIB = 1_048_576;
const RESET_CANCEL = 8;
/** 40 MiB, packed. */
const BOMB = gzipSync(Buffer.alloc(40 * MIB));

/** A message with the five bytes before it. */
function framed(message: Buffer, flag = 0, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
}

/** Wrong bodies. */
const BODIES: readonly ((message: Buffer, random: Random) => Buffer[])[] = [
  (message) => [framed(message, 0, message.length + 10)],
  (message) => [framed(message, 0, Math.max(0, message.length - 1))],
  (message) => [framed(message, 1)],
  (message, random) => [framed(message, random.below(256))],
  (message) => [framed(message), framed(message)],
  () => [],
  (message, random) => [framed(message).subarray(0, random.below(5))],
  (message) => [framed(message, 0, 2 ** 32 - 1)],
  (message) => [framed(message, 0, 34_000_000)],
  (message) => [...framed(message).subarray(0, 64)].map((byte) => Buffer.from([byte])),
  (_message, random) => [randomBytes(random, random.below(2000))],
  () => [framed(BOMB, 1)],
];

/** Wrong headers, on top of right ones. */
const HEADERS: readonly ((random: Random) => Headers)[] = [
  () => ({}),
  () => ({}),
  () => ({}),
  () => ({ 'content-type': 'text/plain' }),
  () => ({ 'content-type': 'application/grpc+json' }),
  () => ({ 'grpc-encoding': 'gzip' }),
  () => ({ 'grpc-encoding': 'snappy' }),
  () => ({ 'grpc-timeout': '1n' }),
  () => ({ 'grpc-timeout': '99999999999H' }),
  () => ({ 'grpc-timeout': 'abc' }),
  () => ({ ':method': 'GET' }),
  () => ({ ':path': '/immudb.schema.ImmuService/Nothing' }),
  () => ({ ':path': '/' }),
  (random) => ({ ':path': `/${'x'.repeat(random.below(4000))}` }),
  (random) => ({ 'x-long': 'y'.repeat(random.below(20_000)) }),
  (random) => ({ sessionid: randomBytes(random, 24).toString('base64') }),
  (random) => ({ authorization: `Bearer ${randomBytes(random, 90).toString('base64url')}` }),
  () => ({ authorization: 'Bearer ' }),
  () => ({ 'grpc-status-details-bin': '!!!' }),
  () => ({ 'some-bin': 'no base64 at all ~~' }),
];

export function rawCall(path: string, message: Buffer, login: Headers, random: Random): RawCall {
  const headers = {
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...login,
    ...random.pick(HEADERS)(random),
  };
  return { headers, pieces: random.pick(BODIES)(message, random), reset: random.chance(15) };
}

/** Sends calls over connections of its own, made anew when the server closes one. */
export class RawClient implements Disposable {
  readonly #port: number;
  #session: ClientHttp2Session | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  #connected(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) {
      return this.#session;
    }
    const session = connect(`http://127.0.0.1:${this.#port}`);
    // What it does to a call shows there.
    session.on('error', () => {});
    session.on('goaway', () => session.close());
    this.#session = session;
    return session;
  }

  send({ headers, pieces, reset }: RawCall, timeoutMs: number): Promise<RawOutcome> {
    return new Promise((resolve) => {
      const stream = this.#connected().request(headers, { endStream: false });
      let text = '';
      const note = (received: object) => {
        text += `${JSON.stringify(received)}\n`;
      };
      const finish = (ended: boolean) => {
        clearTimeout(timer);
        resolve({ text, ended });
      };
      const timer = setTimeout(() => {
        finish(false);
        stream.destroy();
      }, timeoutMs);
      stream.on('response', note);
      stream.on('trailers', note);
      stream.on('error', () => {});
      stream.on('close', () => finish(true));
      // Answered; what is left of the request is nobody's any more. In the turn of the event itself Node
      // itself may fail an assertion.
      stream.on('end', () => setImmediate(() => stream.close()));
      stream.resume();
      for (const piece of pieces) stream.write(piece);
      if (!reset) stream.end();
      else {
        setImmediate(() => {
          stream.close(RESET_CANCEL);
          finish(true);
        });
      }
    });
  }

  [Symbol.dispose](): void {
    this.#session?.destroy();
  }
}
