import { assert } from '../base/assert.js';
import type { Clock } from '../base/clock.js';
import { DEFAULT_DATABASE, SYSTEM_DATABASE } from '../database/index.js';
import type { Caller } from './caller.js';
import { type DatabaseCatalog, databaseExists } from './database-access.js';
import { AuthError } from './errors.js';
import type { AuthMode } from './options.js';
import { assertPasswordRule, type PasswordHasher } from './passwords.js';
import {
  type GrantablePermission,
  isGrantable,
  PERMISSION_ADMIN,
  PERMISSION_NONE,
  PERMISSION_READ_WRITE,
  PERMISSION_SYSADMIN,
  type Permission,
} from './permissions.js';
import {
  FIRST_USER,
  isSysadmin,
  isUserName,
  permissionOf,
  type User,
  type UserInfo,
  userInfo,
  withPermission,
} from './user-record.js';
import type { Users } from './users.js';

export interface CreateUserRequest {
  readonly userName: string;
  readonly password: Uint8Array;
  /** As it came: any number. */
  readonly permission: number;
  /** Empty: `defaultdb`, while there is no other. */
  readonly database: string;
}

export interface ChangePasswordRequest {
  readonly userName: string;
  /** Compared only when the user is `immudb`. */
  readonly oldPassword: Uint8Array;
  readonly newPassword: Uint8Array;
}

export interface ChangePermissionRequest {
  /** 0 grants, 1 revokes. */
  readonly action: number;
  readonly userName: string;
  readonly database: string;
  readonly permission: number;
}

/** What a change of a user did to him. */
export interface UserEffects {
  /** Logins that it ended. */
  readonly loginsEnded: number;
}

export interface UserManagementDependencies {
  readonly mode: AuthMode;
  readonly users: Users;
  readonly hasher: PasswordHasher;
  readonly databases: DatabaseCatalog;
  readonly clock: Clock;
  /** Live logins of a user. */
  loginsOf(userName: string): number;
}

const GRANT = 0;
const REVOKE = 1;

/**
 * Changes of users. Rules that look at users are applied twice: before work that takes time, and again
 * when it is this change's turn, on what is so then.
 */
export class UserManagement {
  readonly #with: UserManagementDependencies;

  constructor(dependencies: UserManagementDependencies) {
    this.#with = dependencies;
  }

  listUsers(caller: Caller): UserInfo[] {
    const { mode, users } = this.#with;
    if (mode === 'off') throw new AuthError('authRequired');
    if (caller.database === SYSTEM_DATABASE && mode === 'on') {
      throw new AuthError('sessionDatabaseNotFound');
    }
    if (caller.isSysadmin) return users.all().map(userInfo);
    const selected = caller.database;
    if (selected === undefined || caller.permissionOn(selected) !== PERMISSION_ADMIN) {
      const own = users.get(caller.userName);
      return own === undefined ? [] : [userInfo(own)];
    }
    const shown = (user: User) =>
      user.name === caller.userName || user.permissions.some((p) => p.database === selected);
    return users.all().filter(shown).map(userInfo);
  }

  async createUser(caller: Caller, request: CreateUserRequest): Promise<void> {
    this.#assertManagementOn();
    const { userName, password } = request;
    const { users, hasher, clock } = this.#with;
    if (userName === '') throw new AuthError('userNameEmpty');
    const database = this.#databaseForNewUser(request.database);
    const permission = permissionForNewUser(request.permission);
    const check = (existing: User | undefined) => {
      assertStillLoggedIn(caller);
      this.#assertDatabaseForNewUser(database);
      if (caller.permissionOn(database) < PERMISSION_ADMIN) {
        throw new AuthError('userDatabaseNotAdmin');
      }
      if (permission === PERMISSION_SYSADMIN) throw new AuthError('sysadminNotCreated');
      if (existing !== undefined) throw new AuthError('userExists');
      if (!isUserName(userName)) throw new AuthError('userNameInvalid');
      return permission;
    };
    check(users.get(userName));
    assertPasswordRule(password);
    const passwordHash = await hasher.hash(password);
    await users.change(userName, 'created', (existing) => ({
      permissions: [{ database, permission: check(existing) }],
      name: userName,
      passwordHash,
      passwordSerial: 0,
      createdBy: caller.userName,
      createdAt: clock.now(),
      active: true,
    }));
  }

  async changePassword(caller: Caller, request: ChangePasswordRequest): Promise<UserEffects> {
    this.#assertManagementOn();
    const { userName, oldPassword, newPassword } = request;
    const { users, hasher } = this.#with;
    const check = (target: User | undefined) => {
      assertStillLoggedIn(caller);
      if (!caller.isAdminAnywhere) throw new AuthError('notAdminAnywhere');
      if (userName === '') throw new AuthError('userNameEmpty');
      if (target === undefined || !mayChange(caller, target)) {
        throw new AuthError('passwordTargetRefused', { subject: userName });
      }
      return target;
    };
    const target = check(users.get(userName));
    if (userName === FIRST_USER && !(await hasher.verify(target.passwordHash, oldPassword))) {
      throw new AuthError('oldPasswordIncorrect');
    }
    assertPasswordRule(newPassword);
    const passwordHash = await hasher.hash(newPassword);
    let loginsEnded = 0;
    await users.change(userName, 'password', (current) => {
      const user = check(current);
      // Whoever was first replaced the old password that this change named.
      if (userName === FIRST_USER && user.passwordSerial !== target.passwordSerial) {
        throw new AuthError('oldPasswordIncorrect');
      }
      loginsEnded = this.#with.loginsOf(userName);
      return { ...user, passwordHash, passwordSerial: user.passwordSerial + 1 };
    });
    return { loginsEnded };
  }

  /** @returns the permission before it, too */
  async changePermission(
    caller: Caller,
    request: ChangePermissionRequest,
  ): Promise<UserEffects & { readonly previous: Permission }> {
    this.#assertManagementOn();
    const { action, userName, database } = request;
    const permission = grantedPermission(request, this.#with.databases);
    if (userName === caller.userName) throw new AuthError('grantToOneself');
    let loginsEnded = 0;
    let previous: Permission = PERMISSION_NONE;
    await this.#with.users.change(userName, 'permissions', (target) => {
      assertStillLoggedIn(caller);
      if (target !== undefined && isSysadmin(target)) throw new AuthError('grantToSysadmin');
      // Nobody writes to the system database.
      if (database === SYSTEM_DATABASE && permission === PERMISSION_READ_WRITE) {
        throw new AuthError('permissionDenied');
      }
      assertGrantable(database, this.#with.databases);
      if (caller.permissionOn(database) < PERMISSION_ADMIN) throw new AuthError('grantNotAdmin');
      if (target === undefined) throw new AuthError('grantUserNotFound', { subject: userName });
      if (!target.active) throw new AuthError('grantUserInactive', { subject: userName });
      const next = action === GRANT ? permission : PERMISSION_NONE;
      previous = permissionOf(target, database);
      if (previous === next) return target;
      loginsEnded = this.#with.loginsOf(userName);
      return withPermission(target, database, next);
    });
    return { loginsEnded, previous };
  }

  async setActiveUser(caller: Caller, userName: string, active: boolean): Promise<UserEffects> {
    this.#assertManagementOn();
    const { users } = this.#with;
    if (userName === '') throw new AuthError('userNameEmpty');
    let loginsEnded = 0;
    await users.change(userName, 'status', (target) => {
      assertStillLoggedIn(caller);
      if (!caller.isAdminAnywhere) throw new AuthError('notAdminAnywhere');
      if (userName === caller.userName) throw new AuthError('ownStatus');
      if (target === undefined) throw new AuthError('statusUserNotFound', { subject: userName });
      if (!mayChange(caller, target))
        throw new AuthError('statusNotCreator', { subject: userName });
      // The caller is one and cannot be the target; were it otherwise, nobody could undo this.
      const sysadminStays = !isSysadmin(target) || users.hasOtherActiveSysadmin(userName);
      assert(active || sysadminStays, 'the last active sysadmin would be lost');
      if (target.active === active) return target;
      loginsEnded = this.#with.loginsOf(userName);
      return { ...target, active };
    });
    return { loginsEnded };
  }

  #assertManagementOn(): void {
    if (this.#with.mode === 'maintenance') throw new AuthError('notAllowedInMaintenance');
    if (this.#with.mode === 'off') throw new AuthError('authRequired');
  }

  #databaseForNewUser(given: string): string {
    if (given !== '') return given;
    if (this.#with.databases.list().some((info) => info.name !== DEFAULT_DATABASE)) {
      throw new AuthError('userDatabaseEmpty');
    }
    return DEFAULT_DATABASE;
  }

  #assertDatabaseForNewUser(name: string): void {
    if (name === SYSTEM_DATABASE || !this.#with.databases.exists(name)) {
      throw new AuthError('userDatabaseNotFound', { subject: name });
    }
  }
}

/** Rights that were taken away while the call was under way do not count any more. */
function assertStillLoggedIn(caller: Caller): void {
  if (caller.ended) throw new AuthError('notLoggedIn');
}

/** Password and status are in the hands of sysadmins and of who created the user. */
function mayChange(caller: Caller, target: User): boolean {
  return caller.isSysadmin || target.createdBy === caller.userName;
}

function permissionForNewUser(number: number): GrantablePermission | typeof PERMISSION_SYSADMIN {
  if (number === PERMISSION_SYSADMIN || isGrantable(number)) return number;
  throw new AuthError('permissionUnknown');
}

/** The parts of the request that no user matters for. */
function grantedPermission(
  { userName, database, action, permission }: ChangePermissionRequest,
  databases: DatabaseCatalog,
): GrantablePermission {
  if (userName === '') throw new AuthError('grantUserNameEmpty');
  if (database === '') throw new AuthError('grantDatabaseEmpty');
  assertGrantable(database, databases);
  if (action !== GRANT && action !== REVOKE) throw new AuthError('grantActionUnknown');
  if (!isGrantable(permission)) throw new AuthError('grantPermissionUnknown');
  return permission;
}

function assertGrantable(database: string, databases: DatabaseCatalog): void {
  if (!databaseExists(databases, database)) throw new AuthError('grantDatabaseNotFound');
}
