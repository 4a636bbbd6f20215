import type { Generation } from '../database/index.js';
import type { Permission } from './permissions.js';

/**
 * Who makes a call and what he may do, as it was when the call came in. A change of the user's
 * password, permissions or status ends his logins, so nothing here grows stale while `ended` is false.
 */
export interface Caller {
  /** Names the login in events and logs; opens nothing. */
  readonly loginId: string;
  /** Empty when authentication is off. */
  readonly userName: string;
  /** Unix milliseconds; undefined when authentication is off. */
  readonly loggedInAt: number | undefined;
  readonly isSysadmin: boolean;
  /** Admin of at least one database, or sysadmin. */
  readonly isAdminAnywhere: boolean;
  /** The database that calls work on; undefined when none is selected. */
  readonly database: string | undefined;
  /** How the caller logged in; decides a header version that is still `auto`. */
  readonly generation: Generation;
  /** False when authentication is off: nobody in particular. */
  readonly authenticated: boolean;
  /** A sysadmin has 255 on every database. */
  permissionOn(database: string): Permission;
  /** By rights alone; whether it exists is another question. */
  maySelect(database: string): boolean;
  /** True once the login was ended by logout, expiry, or a change of the user. */
  readonly ended: boolean;
  /**
   * Calls back once, soon after the login ended; never when authentication is off.
   * @returns a function that gives the subscription up
   */
  onEnd(listener: () => void): () => void;
}
