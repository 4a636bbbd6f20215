import type { AuditLog, EventData } from '../audit/index.js';
import type { Auth } from '../auth/index.js';
import { type DatabaseManager, SYSTEM_DATABASE } from '../database/index.js';
import type { State } from '../proofs/index.js';

/** Hexadecimal digits of the digest that stands for a login. */
const SESSION_DIGITS = 16;

/** Events of what happens in the server without a call. */
export class OwnEvents {
  readonly #databases: DatabaseManager;
  /** Databases whose states say nothing about clients. */
  readonly #left: ReadonlySet<string>;
  #audit: AuditLog | undefined;

  constructor(databases: DatabaseManager, sealDatabase: string) {
    this.#databases = databases;
    this.#left = new Set([SYSTEM_DATABASE, sealDatabase]);
  }

  /** From now on events are written, what the start did first. */
  begin(audit: AuditLog, auth: Auth): void {
    this.#audit = audit;
    auth.onSessionExpired(({ caller, reason, ageMs }) => {
      const digest = audit.key.digest(Buffer.from(caller.loginId)).slice(0, SESSION_DIGITS);
      const data = { auth: 'session', open_tx_rolled_back: false, reason, session_age_ms: ageMs };
      const database = caller.database === undefined ? {} : { db: caller.database };
      audit.tell(
        'auth.session.expired',
        'auth',
        { ...data, ...database, session: digest },
        { user: caller.userName, resource: 'server' },
      );
    });
    if (auth.adminReset) {
      const data = { origin: 'configuration', user: 'immudb' };
      audit.tell('user.admin_reset', 'user', data, { resource: 'user:immudb' });
    }
    for (const { name } of this.#databases.opened()) {
      this.database('database.load', name, this.#databases.lastState(name), 'startup');
    }
  }

  database(event: string, name: string, state: State | undefined, reason: string): void {
    if (this.#left.has(name)) return;
    const { txId, txHash } = state ?? { txId: 0, txHash: undefined };
    const alh: EventData = txHash === undefined ? {} : { alh: Buffer.from(txHash).toString('hex') };
    const data = { ...alh, reason, target_db: name, tx_id: txId };
    this.#audit?.tell(event, 'database', data, { resource: `db:${name}` });
  }

  /** Sessions that are open end with the server; databases are as they will be found. */
  end(auth: Auth): void {
    auth.dispose();
    for (const { name } of this.#databases.opened()) {
      this.database('database.unload', name, this.#databases.lastState(name), 'shutdown');
    }
  }
}
