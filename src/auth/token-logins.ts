import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import { AuthError } from './errors.js';
import { Login, LoginCaller } from './login.js';
import type { AuthOptions } from './options.js';
import type { Session } from './sessions.js';
import type { TokenCodec } from './tokens.js';
import type { User } from './user-record.js';

/** A login that was not used for so long may make room for a new one of the same user. */
const REPLACEABLE_AFTER_MS = 15 * 60_000;
/** The order of use is kept this exactly. */
const TOUCH_MS = 60_000;
const ID_BYTES = 16;

/** The session that a token came from, and with which it ends. */
export interface TokenOwner {
  readonly session: Session;
  /** Whether the session is alive; counts as its activity. */
  touch(): boolean;
}

export class TokenLogin extends Login {
  readonly generation = 'token';
  readonly text: string;
  readonly caller: LoginCaller;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  lastUsedAt: number;
  readonly owner: TokenOwner | undefined;

  constructor(fields: {
    readonly id: string;
    readonly user: User;
    readonly text: string;
    readonly database: string | undefined;
    readonly expiresAt: number;
    readonly now: number;
    readonly owner: TokenOwner | undefined;
  }) {
    super(fields.id, fields.user, fields.now);
    this.text = fields.text;
    this.caller = new LoginCaller(this, fields.database);
    this.expiresAt = fields.expiresAt;
    this.lastUsedAt = fields.now;
    this.owner = fields.owner;
  }
}

export interface TokenLoginsDependencies {
  readonly codec: TokenCodec;
  readonly options: Pick<AuthOptions, 'tokenLifetimeMs' | 'maxTokens' | 'maxTokensPerUser'>;
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly log: Log;
}

/**
 * The live tokens. A token counts only if it is, letter by letter, one that was given out and has not
 * ended: a known one costs a look-up instead of a signature check, and one that merely decodes to a
 * valid signature is not accepted. A restart ends all.
 */
export class TokenLogins {
  readonly #codec: TokenCodec;
  readonly #options: TokenLoginsDependencies['options'];
  readonly #clock: Clock;
  readonly #random: (size: number) => Uint8Array;
  readonly #log: Log;
  readonly #byText = new Map<string, TokenLogin>();
  /** By user name; of each user the one not used for longest first. */
  readonly #byUser = new Map<string, Set<TokenLogin>>();

  constructor(dependencies: TokenLoginsDependencies) {
    this.#codec = dependencies.codec;
    this.#options = dependencies.options;
    this.#clock = dependencies.clock;
    this.#random = dependencies.random;
    this.#log = dependencies.log;
  }

  get count(): number {
    return this.#byText.size;
  }

  /** Live tokens of a user. */
  countOf(userName: string): number {
    return this.#byUser.get(userName)?.size ?? 0;
  }

  /** @throws tooManyTokens, tooManyTokensOfUser */
  issue(user: User, database: string | undefined, owner?: TokenOwner): TokenLogin {
    const now = this.#clock.now();
    this.#makeRoom(user.name, now);
    const id = Buffer.from(this.#random(ID_BYTES)).toString('hex');
    const expiresAt = Math.floor((now + this.#options.tokenLifetimeMs) / 1000) * 1000;
    const claims = { id, userName: user.name, database: database ?? '', expiresAt };
    const text = this.#codec.sign(claims);
    const login = new TokenLogin({ id, user, text, database, expiresAt, now, owner });
    this.#byText.set(text, login);
    const ofUser = this.#byUser.get(user.name);
    if (ofUser === undefined) this.#byUser.set(user.name, new Set([login]));
    else ofUser.add(login);
    return login;
  }

  /** @throws invalidToken, tokenExpired, notLoggedIn */
  find(text: string): TokenLogin {
    const login = this.#byText.get(text);
    if (login === undefined) throw this.#codec.reasonAgainst(text);
    const now = this.#clock.now();
    if (login.expiresAt <= now) {
      this.end(login);
      throw new AuthError('tokenExpired');
    }
    if (now - login.lastUsedAt >= TOUCH_MS) this.#touch(login, now);
    if (login.owner?.touch() === false) throw new AuthError('notLoggedIn');
    return login;
  }

  end(login: TokenLogin): void {
    this.#byText.delete(login.text);
    const ofUser = this.#byUser.get(login.user.name);
    ofUser?.delete(login);
    if (ofUser?.size === 0) this.#byUser.delete(login.user.name);
    login.end();
  }

  endOfUser(userName: string): void {
    for (const login of [...(this.#byUser.get(userName) ?? [])]) this.end(login);
  }

  endAll(): void {
    for (const login of [...this.#byText.values()]) this.end(login);
  }

  sweep(): void {
    const now = this.#clock.now();
    for (const login of this.#byText.values()) if (login.expiresAt <= now) this.end(login);
  }

  #touch(login: TokenLogin, now: number): void {
    login.lastUsedAt = now;
    const ofUser = this.#byUser.get(login.user.name);
    ofUser?.delete(login);
    ofUser?.add(login);
  }

  /**
   * Programs that log in again and again without logging out must not shut their user out: at the limit
   * the user's oldest unused login gives way. One in use never does.
   */
  #makeRoom(userName: string, now: number): void {
    const ofUser = this.#byUser.get(userName);
    const userFull = (ofUser?.size ?? 0) >= this.#options.maxTokensPerUser;
    if (!userFull && this.#byText.size < this.#options.maxTokens) return;
    const [oldest] = ofUser ?? [];
    if (oldest === undefined || now - oldest.lastUsedAt < REPLACEABLE_AFTER_MS) {
      throw new AuthError(userFull ? 'tooManyTokensOfUser' : 'tooManyTokens');
    }
    this.#log.warn('too many logins; one that was not used for long was ended', {
      user: userName,
      login: oldest.id,
    });
    this.end(oldest);
  }
}
