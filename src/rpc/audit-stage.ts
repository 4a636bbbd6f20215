import {
  type AuditEvent,
  type AuditedTx,
  type AuditLog,
  type EventData,
  type JsonValue,
  NONE,
} from '../audit/index.js';
import type { Caller, Permission } from '../auth/index.js';
import type { AuditedCall, AuditStage } from './audit.js';
import { dataOf, nameText, txIdOf } from './audit-data.js';
import { callEventKinds } from './audit-kinds.js';
import { AddressSet } from './front/index.js';

/** How keys of users are written. */
export type KeyForm = 'hash' | 'plain' | 'none' | { readonly prefixBytes: number };

/** Keys of one event that are named; the number of all stands beside them. */
export interface AuditStageOptions {
  readonly keysMax: number;
  readonly keys: KeyForm;
  /** Whether calls that may change something leave a line before they are carried out. */
  readonly received: boolean;
  /** Addresses and networks whose `x-forwarded-for` is written down. */
  readonly trustedProxies: readonly string[];
  /** Where names of failed logins are hashed when this says that nobody has them. */
  readonly isUser?: ((name: string) => boolean) | undefined;
}

const REQUEST_ID = /^[\x21-\x7e][\x20-\x7e]{0,127}$/;
const HEADER_LENGTH_MAX = 128;
const SUBJECT_LENGTH_MAX = 256;
const ERROR_LENGTH_MAX = 256;

/** Turns calls into events of the stream. */
export function auditStage(log: AuditLog, options: AuditStageOptions): AuditStage {
  return new StreamAuditStage(log, options);
}

class StreamAuditStage implements AuditStage {
  readonly received: AuditStage['received'];
  readonly #log: AuditLog;
  readonly #options: AuditStageOptions;
  /** Names of events whose calls write data. */
  readonly #writes = new Set<string>();
  /** A login is the same in all of its calls. */
  readonly #logins = new WeakMap<Caller, EventData>();
  readonly #times = new TimeTexts();
  readonly #proxies: AddressSet;

  constructor(log: AuditLog, options: AuditStageOptions) {
    this.#log = log;
    this.#options = options;
    this.received = options.received ? (call) => this.#received(call) : undefined;
    this.#proxies = new AddressSet(options.trustedProxies);
    for (const kind of callEventKinds()) {
      if (kind.class === 'write' || kind.name === 'tx.import') this.#writes.add(kind.name);
    }
  }

  selects(name: string): boolean {
    return this.#log.selects(name);
  }

  admit(name: string, readOnly: boolean): Promise<void> | undefined {
    return this.#log.admit(readOnly, this.#writes.has(name));
  }

  #received(call: AuditedCall): Promise<unknown> | undefined {
    const event = this.#eventOf(call, undefined);
    const { duration_us: _duration, status: _status, ...data } = event.event_data;
    const marked = { ...data, outcome: 'unknown', stage: 'received' };
    return this.#log.write({ ...event, event_data: marked }, call.class);
  }

  record(call: AuditedCall): Promise<unknown> | undefined {
    const tx = this.#txOf(call);
    const event = this.#eventOf(call, tx);
    const isRefusal = call.name === 'auth.rejected' || call.name === 'authz.denied';
    const written = this.#log.write(event, isRefusal ? 'auth' : call.class, tx);
    if (call.name === 'database.delete' && call.status === 'OK') {
      this.#log.forgetDatabase(String(event.event_data.target_db));
    }
    return written;
  }

  #txOf({ name, database, response, status }: AuditedCall): AuditedTx | undefined {
    if (database === undefined || status !== 'OK' || !this.#writes.has(name)) return undefined;
    const txId = txIdOf(response);
    return txId === undefined ? undefined : { database, txId };
  }

  #eventOf(call: AuditedCall, tx: AuditedTx | undefined): AuditEvent {
    const log = this.#log;
    const data = this.#dataOf(call, tx);
    return {
      event_time: this.#times.text(call.endedAt),
      event_name: call.name,
      username: userOf(call, data),
      resource: resourceOf(call, data),
      event_source: log.eventSource,
      source_ip_address: addressText(call.peer.address),
      event_id: log.uuid(),
      request_id: REQUEST_ID.test(call.requestId ?? '') ? String(call.requestId) : log.uuid(),
      read_only: call.readOnly && call.name === call.attempted,
      event_data: data,
    };
  }

  #dataOf(call: AuditedCall, tx: AuditedTx | undefined): EventData {
    const { caller, database, userAgent, status } = call;
    const data: Record<string, JsonValue> = {};
    if (caller !== undefined) {
      Object.assign(data, this.#login(caller));
      if (database !== undefined) data.roles = rolesOf(caller, database);
    }
    if (userAgent !== undefined) data.client = nameText(userAgent.slice(0, HEADER_LENGTH_MAX));
    if (database !== undefined) data.db = nameText(database);
    data.duration_us = Math.round(call.durationMs * 1000);
    if (status !== 'OK') addFailure(data, call);
    this.#addKeys(data, call.keys);
    this.#addPeer(data, call);
    data.outcome = outcomeOf(call);
    data.rpc = call.method;
    data.status = status;
    data.stream = call.isStream;
    if (tx !== undefined) data.tx_id = tx.txId;
    data.v = 1;
    // A call that was refused did nothing of what it asked for.
    const refused = call.name === 'auth.rejected' || call.name === 'authz.denied';
    if (refused) return data;
    Object.assign(data, dataOf(call.method, call.request, call.response), call.noted);
    this.#hideUnknown(data, call);
    return data;
  }

  #addPeer(data: Record<string, JsonValue>, { peer, forwardedFor }: AuditedCall): void {
    const { address, port, localAddress, localPort, tlsSubject } = peer;
    data.conn = peer.connection;
    if (localAddress !== undefined) data.local = endpoint(localAddress, localPort);
    if (port !== undefined) data.peer_port = port;
    if (tlsSubject !== undefined) data.tls_subject = shortText(tlsSubject, SUBJECT_LENGTH_MAX);
    if (forwardedFor !== undefined && address !== undefined && this.#proxies.has(address)) {
      data.forwarded_for = shortText(forwardedFor, HEADER_LENGTH_MAX);
    }
  }

  /** People type passwords where names belong. */
  #hideUnknown(data: Record<string, JsonValue>, { name }: AuditedCall): void {
    const { isUser } = this.#options;
    const { user } = data;
    if (isUser === undefined || name !== 'auth.login.failed' || typeof user !== 'string') return;
    if (!isUser(user)) data.user = this.#log.key.keyText(Buffer.from(user));
  }

  #login(caller: Caller): EventData {
    let login = this.#logins.get(caller);
    if (login === undefined) {
      const { authenticated, generation, loginId } = caller;
      const session = this.#log.key.digest(Buffer.from(loginId)).slice(0, 16);
      login = authenticated
        ? { auth: generation === 'session' ? 'session' : 'token', session }
        : { auth: 'none' };
      this.#logins.set(caller, login);
    }
    return login;
  }

  #addKeys(data: Record<string, JsonValue>, keys: readonly Uint8Array[]): void {
    if (keys.length === 0) return;
    data.key_count = keys.length;
    const { keysMax, keys: form } = this.#options;
    if (form === 'none') return;
    const shown = keys.length > keysMax ? keys.slice(0, keysMax) : keys;
    const { key } = this.#log;
    const bytesMax = typeof form === 'object' ? form.prefixBytes : undefined;
    data.keys = shown.map((one) =>
      form === 'hash' ? key.keyText(one) : plainKey(one.subarray(0, bytesMax)),
    );
    if (keys.length > keysMax) data.keys_digest = key.digest(lengthPrefixed(keys));
  }
}

/** The text of a time is made once in a millisecond. */
class TimeTexts {
  #at = -1;
  #text = '';

  text(atMs: number): string {
    if (atMs !== this.#at) {
      this.#at = atMs;
      this.#text = new Date(atMs).toISOString();
    }
    return this.#text;
  }
}

function addFailure(data: Record<string, JsonValue>, call: AuditedCall): void {
  const { errorCode, attempted, name } = call;
  // Codes say what went wrong without repeating what the client sent.
  data.error = (errorCode ?? 'internal').slice(0, ERROR_LENGTH_MAX);
  if (name === 'auth.rejected' || name === 'authz.denied') {
    data.attempted = attempted;
    data.reason = REASONS[errorCode ?? ''] ?? errorCode ?? 'internal';
  } else if (name === 'auth.login.failed') {
    data.reason = REASONS[errorCode ?? ''] ?? errorCode ?? 'internal';
  }
}

const REASONS: Readonly<Record<string, string>> = {
  notLoggedIn: 'missing',
  logoutWithoutLogin: 'missing',
  noSessionData: 'missing',
  noSessionId: 'missing',
  invalidToken: 'token_invalid',
  tokenExpired: 'token_expired',
  sessionNotFound: 'session_not_found',
  streamSessionNotFound: 'session_not_found',
  invalidCredentials: 'bad_credentials',
  userInactive: 'inactive_user',
  noPermissionToSelect: 'no_db_permission',
  sessionDatabaseNotFound: 'unknown_db',
  authDisabled: 'auth_disabled',
};

function outcomeOf({ status, name }: AuditedCall): string {
  if (status === 'OK') return 'success';
  return name === 'auth.rejected' || name === 'authz.denied' ? 'denied' : 'failure';
}

/** The one who is logged in; of a login the one it was for. */
function userOf({ caller, name }: AuditedCall, { user }: EventData): string {
  if (caller !== undefined && caller.userName !== '') return caller.userName;
  return name.startsWith('auth.login') && typeof user === 'string' && user !== '' ? user : NONE;
}

function resourceOf({ class: eventClass, database }: AuditedCall, data: EventData): string {
  if (eventClass === 'user' && typeof data.user === 'string') return `user:${data.user}`;
  if (typeof data.target_db === 'string' && eventClass === 'database')
    return `db:${data.target_db}`;
  if (database !== undefined) return `db:${nameText(database)}`;
  if (typeof data.db === 'string') return `db:${data.db}`;
  return eventClass === 'server' || eventClass === 'config' ? 'server' : NONE;
}

/** IPv4 addresses that came over IPv6 are written as what they are. */
function addressText(address: string | undefined): string {
  if (address === undefined) return NONE;
  if (address === '') return 'unix';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

/** Of one line, its end cut off. */
function shortText(text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).replaceAll(/[^\x20-\x7e]/g, '?');
}

const ROLES: Readonly<Record<Permission, string>> = {
  0: '',
  1: 'read',
  2: 'readWrite',
  254: 'admin',
  255: 'sysadmin',
};

/** What the caller may do on the database. */
function rolesOf(caller: Caller, database: string): string[] {
  const role = ROLES[caller.permissionOn(database)];
  return role === '' ? [] : [role];
}

function endpoint(address: string, port: number | undefined): string {
  const text = addressText(address);
  return `${text.includes(':') ? `[${text}]` : text}:${port ?? 0}`;
}

function plainKey(key: Uint8Array): string {
  return nameText(Buffer.from(key).toString());
}

function lengthPrefixed(keys: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const key of keys) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(key.length);
    parts.push(length, key);
  }
  return Buffer.concat(parts);
}
