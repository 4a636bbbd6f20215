import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { messageOf } from '../base/errors.js';
import {
  type MethodName,
  type MethodsOf,
  methods,
  type RequestInitOf,
  type ResponseOf,
  STATUS,
} from '../wire/index.js';
import { callFailed } from './call-failure.js';
import { ClientError } from './errors.js';
import { broken, framed, IncomingCall } from './http2-call.js';
import { type CallOptions, type ClientOptions, DEADLINE_MS, MESSAGE_BYTES_MAX } from './options.js';
import { secureOptions } from './tls.js';

type Headers = Readonly<Record<string, string>>;
type Requests<M extends MethodName> = AsyncIterable<RequestInitOf<M>> | readonly [RequestInitOf<M>];

/** Bytes that the server may send ahead of who reads them, for the connection and for each call. */
const CONNECTION_WINDOW_BYTES = 8 * 1024 * 1024;
const STREAM_WINDOW_BYTES = 1024 * 1024;
/** Also the most that a timer takes. */
const DEADLINE_MS_MAX = 2_000_000_000;

/** Why a call ends before the server ends it. */
type Ending = 'aborted' | 'deadline';

/** gRPC over one HTTP/2 connection, which is made when it is needed and made anew when it is lost. */
export class Channel {
  readonly address: string;
  readonly #url: string;
  readonly #secure: object;
  readonly #deadlineMs: number;
  readonly #bytesMax: number;
  readonly #userAgent: string;
  #session: Promise<ClientHttp2Session> | undefined;
  #serverUuid: string | undefined;
  #closed = false;

  /** @throws ClientError `optionInvalid` */
  constructor(options: ClientOptions, host: string, port: number) {
    this.address = `${host}:${port}`;
    const authority = host.includes(':') ? `[${host}]:${port}` : this.address;
    this.#url = `${options.tls === undefined ? 'http' : 'https'}://${authority}`;
    this.#secure = options.tls === undefined ? {} : secureOptions(options.tls);
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    this.#bytesMax = options.messageBytesMax ?? MESSAGE_BYTES_MAX;
    this.#userAgent = options.userAgent ?? 'stele-client';
  }

  /** As the newest answer named itself; undefined before the first one, and for servers that do not. */
  get serverUuid(): string | undefined {
    return this.#serverUuid;
  }

  async unary<M extends MethodsOf<'unary' | 'clientStream'>>(
    method: M,
    requests: Requests<M>,
    headers: Headers,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    const deadlineMs = options.deadlineMs ?? this.#deadlineMs;
    let answer: ResponseOf<M> | undefined;
    for await (const message of this.open(method, requests, headers, { ...options, deadlineMs })) {
      answer ??= message;
    }
    if (answer !== undefined) return answer;
    throw new ClientError('answerInvalid', `${method}: the server said OK without an answer`);
  }

  /**
   * Any method. Messages are taken from the server as fast as they are asked for; whoever stops early
   * ends the call.
   */
  async *open<M extends MethodName>(
    method: M,
    requests: Requests<M>,
    headers: Headers,
    options: CallOptions = {},
  ): AsyncGenerator<ResponseOf<M>, void, undefined> {
    if (this.#closed) throw new ClientError('closed', 'the client is closed');
    using limits = new Limits(options);
    const session = await limits.race(this.#connected(method), method, this.address);
    const stream = session.request({
      ':method': 'POST',
      ':path': methods[method].path,
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': this.#userAgent,
      ...(limits.deadlineMs === undefined
        ? {}
        : { 'grpc-timeout': timeoutText(limits.deadlineMs) }),
      ...headers,
    });
    const incoming = new IncomingCall(stream, this.#bytesMax, (h) => this.#noteServer(h));
    limits.onEnd(() => stream.close(constants.NGHTTP2_CANCEL));
    const sending = this.#send(method, stream, requests);
    sending.catch(() => {});
    try {
      const { decodeResponse } = methods[method];
      for await (const bytes of incoming.messages()) yield decodeResponse(bytes) as ResponseOf<M>;
      const status = incoming.status();
      if (status.code === STATUS.OK) return;
      limits.check(method, this.address);
      // What the source of the requests failed with says more than that the call was cancelled.
      if (status.broken === true) await sending;
      throw callFailed(method, status, this.address);
    } finally {
      if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  /** At the pace of the server. When the source fails, the call is cancelled. */
  async #send<M extends MethodName>(
    method: M,
    stream: ClientHttp2Stream,
    requests: Requests<M>,
  ): Promise<void> {
    const encode = methods[method].encodeRequest as (message: RequestInitOf<M>) => Buffer;
    let wake = () => {};
    stream.on('drain', () => wake());
    stream.on('close', () => wake());
    try {
      for await (const request of requests) {
        if (stream.closed || stream.writableEnded) return;
        const drained = new Promise<void>((resolve) => {
          wake = resolve;
        });
        if (!stream.write(framed(encode(request))) && !stream.closed) await drained;
      }
      stream.end();
    } catch (error) {
      stream.close(constants.NGHTTP2_CANCEL);
      throw error;
    }
  }

  async #connected(method: string): Promise<ClientHttp2Session> {
    this.#session ??= this.#connect();
    try {
      return await this.#session;
    } catch (error) {
      throw callFailed(method, broken(causeOf(error)), this.address);
    }
  }

  #connect(): Promise<ClientHttp2Session> {
    const made = new Promise<ClientHttp2Session>((resolve, reject) => {
      const session = connect(this.#url, {
        ...this.#secure,
        settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
      });
      const forget = () => {
        if (this.#session === made) this.#session = undefined;
      };
      session.once('connect', () => {
        session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
        resolve(session);
      });
      session.on('error', (error) => {
        forget();
        reject(error);
      });
      session.once('goaway', () => {
        forget();
        session.close();
      });
      session.once('close', () => {
        forget();
        reject(new Error('the connection was closed'));
      });
    });
    made.catch(() => {});
    return made;
  }

  #noteServer(headers: IncomingHttpHeaders): void {
    const uuid = headers['immudb-uuid'];
    if (typeof uuid === 'string' && uuid !== '') this.#serverUuid = uuid;
  }

  close(): void {
    this.#closed = true;
    const session = this.#session;
    this.#session = undefined;
    session?.then(
      (open) => open.destroy(),
      () => {},
    );
  }
}

function causeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = messageOf(error);
  return code === '' || text.includes(code) ? text : `${text} (${code})`;
}

/** At most eight digits. */
function timeoutText(ms: number): string {
  return ms < 100_000_000 ? `${Math.max(1, Math.ceil(ms))}m` : `${Math.ceil(ms / 1000)}S`;
}

/** The deadline of a call and its abort signal. */
class Limits implements Disposable {
  readonly deadlineMs: number | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #abort: () => void;
  #ending: Ending | undefined;
  #end: () => void = () => {};

  constructor({ deadlineMs, signal }: CallOptions) {
    if (deadlineMs !== undefined && deadlineMs <= DEADLINE_MS_MAX) {
      this.deadlineMs = deadlineMs;
      this.#timer = setTimeout(() => this.#stop('deadline'), deadlineMs);
    }
    this.#signal = signal;
    this.#abort = () => this.#stop('aborted');
    if (signal?.aborted === true) this.#ending = 'aborted';
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  #stop(ending: Ending): void {
    this.#ending ??= ending;
    this.#end();
  }

  /** @param end called at once when the call has no time any more */
  onEnd(end: () => void): void {
    this.#end = end;
    if (this.#ending !== undefined) end();
  }

  /** @throws ClientError when the call was ended from here */
  check(method: string, address: string): void {
    if (this.#ending === 'aborted') {
      throw new ClientError('aborted', `${method} was cancelled`);
    }
    if (this.#ending === 'deadline') {
      throw callFailed(method, { code: STATUS.DEADLINE_EXCEEDED, details: '' }, address);
    }
  }

  async race<T>(work: Promise<T>, method: string, address: string): Promise<T> {
    this.check(method, address);
    const ended = new Promise<undefined>((resolve) => {
      this.onEnd(() => resolve(undefined));
    });
    const result = await Promise.race([work, ended]);
    this.check(method, address);
    return result as T;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#abort);
  }
}
