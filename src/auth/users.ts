import { AuthError } from './errors.js';
import { PERMISSION_NONE } from './permissions.js';
import type { SystemRecord, SystemStore, SystemWrite } from './store.js';
import {
  decodeUser,
  encodeUser,
  isSysadmin,
  type User,
  type UserInfo,
  userInfo,
  withPermission,
} from './user-record.js';

const KEY_PREFIX = 'user:';
/** Entries of one transaction, below the smallest limit that the system database can have. */
const WRITES_MAX = 500;
/** Somebody else writes only by a mistake of ours; then trying again for ever would hide it. */
const CONFLICTS_MAX = 3;

export interface UserChange {
  readonly kind: 'created' | 'password' | 'permissions' | 'status';
  /** As the user is now. */
  readonly user: UserInfo;
}

interface CachedUser {
  readonly user: User;
  /** Transaction of its record. */
  readonly tx: number;
}

/**
 * All users, in memory and in the system database. Changes happen one after the other: each sees the
 * outcome of the one before, and none is visible before it is durable.
 */
export class Users {
  readonly #store: SystemStore;
  readonly #byName = new Map<string, CachedUser>();
  readonly #listeners = new Set<(change: UserChange) => void>();
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(store: SystemStore) {
    this.#store = store;
  }

  /** @throws userRecordInvalid */
  async load(): Promise<void> {
    for (const record of await this.#store.scan(KEY_PREFIX)) this.#cache(record);
  }

  get count(): number {
    return this.#byName.size;
  }

  get(name: string): User | undefined {
    return this.#byName.get(name)?.user;
  }

  /** Sorted by name, byte by byte. */
  all(): User[] {
    const users = [...this.#byName.values()].map((cached) => cached.user);
    return users.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  hasOtherActiveSysadmin(name: string): boolean {
    for (const { user } of this.#byName.values()) {
      if (user.name !== name && user.active && isSysadmin(user)) return true;
    }
    return false;
  }

  onChange(listener: (change: UserChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Replaces one user by what `decide` makes of him. It sees the newest state, runs again after a
   * conflict, may throw to refuse, and returns the same object (or undefined) to leave things alone.
   * @param kind undefined for what is no change to anybody: listeners are not called
   * @throws updateConflict, whatever `decide` or the store throws
   */
  change(
    name: string,
    kind: UserChange['kind'] | undefined,
    decide: (current: User | undefined) => User | undefined,
  ): Promise<void> {
    return this.#oneAtATime(async () => {
      for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts++) {
        const current = this.#byName.get(name)?.user;
        const next = decide(current);
        if (next === undefined || next === current) return;
        if (await this.#commit([next], kind)) return;
      }
      throw new AuthError('updateConflict', { subject: name });
    });
  }

  /** Takes the permissions on one database from everybody. */
  forgetDatabase(database: string): Promise<void> {
    return this.#oneAtATime(async () => {
      for (let conflicts = 0; conflicts < CONFLICTS_MAX; ) {
        const holders = this.all().filter((u) =>
          u.permissions.some((p) => p.database === database),
        );
        if (holders.length === 0) return;
        const next = holders
          .slice(0, WRITES_MAX)
          .map((user) => withPermission(user, database, PERMISSION_NONE));
        if (!(await this.#commit(next, 'permissions'))) conflicts++;
      }
      throw new AuthError('updateConflict');
    });
  }

  async #oneAtATime(change: () => Promise<void>): Promise<void> {
    const mine = this.#lastChange.then(change);
    this.#lastChange = mine.catch(() => {});
    await mine;
  }

  /** @returns false for a conflict, after which the users in question are read anew */
  async #commit(next: readonly User[], kind: UserChange['kind'] | undefined): Promise<boolean> {
    const writes: SystemWrite[] = next.map((user) => ({
      key: KEY_PREFIX + user.name,
      value: encodeUser(user),
      replacesTx: this.#byName.get(user.name)?.tx ?? 0,
    }));
    const tx = await this.#store.put(writes);
    if (tx === undefined) {
      for (const { key } of writes) {
        const record = this.#store.get(key);
        if (record !== undefined) this.#cache(record);
      }
      return false;
    }
    for (const user of next) this.#byName.set(user.name, { user, tx });
    if (kind !== undefined) {
      for (const user of next.map(userInfo)) {
        for (const listener of this.#listeners) listener({ kind, user });
      }
    }
    return true;
  }

  #cache(record: SystemRecord): void {
    const name = record.key.slice(KEY_PREFIX.length);
    this.#byName.set(name, { user: decodeUser(name, record.value), tx: record.tx });
  }
}
