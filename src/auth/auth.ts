import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../base/clock.js';
import { type Log, silentLog } from '../base/log.js';
import { Authenticator, type CallKind } from './authenticator.js';
import type { Caller } from './caller.js';
import type { Credentials } from './credentials.js';
import type { DatabaseCatalog } from './database-access.js';
import { DatabaseAccess } from './database-access.js';
import { type LoginRequest, LoginService, type OpenSessionRequest } from './login-service.js';
import { type AuthMode, type AuthOptions, authMode, resolveOptions } from './options.js';
import { DEFAULT_HASH_COST, type HashCost, PasswordHasher } from './passwords.js';
import type { AccessLevel, Permission } from './permissions.js';
import { type SessionEnd, Sessions } from './sessions.js';
import { assertModeAllowed, prepareFirstUser } from './start.js';
import type { SystemStore } from './store.js';
import { LoginThrottle, type RecentFailures } from './throttle.js';
import { openTokenKey } from './token-key.js';
import { TokenLogins } from './token-logins.js';
import { TokenCodec } from './tokens.js';
import {
  type ChangePasswordRequest,
  type ChangePermissionRequest,
  type CreateUserRequest,
  type UserEffects,
  UserManagement,
} from './user-management.js';
import type { UserInfo } from './user-record.js';
import { type UserChange, Users } from './users.js';

export interface AuthDependencies {
  readonly store: SystemStore;
  readonly databases: DatabaseCatalog;
  /** Defaults: `DEFAULT_AUTH_OPTIONS`. */
  readonly options: Partial<AuthOptions> & Pick<AuthOptions, 'tokenKeyPath'>;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Unpredictable bytes; a parameter so that a test can own them. */
  readonly random?: (size: number) => Uint8Array;
  /** Cheaper only where a test does not look at the cost. */
  readonly hashCost?: HashCost;
}

export interface AuthStats {
  readonly sessions: number;
  readonly tokens: number;
  readonly users: number;
  /** Password checks running or waiting. */
  readonly pendingLogins: number;
  /** Since the start. */
  readonly failedLogins: number;
  readonly throttledLogins: number;
}

/**
 * Users, logins and rights. Everything that refuses throws `AuthError`; writes to the system database
 * may also throw what the store throws. A change of a user is durable, visible to the next call, and his
 * logins have ended, when its promise resolves.
 */
export class Auth {
  readonly mode: AuthMode;
  readonly #options: AuthOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #users: Users;
  readonly #hasher: PasswordHasher;
  readonly #tokens: TokenLogins;
  readonly #sessions: Sessions;
  readonly #throttle: LoginThrottle;
  readonly #codec: TokenCodec;
  readonly #access: DatabaseAccess;
  readonly #authenticator: Authenticator;
  readonly #logins: LoginService;
  readonly #management: UserManagement;
  readonly #databases: DatabaseCatalog;
  #sweepTimer: NodeJS.Timeout | undefined;
  #adminReset = false;
  #onSessionExpired: (end: SessionEnd) => void = () => {};

  constructor(dependencies: AuthDependencies) {
    const options = resolveOptions(dependencies.options);
    const clock = dependencies.clock ?? systemClock;
    const random = dependencies.random ?? randomBytes;
    this.mode = authMode(options);
    this.#options = options;
    this.#clock = clock;
    this.#log = dependencies.log ?? silentLog;
    this.#databases = dependencies.databases;
    this.#users = new Users(dependencies.store);
    this.#hasher = new PasswordHasher(
      options.passwordHashQueue,
      dependencies.hashCost ?? DEFAULT_HASH_COST,
    );
    this.#codec = new TokenCodec(clock);
    this.#tokens = new TokenLogins({ codec: this.#codec, options, clock, random, log: this.#log });
    this.#sessions = new Sessions({
      ...{ options, clock, random, tokens: this.#tokens },
      onExpired: (end) => this.#onSessionExpired(end),
    });
    this.#throttle = new LoginThrottle(options, clock);
    this.#access = new DatabaseAccess(this.mode, dependencies.databases, options.serverDatabases);
    this.#authenticator = new Authenticator(
      this.mode,
      options.devMode,
      this.#tokens,
      this.#sessions,
    );
    this.#logins = new LoginService({
      users: this.#users,
      hasher: this.#hasher,
      throttle: this.#throttle,
      tokens: this.#tokens,
      sessions: this.#sessions,
      databases: dependencies.databases,
      log: this.#log,
    });
    this.#management = new UserManagement({
      mode: this.mode,
      users: this.#users,
      hasher: this.#hasher,
      databases: dependencies.databases,
      clock,
      loginsOf: (name) => this.#sessions.countOf(name) + this.#tokens.countOf(name),
    });
    this.#users.onChange((change) => {
      if (change.kind !== 'created') this.#endLoginsOf(change.user.name);
    });
  }

  /**
   * Reads users and key, makes the first user. Nothing else may be called before it resolved.
   * @throws adminPasswordEmpty, authOffRefused, maintenanceNeedsAuthOff, tokenKeyInvalid,
   * userRecordInvalid
   */
  async open(): Promise<void> {
    await this.#users.load();
    assertModeAllowed(this.#options, this.#users, this.#databases);
    this.#codec.useKey(await openTokenKey(this.#options.tokenKeyPath, this.#log));
    await this.#hasher.prepare();
    this.#adminReset = await prepareFirstUser({
      options: this.#options,
      users: this.#users,
      hasher: this.#hasher,
      clock: this.#clock,
      log: this.#log,
    });
    if (this.#options.sweepIntervalMs > 0) {
      this.#sweepTimer = setInterval(() => this.sweep(), this.#options.sweepIntervalMs).unref();
    }
  }

  /** Ends all logins and stops the sweeping. */
  dispose(): void {
    clearInterval(this.#sweepTimer);
    this.#sessions.endAll();
    this.#tokens.endAll();
  }

  // Who is calling.

  /**
   * For calls that need a login. Synchronous and cheap. Counts as activity of a session.
   * @throws notLoggedIn, invalidToken, tokenExpired, sessionNotFound (streamSessionNotFound for
   * streams), noSessionId; remoteRefused while authentication is off
   */
  authenticate(credentials: Credentials, kind: CallKind = 'unary'): Caller {
    return this.#authenticator.authenticate(credentials, kind);
  }

  /** For calls that need no login but record who made them: undefined in place of an error. */
  identify(credentials: Credentials): Caller | undefined {
    return this.#authenticator.identify(credentials);
  }

  /** For every call, also before login. @throws remoteRefused */
  assertPeerAllowed(address: string | undefined): void {
    this.#authenticator.assertPeerAllowed(address);
  }

  // Logging in and out. Those that take credentials check them on their own.

  /**
   * The token is bound to `defaultdb` if the user may select it, else to no database.
   * @throws invalidCredentials, userInactive, loginThrottled, passwordQueueFull, tooManyTokens,
   * tooManyTokensOfUser, authDisabled
   */
  async login(
    request: LoginRequest,
  ): Promise<{ readonly token: string; readonly warning: string; readonly caller: Caller }> {
    this.#authenticator.assertLoginPossible();
    return this.#logins.login(request);
  }

  /** Ends exactly the token that the call came with. @returns who it was. @throws logoutWithoutLogin */
  logout(credentials: Credentials): Caller {
    return this.#authenticator.logout(credentials);
  }

  /** As `login`; also @throws sessionDatabaseNotFound, noPermissionToSelect, tooManySessions */
  async openSession(
    request: OpenSessionRequest,
  ): Promise<{ readonly sessionId: string; readonly warning: string; readonly caller: Caller }> {
    this.#authenticator.assertLoginPossible();
    return this.#logins.openSession(request);
  }

  /** @throws noSessionData, noSessionId, sessionNotFound, authDisabled */
  closeSession(credentials: Credentials): Caller {
    return this.#authenticator.closeSession(credentials);
  }

  /** @throws as `closeSession` */
  keepAlive(credentials: Credentials): Caller {
    return this.#authenticator.keepAlive(credentials);
  }

  // Databases.

  /**
   * A fresh token bound to the database; the one the call came with stays valid. In a session the
   * session is switched too, and the token ends with it or with the next switch. Whether the database
   * is loaded is for the caller to check, between `assertMaySelect` and this.
   * @throws as `assertMaySelect`; tooManyTokens, tooManyTokensOfUser
   */
  useDatabase(caller: Caller, name: string): { readonly token: string; readonly caller: Caller } {
    this.#access.assertMaySelect(caller, name);
    return this.#logins.useDatabase(caller, name);
  }

  /** @throws selectedDatabaseNotFound, noPermissionToSelect, authRequired */
  assertMaySelect(caller: Caller, name: string): void {
    this.#access.assertMaySelect(caller, name);
  }

  /** The database that calls work on. @throws noDatabaseSelected, selectDatabaseFirst (maintenance) */
  selectedDatabase(caller: Caller): string {
    return this.#access.selectedDatabase(caller);
  }

  /** For calls on the selected database. `systemdb` and those of the server take no writes. @throws permissionDenied */
  authorize(caller: Caller, database: string, level: AccessLevel): void {
    this.#access.authorize(caller, database, level);
  }

  /** @throws notAllowedToCreateDatabase, authMustBeOn, notAllowedInMaintenance */
  assertMayCreateDatabase(caller: Caller): void {
    this.#access.assertMayCreate(caller);
  }

  /** Load, unload, delete, update, truncate. @throws notAllowedToManageDatabase and as above */
  assertMayManageDatabase(caller: Caller, name: string): void {
    this.#access.assertMayManage(caller, name);
  }

  /** Whether database lists show it to the caller. */
  maySee(caller: Caller, name: string): boolean {
    return this.#access.maySee(caller, name);
  }

  /**
   * Takes away all permissions on a database that does not exist any more, so that a new one of that
   * name starts without them. Call it after deleting, or before creating.
   */
  async forgetDatabase(name: string): Promise<void> {
    await this.#users.forgetDatabase(name);
  }

  // Users.

  async createUser(caller: Caller, request: CreateUserRequest): Promise<void> {
    await this.#management.createUser(caller, request);
  }

  /** Sorted by name. */
  listUsers(caller: Caller): UserInfo[] {
    return this.#management.listUsers(caller);
  }

  async changePassword(caller: Caller, request: ChangePasswordRequest): Promise<UserEffects> {
    return this.#management.changePassword(caller, request);
  }

  /** @returns the permission before it, too */
  async changePermission(
    caller: Caller,
    request: ChangePermissionRequest,
  ): Promise<UserEffects & { readonly previous: Permission }> {
    return this.#management.changePermission(caller, request);
  }

  async setActiveUser(caller: Caller, userName: string, active: boolean): Promise<UserEffects> {
    return this.#management.setActiveUser(caller, userName, active);
  }

  isUser(name: string): boolean {
    return this.#users.get(name) !== undefined;
  }

  /** Whether the start gave the first user another password. */
  get adminReset(): boolean {
    return this.#adminReset;
  }

  /** Failed logins that count now. */
  recentFailures(userName: string, address: string | undefined): RecentFailures {
    return this.#throttle.recent(userName, address);
  }

  /** Told from now on of sessions that end by themselves; one listener. */
  onSessionExpired(listener: (end: SessionEnd) => void): void {
    this.#onSessionExpired = listener;
  }

  /** Called after a change is durable. @returns a function that gives the subscription up */
  onUserChange(listener: (change: UserChange) => void): () => void {
    return this.#users.onChange(listener);
  }

  // Housekeeping.

  /** Removes what has expired. Expired logins are refused before that too. */
  sweep(): void {
    this.#sessions.sweep();
    this.#tokens.sweep();
    this.#throttle.sweep();
  }

  stats(): AuthStats {
    return {
      sessions: this.#sessions.count,
      tokens: this.#tokens.count,
      users: this.#users.count,
      pendingLogins: this.#hasher.pending,
      failedLogins: this.#throttle.failedCount,
      throttledLogins: this.#throttle.refusedCount,
    };
  }

  #endLoginsOf(userName: string): void {
    this.#sessions.endOfUser(userName);
    this.#tokens.endOfUser(userName);
  }
}
