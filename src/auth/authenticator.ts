import { DEFAULT_DATABASE } from '../database/index.js';
import type { Caller } from './caller.js';
import { bearerToken, type Credentials } from './credentials.js';
import { AuthError } from './errors.js';
import { openCaller } from './login.js';
import type { AuthMode } from './options.js';
import { PERMISSION_ADMIN, PERMISSION_NONE, PERMISSION_SYSADMIN } from './permissions.js';
import type { Session, Sessions } from './sessions.js';
import type { TokenLogins } from './token-logins.js';

/** Streams answer an unknown session in words of their own. */
export type CallKind = 'unary' | 'stream';

const LOCAL_ADDRESSES = new Set(['127.0.0.1', 'localhost', '::1', '::ffff:127.0.0.1']);

/** Authentication is off: all rights on `defaultdb`, none elsewhere, no management. */
const ANYBODY = openCaller({
  isSysadmin: false,
  database: DEFAULT_DATABASE,
  permissionOn: (name) => (name === DEFAULT_DATABASE ? PERMISSION_ADMIN : PERMISSION_NONE),
});

/** Maintenance: may select any database. */
const MAINTAINER = openCaller({
  isSysadmin: true,
  database: undefined,
  permissionOn: () => PERMISSION_SYSADMIN,
});

/** Finds out who makes a call. */
export class Authenticator {
  readonly #mode: AuthMode;
  readonly #devMode: boolean;
  readonly #tokens: TokenLogins;
  readonly #sessions: Sessions;

  constructor(mode: AuthMode, devMode: boolean, tokens: TokenLogins, sessions: Sessions) {
    this.#mode = mode;
    this.#devMode = devMode;
    this.#tokens = tokens;
    this.#sessions = sessions;
  }

  authenticate(credentials: Credentials, kind: CallKind): Caller {
    if (this.#mode !== 'on') return this.#withoutLogin(credentials);
    if (credentials.sessionId !== undefined) {
      return this.#session(credentials.sessionId, kind).caller;
    }
    const token = bearerToken(credentials.authorization);
    if (token === '') throw new AuthError('notLoggedIn');
    return this.#tokens.find(token).caller;
  }

  identify(credentials: Credentials): Caller | undefined {
    try {
      return this.authenticate(credentials, 'unary');
    } catch (error) {
      if (error instanceof AuthError) return undefined;
      throw error;
    }
  }

  assertPeerAllowed(address: string | undefined): void {
    if (this.#mode === 'on' || this.#devMode) return;
    if (!LOCAL_ADDRESSES.has(address ?? '')) throw new AuthError('remoteRefused');
  }

  assertLoginPossible(): void {
    if (this.#mode !== 'on') throw new AuthError('authDisabled');
  }

  logout(credentials: Credentials): Caller {
    this.assertLoginPossible();
    const token = bearerToken(credentials.authorization);
    // A session ends by CloseSession alone.
    if (credentials.sessionId !== undefined || token === '') {
      throw new AuthError('logoutWithoutLogin');
    }
    const login = this.#liveToken(token);
    this.#tokens.end(login);
    return login.caller;
  }

  closeSession(credentials: Credentials): Caller {
    const session = this.#neededSession(credentials);
    this.#sessions.end(session);
    return session.caller;
  }

  keepAlive(credentials: Credentials): Caller {
    return this.#neededSession(credentials).caller;
  }

  #liveToken(token: string) {
    try {
      return this.#tokens.find(token);
    } catch (error) {
      if (error instanceof AuthError && error.code === 'notLoggedIn') {
        throw new AuthError('logoutWithoutLogin');
      }
      throw error;
    }
  }

  #neededSession(credentials: Credentials): Session {
    this.assertLoginPossible();
    if (credentials.sessionId === undefined) throw new AuthError('noSessionData');
    return this.#session(credentials.sessionId, 'unary');
  }

  #session(sessionId: string, kind: CallKind): Session {
    if (sessionId === '') throw new AuthError('noSessionId');
    const session = this.#sessions.find(sessionId);
    if (session !== undefined) return session;
    throw new AuthError(kind === 'stream' ? 'streamSessionNotFound' : 'sessionNotFound');
  }

  #withoutLogin(credentials: Credentials): Caller {
    this.assertPeerAllowed(credentials.address);
    if (this.#mode === 'off') return ANYBODY;
    const token = bearerToken(credentials.authorization);
    return token === '' ? MAINTAINER : this.#tokens.find(token).caller;
  }
}
