import { SYSTEM_DATABASE } from '../database/index.js';
import type { Caller } from './caller.js';
import { AuthError } from './errors.js';
import type { AuthMode } from './options.js';
import { type AccessLevel, PERMISSION_ADMIN, PERMISSION_NONE, permits } from './permissions.js';

/** What the layer needs to know of databases; `Databases` has it. */
export interface DatabaseCatalog {
  exists(name: string): boolean;
  /** Without `systemdb`. */
  list(): ReadonlyArray<{ readonly name: string }>;
}

/** Whether the catalog names it or it is the system database, which catalogs may leave out. */
export function databaseExists(databases: DatabaseCatalog, name: string): boolean {
  return name === SYSTEM_DATABASE || databases.exists(name);
}

/** Who may do what with which database. */
export class DatabaseAccess {
  readonly #mode: AuthMode;
  readonly #databases: DatabaseCatalog;
  /** Nobody else writes or changes them. */
  readonly #ofServer: ReadonlySet<string>;

  constructor(mode: AuthMode, databases: DatabaseCatalog, serverDatabases: readonly string[] = []) {
    this.#mode = mode;
    this.#databases = databases;
    this.#ofServer = new Set([SYSTEM_DATABASE, ...serverDatabases]);
  }

  assertMaySelect(caller: Caller, name: string): void {
    if (this.#mode === 'off') throw new AuthError('authRequired');
    if (!databaseExists(this.#databases, name)) {
      throw new AuthError('selectedDatabaseNotFound', { subject: name });
    }
    if (!caller.maySelect(name)) throw new AuthError('noPermissionToSelect');
  }

  selectedDatabase(caller: Caller): string {
    if (caller.database !== undefined) return caller.database;
    const maintenance = this.#mode === 'maintenance';
    throw new AuthError(maintenance ? 'selectDatabaseFirst' : 'noDatabaseSelected');
  }

  authorize(caller: Caller, database: string, level: AccessLevel): void {
    const isWrite = level === 'write' && this.#ofServer.has(database);
    if (isWrite || !permits(caller.permissionOn(database), level)) {
      throw new AuthError('permissionDenied');
    }
  }

  assertMayCreate(caller: Caller): void {
    this.#assertManagementOn();
    if (!caller.isSysadmin) throw new AuthError('notAllowedToCreateDatabase');
  }

  assertMayManage(caller: Caller, name: string): void {
    this.#assertManagementOn();
    if (this.#ofServer.has(name)) throw new AuthError('permissionDenied');
    if (caller.isSysadmin || caller.permissionOn(name) === PERMISSION_ADMIN) return;
    throw new AuthError('notAllowedToManageDatabase', { subject: name });
  }

  maySee(caller: Caller, name: string): boolean {
    if (name === SYSTEM_DATABASE) return false;
    return caller.isSysadmin || caller.permissionOn(name) !== PERMISSION_NONE;
  }

  #assertManagementOn(): void {
    if (this.#mode === 'maintenance') throw new AuthError('notAllowedInMaintenance');
    if (this.#mode === 'off') throw new AuthError('authMustBeOn');
  }
}
