import { assert } from '../base/assert.js';
import { StateVerifier } from '../proofs/index.js';
import type { MethodsOf, RequestInitOf, ResponseOf } from '../wire/index.js';
import { Channel } from './channel.js';
import { CallError, ClientError } from './errors.js';
import { type CallOptions, type ClientOptions, KEEP_ALIVE_MS, PORT, RETRIES } from './options.js';
import { withRetries } from './retry.js';
import { TrustKeeper } from './trust.js';
import { MemoryTrustStore } from './trust-store.js';

/** A login that another process may go on with. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'token'; readonly token: string; readonly database: string }
  | { readonly kind: 'session'; readonly sessionId: string; readonly database: string };

export interface LoginResult {
  readonly token: string;
  /** What the server wants the user to know, such as that the password is the default one. */
  readonly warning: string;
}

const DEFAULT_DATABASE = 'defaultdb';
const KEEP_ALIVE_DEADLINE_MS = 10_000;

/** The connection, who is logged in, and any method of the protocol. */
export class Connection implements AsyncDisposable {
  protected readonly trust: TrustKeeper;
  readonly #channel: Channel;
  readonly #options: ClientOptions;
  #credentials: Credentials = { kind: 'none' };
  #keepAlive: NodeJS.Timeout | undefined;

  /** @throws ClientError `optionInvalid`; SigningKeyError for a server key that is none */
  constructor(options: ClientOptions) {
    const { host = '127.0.0.1', port = PORT } = options;
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new ClientError('optionInvalid', `port: expected 1 to 65535, got ${port}`);
    }
    this.#options = options;
    this.#channel = new Channel(options, host, port);
    const call = this.call.bind(this);
    const connection = this;
    const source = {
      call,
      get serverUuid() {
        return connection.serverUuid;
      },
      get database() {
        return connection.database;
      },
      address: this.#channel.address,
    };
    this.trust = new TrustKeeper(
      source,
      options.trust ?? new MemoryTrustStore(),
      options.serverKey,
    );
  }

  /** `host:port` */
  get address(): string {
    return this.#channel.address;
  }

  /** The identity of the server; undefined before the first answer and for servers without one. */
  get serverUuid(): string | undefined {
    return this.#channel.serverUuid;
  }

  /** The database that calls are about, as far as this client knows. */
  get database(): string {
    return this.#credentials.kind === 'none' ? DEFAULT_DATABASE : this.#credentials.database;
  }

  get credentials(): Credentials {
    return this.#credentials;
  }

  /** Goes on with a login of before. */
  resume(credentials: Credentials): void {
    this.#stopKeepAlive();
    this.#credentials = credentials;
    if (credentials.kind === 'session') this.#startKeepAlive();
  }

  /** Asks for the health of the server, which every generation answers without a login. */
  async reach(options: CallOptions = {}): Promise<void> {
    const { status } = await this.call('Health', {}, options);
    if (!status)
      throw new ClientError('unreachable', `the server at ${this.address} is not healthy`);
  }

  /** A token; of a server with one database it is for that one, else `useDatabase` must follow. */
  async login(user: string, password: string, options: CallOptions = {}): Promise<LoginResult> {
    const request = { user: Buffer.from(user), password: Buffer.from(password) };
    const { token, warning } = await this.#anonymously('Login', request, options);
    this.resume({ kind: 'token', token, database: DEFAULT_DATABASE });
    return { token, warning: Buffer.from(warning).toString('utf8') };
  }

  /** A session, kept alive until it is closed. For servers of 1.2 and later. */
  async openSession(
    user: string,
    password: string,
    database: string = DEFAULT_DATABASE,
    options: CallOptions = {},
  ): Promise<string> {
    const request = {
      username: Buffer.from(user),
      password: Buffer.from(password),
      databaseName: database,
    };
    const { sessionID } = await this.#anonymously('OpenSession', request, options);
    this.resume({ kind: 'session', sessionId: sessionID, database });
    return sessionID;
  }

  /** Calls from now on are about this database. */
  async useDatabase(name: string, options: CallOptions = {}): Promise<void> {
    const { token } = await this.call('UseDatabase', { databaseName: name }, options);
    const before = this.#credentials;
    this.#credentials =
      before.kind === 'session'
        ? { ...before, database: name }
        : { kind: 'token', token, database: name };
  }

  /** Ends the login, of whichever kind. */
  async logout(options: CallOptions = {}): Promise<void> {
    const { kind } = this.#credentials;
    try {
      await this.call(kind === 'session' ? 'CloseSession' : 'Logout', {}, options);
    } finally {
      this.resume({ kind: 'none' });
    }
  }

  /** A method with one message each way. @throws CallError */
  call<M extends MethodsOf<'unary'>>(
    method: M,
    request: RequestInitOf<M>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    return this.#unary(method, request, this.#headers(), options);
  }

  /** A method that answers with a stream; stopping early ends the call. @throws CallError */
  read<M extends MethodsOf<'serverStream'>>(
    method: M,
    request: RequestInitOf<M>,
    options: CallOptions = {},
  ): AsyncGenerator<ResponseOf<M>, void, undefined> {
    return this.#channel.open(method, [request], this.#headers(), options);
  }

  /** A method that takes a stream, which is drawn at the pace of the server. @throws CallError */
  async write<M extends MethodsOf<'clientStream'>>(
    method: M,
    requests: AsyncIterable<RequestInitOf<M>>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    const deadlineMs = options.deadlineMs ?? Number.POSITIVE_INFINITY;
    return this.#channel.unary(method, requests, this.#headers(), { ...options, deadlineMs });
  }

  /** A method with streams both ways. @throws CallError */
  exchange<M extends MethodsOf<'bidi'>>(
    method: M,
    requests: AsyncIterable<RequestInitOf<M>>,
    options: CallOptions = {},
  ): AsyncGenerator<ResponseOf<M>, void, undefined> {
    return this.#channel.open(method, requests, this.#headers(), options);
  }

  /** Drops the connection. A session that is not closed before ends by itself after a while. */
  async close(): Promise<void> {
    this.#stopKeepAlive();
    this.#channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #anonymously<M extends 'Login' | 'OpenSession'>(
    method: M,
    request: RequestInitOf<M>,
    options: CallOptions,
  ): Promise<ResponseOf<M>> {
    return this.#unary(method, request, {}, options);
  }

  #unary<M extends MethodsOf<'unary'>>(
    method: M,
    request: RequestInitOf<M>,
    headers: Readonly<Record<string, string>>,
    options: CallOptions,
  ): Promise<ResponseOf<M>> {
    const { retries = RETRIES } = this.#options;
    const attempt = () => this.#channel.unary(method, [request], headers, options);
    return withRetries(method, { retries, signal: options.signal }, attempt);
  }

  #headers(): Readonly<Record<string, string>> {
    const credentials = this.#credentials;
    if (credentials.kind === 'token') return { authorization: `Bearer ${credentials.token}` };
    return credentials.kind === 'session' ? { sessionid: credentials.sessionId } : {};
  }

  #startKeepAlive(): void {
    assert(this.#keepAlive === undefined, 'two sessions are kept alive');
    const sign = () => {
      this.call('KeepAlive', {}, { deadlineMs: KEEP_ALIVE_DEADLINE_MS }).catch((error: unknown) => {
        if (error instanceof CallError && error.code === 'refused') this.#stopKeepAlive();
        this.#options.onKeepAliveError?.(error);
      });
    };
    this.#keepAlive = setInterval(sign, this.#options.keepAliveMs ?? KEEP_ALIVE_MS);
    this.#keepAlive.unref();
  }

  #stopKeepAlive(): void {
    clearInterval(this.#keepAlive);
    this.#keepAlive = undefined;
  }
}

/** Whether a text is a PEM public key that states can be checked with. @throws SigningKeyError */
export function checkServerKey(pem: string): void {
  StateVerifier.fromPem(pem);
}
