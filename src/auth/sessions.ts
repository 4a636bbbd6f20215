import type { Clock } from '../base/clock.js';
import type { Caller } from './caller.js';
import { AuthError } from './errors.js';
import { Login, LoginCaller } from './login.js';
import type { AuthOptions } from './options.js';
import type { TokenLogin, TokenLogins } from './token-logins.js';
import type { User } from './user-record.js';

const SESSION_ID_BYTES = 32;
const LOGIN_ID_BYTES = 16;

export class Session extends Login {
  readonly generation = 'session';
  /** Opens the session: a secret. */
  readonly sessionId: string;
  lastUsedAt: number;
  /** Replaced when another database is selected. */
  caller: LoginCaller;
  /** What UseDatabase gave out; ends with the session. */
  token: TokenLogin | undefined;

  constructor(ids: { login: string; session: string }, user: User, database: string, now: number) {
    super(ids.login, user, now);
    this.sessionId = ids.session;
    this.lastUsedAt = now;
    this.caller = new LoginCaller(this, database);
  }
}

export interface SessionsDependencies {
  readonly options: Pick<
    AuthOptions,
    'maxSessions' | 'maxSessionsPerUser' | 'sessionIdleMs' | 'sessionMaxAgeMs'
  >;
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly tokens: TokenLogins;
  /** Told of each session that nobody closed, and that no change of its user ended. */
  onExpired(end: SessionEnd): void;
}

/** How a session ended by itself. */
export interface SessionEnd {
  readonly caller: Caller;
  readonly reason: 'timeout' | 'max_age' | 'shutdown';
  readonly ageMs: number;
}

/** The open sessions. A restart ends all. */
export class Sessions {
  readonly #options: SessionsDependencies['options'];
  readonly #clock: Clock;
  readonly #random: (size: number) => Uint8Array;
  readonly #tokens: TokenLogins;
  readonly #onExpired: (end: SessionEnd) => void;
  readonly #byId = new Map<string, Session>();
  readonly #byUser = new Map<string, Set<Session>>();

  constructor(dependencies: SessionsDependencies) {
    this.#options = dependencies.options;
    this.#clock = dependencies.clock;
    this.#random = dependencies.random;
    this.#tokens = dependencies.tokens;
    this.#onExpired = dependencies.onExpired;
  }

  get count(): number {
    return this.#byId.size;
  }

  /** @throws tooManySessions, tooManySessionsOfUser */
  open(user: User, database: string): Session {
    this.#assertRoom(user.name);
    const ids = {
      login: Buffer.from(this.#random(LOGIN_ID_BYTES)).toString('hex'),
      session: `${Buffer.from(this.#random(SESSION_ID_BYTES)).toString('base64url')}=`,
    };
    const session = new Session(ids, user, database, this.#clock.now());
    this.#byId.set(session.sessionId, session);
    const ofUser = this.#byUser.get(user.name);
    if (ofUser === undefined) this.#byUser.set(user.name, new Set([session]));
    else ofUser.add(session);
    return session;
  }

  /** Counts as activity. */
  find(sessionId: string): Session | undefined {
    const session = this.#byId.get(sessionId);
    if (session === undefined) return undefined;
    const now = this.#clock.now();
    if (this.#endIfOver(session, now)) return undefined;
    session.lastUsedAt = now;
    return session;
  }

  /** The session works on the database from now on. @throws tooManyTokens, tooManyTokensOfUser */
  useDatabase(session: Session, database: string): TokenLogin {
    const former = session.token;
    session.token = this.#tokens.issue(session.user, database, {
      session,
      touch: () => this.find(session.sessionId) !== undefined,
    });
    if (former !== undefined) this.#tokens.end(former);
    session.caller = new LoginCaller(session, database);
    return session.token;
  }

  end(session: Session): void {
    this.#byId.delete(session.sessionId);
    const ofUser = this.#byUser.get(session.user.name);
    ofUser?.delete(session);
    if (ofUser?.size === 0) this.#byUser.delete(session.user.name);
    session.end();
    if (session.token !== undefined) this.#tokens.end(session.token);
  }

  endOfUser(userName: string): void {
    for (const session of [...(this.#byUser.get(userName) ?? [])]) this.end(session);
  }

  endAll(): void {
    const now = this.#clock.now();
    for (const session of [...this.#byId.values()]) this.#expire(session, 'shutdown', now);
  }

  sweep(): void {
    const now = this.#clock.now();
    for (const session of this.#byId.values()) this.#endIfOver(session, now);
  }

  /** Open sessions of a user. */
  countOf(userName: string): number {
    return this.#byUser.get(userName)?.size ?? 0;
  }

  #endIfOver(session: Session, now: number): boolean {
    const { sessionIdleMs, sessionMaxAgeMs } = this.#options;
    if (now - session.lastUsedAt > sessionIdleMs) this.#expire(session, 'timeout', now);
    else if (sessionMaxAgeMs > 0 && now - session.startedAt > sessionMaxAgeMs) {
      this.#expire(session, 'max_age', now);
    } else return false;
    return true;
  }

  #expire(session: Session, reason: SessionEnd['reason'], now: number): void {
    this.end(session);
    this.#onExpired({ caller: session.caller, reason, ageMs: now - session.startedAt });
  }

  #assertRoom(userName: string): void {
    const { maxSessions, maxSessionsPerUser } = this.#options;
    const isFree = () => this.countOf(userName) < maxSessionsPerUser;
    if (this.#byId.size < maxSessions && isFree()) return;
    // Sessions that are over but not yet removed must not keep anybody out.
    this.sweep();
    if (this.#byId.size >= maxSessions) throw new AuthError('tooManySessions');
    if (!isFree()) throw new AuthError('tooManySessionsOfUser');
  }
}
