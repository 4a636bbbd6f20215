import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import {
  type MethodName,
  type MethodsOf,
  methods,
  type RequestInitOf,
  type ResponseOf,
  WireDecodeError,
} from '../wire/index.js';
import { callFailed } from './call-failure.js';
import { ClientError } from './errors.js';
import { type CallOptions, type ClientOptions, DEADLINE_MS, MESSAGE_BYTES_MAX } from './options.js';
import { channelCredentials } from './tls.js';

type Headers = Readonly<Record<string, string>>;
type OpenCall = ClientReadableStream<Buffer> | ClientDuplexStream<Buffer, Buffer>;

const same = (bytes: Buffer): Buffer => bytes;

/** One connection: bytes of messages out and in, deadlines, abort signals, the identity of the server. */
export class Channel {
  readonly address: string;
  readonly #client: Client;
  readonly #deadlineMs: number;
  #serverUuid: string | undefined;
  #closed = false;

  constructor(options: ClientOptions, host: string, port: number) {
    this.address = `${host}:${port}`;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    const { tls, userAgent } = options;
    this.#client = new Client(
      host.includes(':') ? `[${host}]:${port}` : this.address,
      channelCredentials(tls),
      {
        'grpc.max_receive_message_length': options.messageBytesMax ?? MESSAGE_BYTES_MAX,
        'grpc.max_send_message_length': -1,
        'grpc.use_local_subchannel_pool': 1,
        // What may be tried again is decided here, by method.
        'grpc.enable_retries': 0,
        // Names are looked up once: no service configuration in DNS.
        'grpc.service_config_disable_resolution': 1,
        ...(userAgent === undefined ? {} : { 'grpc.primary_user_agent': userAgent }),
        ...(tls?.serverName === undefined
          ? {}
          : {
              'grpc.ssl_target_name_override': tls.serverName,
              'grpc.default_authority': tls.serverName,
            }),
      },
    );
  }

  /** As the newest answer named itself; undefined before the first one, and for servers that do not. */
  get serverUuid(): string | undefined {
    return this.#serverUuid;
  }

  async unary<M extends MethodsOf<'unary' | 'clientStream'>>(
    method: M,
    requests: AsyncIterable<RequestInitOf<M>> | readonly [RequestInitOf<M>],
    headers: Headers,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    const deadlineMs = options.deadlineMs ?? this.#deadlineMs;
    for await (const answer of this.open(method, requests, headers, { ...options, deadlineMs })) {
      return answer;
    }
    throw new ClientError('answerInvalid', `${method}: the server said OK without an answer`);
  }

  /**
   * Any method. Messages are taken from the server as fast as they are asked for; whoever stops early
   * ends the call.
   */
  async *open<M extends MethodName>(
    method: M,
    requests: AsyncIterable<RequestInitOf<M>> | readonly [RequestInitOf<M>],
    headers: Headers,
    options: CallOptions = {},
  ): AsyncGenerator<ResponseOf<M>, void, undefined> {
    if (this.#closed) throw new ClientError('closed', 'the client is closed');
    if (isAborted(options)) {
      throw new ClientError('aborted', `${method} was cancelled before it began`);
    }
    const { call, sent } = this.#start(method, requests, headers, options);
    const status = new Promise<StatusObject>((resolve) => call.once('status', resolve));
    const abort = () => call.cancel();
    options.signal?.addEventListener('abort', abort, { once: true });
    call.on('metadata', (received: Metadata) => this.#noteServer(received));
    call.on('error', (_error: ServiceError) => {});
    let over = false;
    try {
      yield* this.#messages(method, call);
      over = true;
      await sent();
    } catch (error) {
      if (error instanceof ClientError || error instanceof WireDecodeError) throw error;
      if (!isServiceError(error)) throw error;
      over = true;
      const own = await sent().then(
        () => undefined,
        (failure: unknown) => failure,
      );
      if (own !== undefined) throw own;
      if (isAborted(options)) {
        throw new ClientError('aborted', `${method} was cancelled`, { cause: error });
      }
      throw callFailed(method, await status, this.address);
    } finally {
      options.signal?.removeEventListener('abort', abort);
      if (!over) call.cancel();
    }
  }

  async *#messages<M extends MethodName>(
    method: M,
    call: OpenCall,
  ): AsyncGenerator<ResponseOf<M>, void, undefined> {
    const { decodeResponse } = methods[method];
    for await (const bytes of call as AsyncIterable<Buffer>) {
      yield decodeResponse(bytes) as ResponseOf<M>;
    }
  }

  #start<M extends MethodName>(
    method: M,
    requests: AsyncIterable<RequestInitOf<M>> | readonly [RequestInitOf<M>],
    headers: Headers,
    { deadlineMs }: CallOptions,
  ): { call: OpenCall; sent: () => Promise<void> } {
    const { path, kind } = methods[method];
    const encode = methods[method].encodeRequest as (message: RequestInitOf<M>) => Buffer;
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const options =
      deadlineMs === undefined || deadlineMs === Number.POSITIVE_INFINITY
        ? {}
        : { deadline: Date.now() + deadlineMs };
    // grpc-js hands out messages, headers and status alike when the answer of any method is a stream.
    if (kind === 'unary' || kind === 'serverStream') {
      const [request] = requests as readonly [RequestInitOf<M>];
      const bytes = encode(request);
      const call = this.#client.makeServerStreamRequest(path, same, same, bytes, metadata, options);
      return { call, sent: async () => {} };
    }
    const call = this.#client.makeBidiStreamRequest(path, same, same, metadata, options);
    const sending = send(call, requests as AsyncIterable<RequestInitOf<M>>, encode);
    sending.catch(() => {});
    return { call, sent: () => sending };
  }

  #noteServer(received: Metadata): void {
    const [uuid] = received.get('immudb-uuid');
    if (typeof uuid === 'string' && uuid !== '') this.#serverUuid = uuid;
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }
}

function isAborted({ signal }: CallOptions): boolean {
  return signal?.aborted === true;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && 'metadata' in error;
}

/**
 * Sends what the source gives at the pace of the server, until the call is over. When the source fails,
 * the call is cancelled.
 */
async function send<T>(
  call: ClientDuplexStream<Buffer, Buffer>,
  requests: AsyncIterable<T>,
  encode: (message: T) => Buffer,
): Promise<void> {
  let over = false;
  let wake = () => {};
  const end = () => {
    over = true;
    wake();
  };
  call.once('status', end);
  call.on('drain', () => wake());
  try {
    for await (const request of requests) {
      if (over) return;
      const drained = new Promise<void>((resolve) => {
        wake = resolve;
      });
      if (!call.write(encode(request)) && !over) await drained;
      if (over) return;
    }
    call.end();
  } catch (error) {
    call.cancel();
    throw error;
  }
}
