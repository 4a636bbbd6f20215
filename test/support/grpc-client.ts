import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import {
  type MethodKind,
  type MethodName,
  type MethodsOf,
  methods,
  type RequestInitOf,
  type ResponseOf,
} from '../../src/wire/index.js';

/** A call that did not end with OK. */
export class CallError extends Error {
  readonly method: string;
  /** Number of the gRPC status. */
  readonly code: number;
  /** Text of the status, without the code before it. */
  readonly details: string;
  readonly trailers: Metadata;

  constructor(method: string, { code, details, metadata }: StatusObject) {
    super(`${method}: status ${code}: ${details}`);
    this.name = 'CallError';
    this.method = method;
    this.code = code;
    this.details = details;
    this.trailers = metadata;
  }
}

export interface CallOptions {
  /** Of `Login`; in place of what the client logged in with. */
  readonly token?: string | undefined;
  /** Of `OpenSession`; in place of what the client logged in with. */
  readonly sessionId?: string | undefined;
  /** Neither token nor session. */
  readonly anonymous?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** What a call sent back, whatever it was. */
export interface RawAnswer {
  readonly messages: Buffer[];
  readonly code: number;
  readonly details: string;
  readonly headers: Metadata | undefined;
  readonly trailers: Metadata;
}

const TIMEOUT_MS = 15_000;
const same = (bytes: Buffer): Buffer => bytes;

/** One connection to a server, for tests: any method with any credentials, typed or in raw bytes. */
export class GrpcClient implements Disposable {
  readonly #client: Client;
  #headers: Record<string, string> = {};

  /** @param target a port of 127.0.0.1, or `host:port` */
  constructor(
    target: number | string,
    channel: ChannelCredentials = credentials.createInsecure(),
    options: ClientOptions = {},
  ) {
    this.#client = new Client(
      typeof target === 'number' ? `127.0.0.1:${target}` : target,
      channel,
      {
        'grpc.max_receive_message_length': -1,
        'grpc.max_send_message_length': -1,
        // Each client has a connection of its own.
        'grpc.use_local_subchannel_pool': 1,
        ...options,
      },
    );
  }

  /** Calls from now on carry the token. */
  async login(user = 'immudb', password = 'immudb'): Promise<string> {
    const request = { user: Buffer.from(user), password: Buffer.from(password) };
    const { token } = await this.call('Login', request, { anonymous: true });
    this.#headers = { authorization: `Bearer ${token}` };
    return token;
  }

  /** Calls from now on carry the token of that database. */
  async useDatabase(databaseName: string): Promise<string> {
    const { token } = await this.call('UseDatabase', { databaseName });
    this.#headers = { authorization: `Bearer ${token}` };
    return token;
  }

  /** Calls from now on carry the session. */
  async openSession(
    databaseName = 'defaultdb',
    user = 'immudb',
    password = 'immudb',
  ): Promise<string> {
    const username = Buffer.from(user);
    const request = { username, password: Buffer.from(password), databaseName };
    const { sessionID } = await this.call('OpenSession', request, { anonymous: true });
    this.#headers = { sessionid: sessionID };
    return sessionID;
  }

  /** A unary method. @throws CallError */
  async call<M extends MethodsOf<'unary'>>(
    method: M,
    request: RequestInitOf<M>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    const answers = await this.#typed(method, [request], options);
    const [answer] = answers;
    if (answer === undefined) throw new Error(`${method}: OK without an answer`);
    return answer;
  }

  /** A method that answers with a stream: all its messages. @throws CallError */
  read<M extends MethodsOf<'serverStream'>>(
    method: M,
    request: RequestInitOf<M>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>[]> {
    return this.#typed(method, [request], options);
  }

  /** A method that takes a stream. @throws CallError */
  async write<M extends MethodsOf<'clientStream'>>(
    method: M,
    requests: Iterable<RequestInitOf<M>>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    const [answer] = await this.#typed(method, requests, options);
    if (answer === undefined) throw new Error(`${method}: OK without an answer`);
    return answer;
  }

  /** A method with streams both ways: everything is sent, then read. @throws CallError */
  exchange<M extends MethodsOf<'bidi'>>(
    method: M,
    requests: Iterable<RequestInitOf<M>>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>[]> {
    return this.#typed(method, requests, options);
  }

  async #typed<M extends MethodName>(
    method: M,
    requests: Iterable<RequestInitOf<M>>,
    options: CallOptions,
  ): Promise<ResponseOf<M>[]> {
    const { path, kind, decodeResponse } = methods[method];
    const encode = methods[method].encodeRequest as (message: RequestInitOf<M>) => Buffer;
    const encoded = (function* () {
      for (const request of requests) yield encode(request);
    })();
    const answer = await this.raw(path, kind, encoded, options);
    if (answer.code !== 0) {
      const { code, details, trailers } = answer;
      throw new CallError(method, { code, details, metadata: trailers });
    }
    return answer.messages.map((bytes) => decodeResponse(bytes) as ResponseOf<M>);
  }

  /** Any path with any bytes; never rejects. The messages of a stream are drawn as the server takes them. */
  raw(
    path: string,
    kind: MethodKind,
    requests: Iterable<Buffer>,
    options: CallOptions = {},
  ): Promise<RawAnswer> {
    const metadata = this.#metadata(options);
    const deadline = { deadline: Date.now() + (options.timeoutMs ?? TIMEOUT_MS) };
    const client = this.#client;
    return new Promise((resolve) => {
      const messages: Buffer[] = [];
      let headers: Metadata | undefined;
      // With a stream as the answer grpc-js hands out messages, headers and status of any method alike.
      const streamed = kind === 'clientStream' || kind === 'bidi';
      const both = streamed
        ? client.makeBidiStreamRequest(path, same, same, metadata, deadline)
        : undefined;
      const [only = Buffer.alloc(0)] = streamed ? [] : requests;
      const call =
        both ?? client.makeServerStreamRequest(path, same, same, only, metadata, deadline);
      call.on('metadata', (received: Metadata) => {
        headers = received;
      });
      call.on('data', (message: Buffer) => messages.push(message));
      // The status says the same.
      call.on('error', (_error: ServiceError) => {});
      call.on('status', ({ code, details, metadata: trailers }: StatusObject) =>
        resolve({ messages, code, details, headers, trailers }),
      );
      if (both !== undefined) pump(requests, both);
    });
  }

  #metadata({ token, sessionId, anonymous, headers = {} }: CallOptions): Metadata {
    const own = anonymous === true ? {} : { ...this.#headers };
    if (token !== undefined || sessionId !== undefined) {
      for (const name of Object.keys(own)) delete own[name];
      if (token !== undefined) own.authorization = `Bearer ${token}`;
      if (sessionId !== undefined) own.sessionid = sessionId;
    }
    const metadata = new Metadata();
    for (const [name, value] of Object.entries({ ...own, ...headers })) metadata.set(name, value);
    return metadata;
  }

  /** Resolves when the server accepts connections. */
  async waitForReady(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#client.waitForReady(Date.now() + timeoutMs, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  close(): void {
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function pump(requests: Iterable<Buffer>, call: ClientDuplexStream<Buffer, Buffer>): void {
  const iterator = requests[Symbol.iterator]();
  let over = false;
  call.once('status', () => {
    over = true;
  });
  const next = () => {
    while (!over) {
      const { value, done } = iterator.next();
      if (done === true) {
        call.end();
        return;
      }
      if (!call.write(value)) {
        call.once('drain', next);
        return;
      }
    }
  };
  next();
}
