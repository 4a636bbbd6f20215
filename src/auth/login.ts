import type { Generation } from '../database/index.js';
import type { Caller } from './caller.js';
import { PERMISSION_NONE, PERMISSION_SYSADMIN, type Permission } from './permissions.js';
import { isAdminAnywhere, isSysadmin, maySelect, type User } from './user-record.js';

/** One live login: a token or a session. Ends once and stays ended. */
export abstract class Login {
  /** Random; names the login in events and logs, opens nothing. */
  readonly id: string;
  /** As the record was when he logged in; a change of the record ends the login. */
  readonly user: User;
  /** Unix milliseconds. */
  readonly startedAt: number;
  readonly isSysadmin: boolean;
  readonly isAdminAnywhere: boolean;
  abstract readonly generation: Generation;
  readonly #permissions: ReadonlyMap<string, Permission>;
  #ended = false;
  readonly #listeners = new Set<() => void>();

  constructor(id: string, user: User, startedAt: number) {
    this.id = id;
    this.user = user;
    this.startedAt = startedAt;
    this.isSysadmin = isSysadmin(user);
    this.isAdminAnywhere = isAdminAnywhere(user);
    this.#permissions = new Map(user.permissions.map((p) => [p.database, p.permission]));
  }

  permissionOn(database: string): Permission {
    if (this.isSysadmin) return PERMISSION_SYSADMIN;
    return this.#permissions.get(database) ?? PERMISSION_NONE;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Only for the registry that holds the login. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    // Each on its own: one that throws must not keep another login alive.
    for (const listener of listeners) queueMicrotask(listener);
  }

  onEnd(listener: () => void): () => void {
    if (this.#ended) {
      queueMicrotask(listener);
      return () => {};
    }
    // A function of its own, so that one listener given twice is held twice.
    const held = () => listener();
    this.#listeners.add(held);
    return () => this.#listeners.delete(held);
  }
}

/** A login with the database it works on. */
export class LoginCaller implements Caller {
  readonly login: Login;
  readonly database: string | undefined;
  readonly authenticated = true;

  constructor(login: Login, database: string | undefined) {
    this.login = login;
    this.database = database;
  }

  get loginId(): string {
    return this.login.id;
  }

  get userName(): string {
    return this.login.user.name;
  }

  get loggedInAt(): number {
    return this.login.startedAt;
  }

  get isSysadmin(): boolean {
    return this.login.isSysadmin;
  }

  get isAdminAnywhere(): boolean {
    return this.login.isAdminAnywhere;
  }

  get generation(): Generation {
    return this.login.generation;
  }

  get ended(): boolean {
    return this.login.ended;
  }

  permissionOn(database: string): Permission {
    return this.login.permissionOn(database);
  }

  maySelect(database: string): boolean {
    return maySelect(this.login.user, database);
  }

  onEnd(listener: () => void): () => void {
    return this.login.onEnd(listener);
  }
}

/** Nobody in particular: what a call is made as while authentication is off. */
export function openCaller(access: {
  readonly isSysadmin: boolean;
  readonly database: string | undefined;
  permissionOn(database: string): Permission;
}): Caller {
  return {
    loginId: '',
    userName: '',
    loggedInAt: undefined,
    isSysadmin: access.isSysadmin,
    isAdminAnywhere: access.isSysadmin,
    database: access.database,
    generation: 'token',
    authenticated: false,
    permissionOn: access.permissionOn,
    maySelect: () => access.isSysadmin,
    ended: false,
    onEnd: () => () => {},
  };
}
