import { messageOf } from '../base/errors.js';
import type { StoredDatabase } from './database.js';
import { DatabaseError } from './errors.js';

export interface OpenLimits {
  /** Databases that stay open; more only while they are in use. */
  readonly openMax: number;
  /** Milliseconds without a use before one may be closed to make room. */
  readonly idleMsMin: number;
  /** Told before one is closed to make room. */
  onIdle(database: StoredDatabase): void;
}

/** Milliseconds between two looks for one to close, while too many are open. */
const RETRY_MS_MIN = 50;

/**
 * The databases that are open. One that is asked for is opened; the one that was not used for longest is
 * closed when there are too many, never one in use.
 */
export class OpenDatabases {
  readonly #limits: OpenLimits;
  readonly #open = new Map<string, StoredDatabase>();
  readonly #opening = new Map<string, Promise<StoredDatabase>>();
  readonly #closing = new Map<string, Promise<void>>();
  readonly #damaged = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(limits: OpenLimits) {
    this.#limits = limits;
  }

  get(name: string): StoredDatabase | undefined {
    return this.#open.get(name);
  }

  all(): StoredDatabase[] {
    return [...this.#open.values()];
  }

  /** Those that could not be opened, with the reason. */
  get damaged(): ReadonlyMap<string, string> {
    return this.#damaged;
  }

  /** @throws DatabaseError `databaseDamaged`, `databaseClosed` */
  async open(name: string, make: () => Promise<StoredDatabase>): Promise<StoredDatabase> {
    if (this.#closed) throw new DatabaseError('databaseClosed', 'already closed');
    const found = this.#open.get(name) ?? this.#opening.get(name);
    if (found !== undefined) return found;
    const opening = this.#openNow(name, make);
    this.#opening.set(name, opening);
    try {
      return await opening;
    } finally {
      this.#opening.delete(name);
      this.#makeRoom();
    }
  }

  async #openNow(name: string, make: () => Promise<StoredDatabase>): Promise<StoredDatabase> {
    await this.#closing.get(name);
    try {
      const database = await make();
      this.#open.set(name, database);
      this.#damaged.delete(name);
      return database;
    } catch (error) {
      const reason = messageOf(error);
      this.#damaged.set(name, reason);
      throw new DatabaseError('databaseDamaged', `database cannot be opened: ${reason}`, {
        cause: error,
      });
    }
  }

  /** Closes a database, open or not, and forgets that it was damaged. */
  async close(name: string): Promise<void> {
    await this.#opening.get(name)?.catch(() => undefined);
    this.#damaged.delete(name);
    await this.#closeNow(name);
  }

  async #closeNow(name: string): Promise<void> {
    const database = this.#open.get(name);
    this.#open.delete(name);
    if (database === undefined) return this.#closing.get(name);
    const closing = database.close().finally(() => this.#closing.delete(name));
    this.#closing.set(name, closing);
    return closing;
  }

  #makeRoom(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    let excess = this.#open.size + this.#opening.size - this.#limits.openMax;
    if (excess <= 0) return;
    const idle = [...this.#open.values()]
      .filter(({ uses }) => uses.count === 0 && uses.idleMs >= this.#limits.idleMsMin)
      .sort((a, b) => b.uses.idleMs - a.uses.idleMs)
      .slice(0, excess);
    // A database that cannot be closed has failed, and with it the process.
    for (const database of idle) {
      this.#limits.onIdle(database);
      void this.#closeNow(database.name).catch(() => undefined);
    }
    excess -= idle.length;
    if (excess === 0) return;
    const retryMs = Math.max(this.#limits.idleMsMin, RETRY_MS_MIN);
    this.#timer = setTimeout(() => this.#makeRoom(), retryMs);
    this.#timer.unref();
  }

  async closeAll(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled(this.#opening.values());
    const closing = [...this.#open.keys()].map((name) => this.#closeNow(name));
    const results = await Promise.allSettled([...closing, ...this.#closing.values()]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}
