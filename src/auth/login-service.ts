import { assert } from '../base/assert.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { DEFAULT_DATABASE } from '../database/index.js';
import type { Caller } from './caller.js';
import { type DatabaseCatalog, databaseExists } from './database-access.js';
import { AuthError } from './errors.js';
import { LoginCaller } from './login.js';
import type { PasswordHasher } from './passwords.js';
import { Session, type Sessions } from './sessions.js';
import type { LoginThrottle, LoginTry } from './throttle.js';
import { TokenLogin, type TokenLogins } from './token-logins.js';
import { FIRST_USER, maySelect, type User } from './user-record.js';
import type { Users } from './users.js';

export interface LoginRequest {
  readonly userName: string;
  readonly password: Uint8Array;
  /** Of the peer, without port. */
  readonly address?: string | undefined;
}

export interface OpenSessionRequest extends LoginRequest {
  /** Looked up in lower case. */
  readonly database: string;
}

export interface LoginServiceDependencies {
  readonly users: Users;
  readonly hasher: PasswordHasher;
  readonly throttle: LoginThrottle;
  readonly tokens: TokenLogins;
  readonly sessions: Sessions;
  readonly databases: DatabaseCatalog;
  readonly log: Log;
}

interface PasswordCheck {
  /** As he was when the check began. */
  readonly user: User | undefined;
  readonly matches: boolean;
  readonly attempt: LoginTry;
}

const DEFAULT_PASSWORD = 'immudb';
const DEFAULT_PASSWORD_WARNING =
  'immudb user has the default password: please change it to ensure proper security';

/** Gives out tokens and sessions to who knows the password. */
export class LoginService {
  readonly #with: LoginServiceDependencies;
  /** Names of users whose hash is being renewed. */
  readonly #rehashing = new Set<string>();

  constructor(dependencies: LoginServiceDependencies) {
    this.#with = dependencies;
  }

  async login(
    request: LoginRequest,
  ): Promise<{ readonly token: string; readonly warning: string; readonly caller: Caller }> {
    const user = this.#admit(request, await this.#checkPassword(request));
    const database = maySelect(user, DEFAULT_DATABASE) ? DEFAULT_DATABASE : undefined;
    const login = this.#with.tokens.issue(user, database);
    return { token: login.text, warning: warningFor(user, request), caller: login.caller };
  }

  async openSession(
    request: OpenSessionRequest,
  ): Promise<{ readonly sessionId: string; readonly warning: string; readonly caller: Caller }> {
    const user = this.#admit(request, await this.#checkPassword(request));
    const database = request.database.toLowerCase();
    if (!databaseExists(this.#with.databases, database)) {
      throw new AuthError('sessionDatabaseNotFound');
    }
    if (!maySelect(user, database)) throw new AuthError('noPermissionToSelect');
    const session = this.#with.sessions.open(user, database);
    const { sessionId, caller } = session;
    return { sessionId, warning: warningFor(user, request), caller };
  }

  /** The caller may select the database. */
  useDatabase(caller: Caller, name: string): { readonly token: string; readonly caller: Caller } {
    if (!caller.authenticated) return this.#maintenanceToken(name);
    assert(caller instanceof LoginCaller, 'caller is not one of ours');
    const { login } = caller;
    if (login.ended) throw new AuthError('notLoggedIn');
    const session = login instanceof TokenLogin ? login.owner?.session : login;
    if (session instanceof Session) {
      const token = this.#with.sessions.useDatabase(session, name);
      return { token: token.text, caller: session.caller };
    }
    const token = this.#with.tokens.issue(login.user, name);
    return { token: token.text, caller: token.caller };
  }

  #maintenanceToken(name: string): { readonly token: string; readonly caller: Caller } {
    const user = this.#with.users.get(FIRST_USER);
    assert(user !== undefined, 'the first user is made at start');
    const login = this.#with.tokens.issue(user, name);
    return { token: login.text, caller: login.caller };
  }

  async #checkPassword(request: LoginRequest): Promise<PasswordCheck> {
    const { users, hasher, throttle } = this.#with;
    const attempt = throttle.begin(request.userName, request.address);
    const user = users.get(request.userName);
    const matches = await hasher.verify(user?.passwordHash, request.password);
    return { user, matches, attempt };
  }

  /**
   * Decides in one go with what follows, on the user as he is now: one who was changed while his
   * password was checked does not get in by what he was.
   */
  #admit(request: LoginRequest, check: PasswordCheck): User {
    const { users, hasher } = this.#with;
    const user = users.get(request.userName);
    if (!check.matches || !user || user.passwordSerial !== check.user?.passwordSerial) {
      check.attempt.failed();
      throw new AuthError('invalidCredentials');
    }
    check.attempt.succeeded();
    if (!user.active) throw new AuthError('userInactive');
    if (hasher.needsRehash(user.passwordHash)) void this.#rehash(user, request.password);
    return user;
  }

  /** Keeps old hashes as strong as new ones; that it could not is no reason to refuse a login. */
  async #rehash(user: User, password: Uint8Array): Promise<void> {
    const { users, hasher, log } = this.#with;
    if (this.#rehashing.has(user.name)) return;
    this.#rehashing.add(user.name);
    try {
      const passwordHash = await hasher.hash(password);
      await users.change(user.name, undefined, (current) =>
        current?.passwordSerial === user.passwordSerial ? { ...current, passwordHash } : current,
      );
    } catch (error) {
      log.warn('password hash was not renewed', { user: user.name, reason: messageOf(error) });
    } finally {
      this.#rehashing.delete(user.name);
    }
  }
}

function warningFor(user: User, { password }: LoginRequest): string {
  const isDefault = user.name === FIRST_USER && Buffer.from(DEFAULT_PASSWORD).equals(password);
  return isDefault ? DEFAULT_PASSWORD_WARNING : '';
}
