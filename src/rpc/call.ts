import { AuditError, type EventData } from '../audit/index.js';
import { AuthError, type Caller, type Credentials } from '../auth/index.js';
import { assert } from '../base/assert.js';
import {
  type Database,
  DatabaseError,
  DEFAULT_DATABASE,
  SYSTEM_DATABASE,
} from '../database/index.js';
import { STATUS } from '../wire/index.js';
import { type AuditedCall, type AuditStage, type CallStage, eventNameOf } from './audit.js';
import { txIdOf } from './audit-data.js';
import type { DatabaseContext, Services } from './context.js';
import { callStatus, type MappedError, mapError } from './errors.js';
import type { Metrics } from './metrics.js';
import { isReadOnly, type Plan, type PlannedRow } from './plan.js';
import { RpcError } from './rpc-error.js';
import type { Peer, TransportCall } from './transport.js';

export interface CallEnvironment {
  readonly services: Services;
  readonly metrics: Metrics;
  readonly audit: AuditStage;
  /** True while the server goes down. */
  stopping(): boolean;
  /** Called when the call is over and its handler, too. */
  onDone(call: Call): void;
}

/**
 * One call on its way: who makes it, may he, on which database, the handler, the event, the answer.
 * Who is refused is refused before a byte of the request's body is read.
 */
export class Call implements DatabaseContext {
  readonly services: Services;
  readonly credentials: Credentials;
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** When a stream last moved; Unix milliseconds. */
  progressAt: number;
  readonly #plan: Plan;
  readonly #transport: TransportCall;
  readonly #environment: CallEnvironment;
  readonly #audited: boolean;
  readonly #keys: Uint8Array[] = [];
  readonly #startTick = performance.now();
  #noted: EventData | undefined;
  #caller: Caller | undefined;
  #database: Database | undefined;
  #databaseName: string | undefined;
  #stage: CallStage = 'identify';
  #request: unknown;
  #ended = false;
  #interrupted = false;
  #unsubscribe: (() => void) | undefined;

  constructor(plan: Plan, transport: TransportCall, environment: CallEnvironment) {
    const { services, audit } = environment;
    this.services = services;
    this.#plan = plan;
    this.#transport = transport;
    this.#environment = environment;
    const { metadata, peer } = transport;
    this.credentials = {
      sessionId: metadata.get('sessionid'),
      authorization: metadata.get('authorization'),
      address: peer.address,
    };
    this.startedAt = services.clock.now();
    this.progressAt = this.startedAt;
    this.#audited = plan.eventNames.some((name) => audit.selects(name));
    environment.metrics.started(plan.method, plan.kind, peer.address);
  }

  get isUnary(): boolean {
    return this.#plan.kind === 'unary';
  }

  get peer(): Peer {
    return this.#transport.peer;
  }

  get caller(): Caller {
    assert(this.#caller !== undefined, 'the method asks for a login');
    return this.#caller;
  }

  get database(): Database {
    assert(this.#database !== undefined, 'the method works on the selected database');
    return this.#database;
  }

  noteKey(key: Uint8Array): void {
    if (this.#audited) this.#keys.push(Uint8Array.from(key));
  }

  noteData(data: EventData): void {
    if (this.#audited) this.#noted = { ...this.#noted, ...data };
  }

  noteCaller(caller: Caller): void {
    this.#caller = caller;
  }

  /** Rejects only when the answer itself cannot be sent. */
  async run(): Promise<void> {
    try {
      const row = this.#enter();
      if (this.#audited) await this.#admit();
      if (this.#databaseName !== undefined) await this.#open(this.#databaseName);
      this.#stage = 'execute';
      await this.#execute(row);
    } catch (error) {
      await this.fail(error);
    }
    this.#environment.onDone(this);
  }

  /** Ends the call with an error, unless it has ended. */
  async fail(error: unknown): Promise<void> {
    if (this.#ended) return;
    const { row, method } = this.#plan;
    const mapped = mapError(error, 'unimplemented' in row ? undefined : row.errors);
    const { metrics, services } = this.#environment;
    if (mapped.errorCode === undefined) {
      const stack = error instanceof Error ? error.stack : String(error);
      services.log.error('bug: a call failed in an unknown way', { method, error: stack });
      metrics.internalError(method);
    }
    await this.#finish(undefined, undefined, mapped);
  }

  /**
   * Makes the call end soon, wherever it waits for its client.
   * @returns false when it was told so before or has been answered
   */
  interrupt(reason: Error): boolean {
    const first = !this.#interrupted && !this.#ended;
    this.#interrupted = true;
    this.#transport.interrupt(reason);
    if (this.isUnary) void this.fail(reason);
    return first;
  }

  /** All that can be decided by headers alone. */
  #enter(): PlannedRow {
    const { row, kind } = this.#plan;
    const { auth } = this.services;
    if (this.#environment.stopping()) throw new RpcError('serverStopping');
    auth.assertPeerAllowed(this.peer.address);
    if ('unimplemented' in row) throw new RpcError('unimplemented', row.unimplemented);
    if (auth.mode === 'maintenance' && !row.maintenance) {
      throw new AuthError('notAllowedInMaintenance');
    }
    if (row.permission === 'none' || row.permission === 'ownLogin') {
      if (this.#audited) this.#caller = auth.identify(this.credentials);
      return row;
    }
    const caller = auth.authenticate(this.credentials, kind === 'unary' ? 'unary' : 'stream');
    this.#caller = caller;
    this.#transport.loggedIn();
    this.#stage = 'authorize';
    if (row.permission === 'sysadmin') auth.assertMayCreateDatabase(caller);
    else if (row.permission !== 'login' && row.database === 'selected') {
      const name = auth.selectedDatabase(caller);
      this.#databaseName = name;
      auth.authorize(caller, name, row.permission);
    }
    if (kind !== 'unary') {
      this.#unsubscribe = caller.onEnd(() => this.interrupt(new AuthError('notLoggedIn')));
    }
    return row;
  }

  async #admit(): Promise<void> {
    const { audit } = this.#plan;
    try {
      const admitted = this.#environment.audit.admit(audit.name, isReadOnly(audit));
      if (admitted !== undefined) await admitted;
    } catch (cause) {
      const isFull = cause instanceof AuditError && cause.code === 'spaceLow';
      throw new RpcError(isFull ? 'auditSpaceLow' : 'auditUnavailable', undefined, { cause });
    }
  }

  async #open(name: string): Promise<void> {
    const opened = this.services.databases.open(name);
    this.#database = opened instanceof Promise ? await opened : opened;
  }

  async #execute(row: PlannedRow): Promise<void> {
    switch (this.#plan.kind) {
      case 'unary': {
        const request = await this.#readRequest(row);
        if (this.#tellsReceived) await this.#received();
        return this.#answer(await row.handler(this, request));
      }
      case 'clientStream':
        if (this.#tellsReceived) await this.#received();
        return this.#answer(await row.handler(this, this.#requests()));
      case 'serverStream': {
        const request = await this.#readRequest(row);
        if (this.#tellsReceived) await this.#received();
        return this.#stream(row.handler(this, request));
      }
      case 'bidi':
        if (this.#tellsReceived) await this.#received();
        return this.#stream(row.handler(this, this.#requests()));
    }
  }

  /** For calls that may end the server, or change something and never answer. */
  get #tellsReceived(): boolean {
    const { audit: row } = this.#plan;
    if (this.#environment.audit.received === undefined || !this.#audited) return false;
    return row.class !== 'auth' && !isReadOnly(row);
  }

  async #received(): Promise<void> {
    const name = eventNameOf(this.#plan.audit, this.#request, false, undefined);
    try {
      await this.#environment.audit.received?.(this.#auditedCall(name, undefined, undefined));
    } catch (cause) {
      throw new RpcError('auditUnavailable', undefined, { cause });
    }
  }

  async #readRequest(row: PlannedRow): Promise<unknown> {
    const bytes = await this.#transport.receive();
    if (bytes === undefined) throw new RpcError('requestMissing');
    // The body may have taken its time.
    if (this.#caller?.ended === true) throw new AuthError('notLoggedIn');
    const request = this.#plan.decode(bytes);
    if (this.#audited) this.#request = request;
    if (typeof row.database === 'object') {
      this.#databaseName = row.database.named(request);
      this.#authorizeNamed(row.permission, this.#databaseName);
    }
    return request;
  }

  #authorizeNamed(permission: PlannedRow['permission'], name: string): void {
    const { auth } = this.services;
    this.#stage = 'authorize';
    if (permission === 'read') auth.assertMaySelect(this.caller, name);
    else if (name === SYSTEM_DATABASE || name === DEFAULT_DATABASE) {
      throw new DatabaseError('databaseReserved', 'database is reserved');
    } else auth.assertMayManageDatabase(this.caller, name);
    this.#stage = 'execute';
  }

  async *#requests(): AsyncGenerator<unknown, void, undefined> {
    for (;;) {
      const bytes = await this.#transport.receive();
      if (bytes === undefined) return;
      this.progressAt = this.services.clock.now();
      yield this.#plan.decode(bytes);
    }
  }

  async #answer(response: unknown): Promise<void> {
    if (this.#ended) return;
    await this.#finish(this.#plan.encode(response), response, undefined);
  }

  async #stream(responses: unknown): Promise<void> {
    for await (const response of responses as AsyncIterable<unknown>) {
      const full = this.#transport.send(this.#plan.encode(response));
      if (full !== undefined) await full;
      this.progressAt = this.services.clock.now();
    }
    await this.#finish(undefined, undefined, undefined);
  }

  /** The event first, then the answer. */
  async #finish(
    message: Buffer | undefined,
    response: unknown,
    error: MappedError | undefined,
  ): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsubscribe?.();
    const failure = await this.#record(response, error);
    if (failure !== undefined) this.#transport.end(callStatus(failure));
    else if (message !== undefined) this.#transport.respond(message);
    else this.#transport.end({ code: STATUS.OK, text: '' });
    const seconds = (performance.now() - this.#startTick) / 1000;
    const { method, kind } = this.#plan;
    const status = failure?.status ?? 'OK';
    this.#environment.metrics.finished(method, kind, status, seconds, failure?.errorCode);
  }

  /** @returns the error to answer with: an event that cannot be written takes the place of any answer */
  #record(
    response: unknown,
    error: MappedError | undefined,
  ): MappedError | undefined | Promise<MappedError | undefined> {
    const row = this.#plan.audit;
    const { audit } = this.#environment;
    // The stream that refused it counts it.
    if (error?.errorCode === 'auditUnavailable') return error;
    const name = eventNameOf(row, this.#request, error !== undefined, error?.errorCode);
    // A refusal is an event also where what was refused is none.
    if (!this.#audited && (error === undefined || !audit.selects(name))) return error;
    try {
      const written = audit.record(this.#auditedCall(name, response, error));
      return written === undefined
        ? error
        : written.then(
            () => error,
            (cause: unknown) => this.#notRecorded(response, cause),
          );
    } catch (cause) {
      return this.#notRecorded(response, cause);
    }
  }

  #auditedCall(name: string, response: unknown, error: MappedError | undefined): AuditedCall {
    const { audit: row, method, kind } = this.#plan;
    const { metadata, peer } = this.#transport;
    const request = this.#request;
    const keys = request === undefined ? undefined : row.keys?.(request);
    return {
      method,
      class: row.class,
      name,
      attempted: row.name,
      readOnly: isReadOnly(row),
      isStream: kind !== 'unary',
      stage: this.#stage,
      status: error?.status ?? 'OK',
      errorCode: error?.errorCode,
      endedAt: this.services.clock.now(),
      durationMs: performance.now() - this.#startTick,
      caller: this.#caller,
      database: this.#databaseName,
      peer,
      requestId: metadata.get('x-request-id'),
      userAgent: metadata.get('user-agent'),
      forwardedFor: metadata.get('x-forwarded-for'),
      keys: keys ?? this.#keys,
      noted: this.#noted,
      request,
      response,
    };
  }

  /** A call that is done and may not be acknowledged says what it has stored. */
  #notRecorded(response: unknown, cause: unknown): MappedError {
    const error = mapError(new RpcError('auditUnavailable', undefined, { cause }));
    const txId = txIdOf(response);
    if (txId === undefined) return error;
    return { ...error, text: `${error.text}; transaction ${txId} is stored` };
  }
}
