import { type Credentials, needsLogin, SteleClient } from '../client/index.js';
import type { AuditedServer, AuditorOptions } from './options.js';
import type { AuditStateStore } from './state-store.js';

/** Of all logouts together, milliseconds. */
const LOGOUT_MS = 2000;

/**
 * The one connection to a server, with a login for each database, which are kept: a login in every cycle
 * would throw out other clients of the user at a server of 0.9.
 */
export class AuditSession {
  readonly address: string;
  readonly client: SteleClient;
  readonly #options: AuditorOptions;
  #login: Credentials | undefined;
  readonly #ofDatabases = new Map<string, Credentials>();

  /** Connects with the first call. @throws SigningKeyError, ClientError optionInvalid */
  constructor(server: AuditedServer, options: AuditorOptions, store: AuditStateStore) {
    this.address = `${server.host}:${server.port}`;
    this.#options = options;
    const { tls, serverKey, deadlineMs } = options;
    this.client = new SteleClient({ ...server, tls, serverKey, deadlineMs, trust: store });
  }

  /** What its states are kept under; known after the first answer. */
  get trustId(): string {
    return this.client.serverUuid ?? `address:${this.address}`;
  }

  /** For people and metrics: its identity, or its address in the form of a name where it has none. */
  get serverId(): string {
    return this.client.serverUuid ?? this.address.replaceAll('.', '-').replaceAll(':', '_');
  }

  /** Learns the identity of the server, which may well say that it is ill: that is no reason not to look. */
  async reach(signal: AbortSignal): Promise<void> {
    await this.client.call('Health', {}, { signal });
  }

  /** @throws CallError for a wrong password, and what calls throw */
  async loggedIn(signal: AbortSignal): Promise<void> {
    const { client } = this;
    if (this.#login === undefined) {
      const { username, password } = this.#options;
      await client.login(username, password, { signal });
      this.#login = client.credentials;
    }
    client.resume(this.#login);
  }

  async databases(signal: AbortSignal): Promise<string[]> {
    const { databases } = await this.#withLogin(async () => {
      await this.loggedIn(signal);
      return this.client.call('DatabaseList', {}, { signal });
    });
    return databases.map(({ databaseName }) => databaseName);
  }

  /** Does work with the client, its calls being about that database; once more when the login had ended. */
  inDatabase<T>(database: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return this.#withLogin(async () => {
      await this.#select(database, signal);
      return work();
    });
  }

  /** Ends the logins too. */
  async close(): Promise<void> {
    const until = performance.now() + LOGOUT_MS;
    const logins = [...this.#ofDatabases.values(), ...(this.#login ? [this.#login] : [])];
    for (const login of logins) {
      const left = until - performance.now();
      if (left <= 0) break;
      this.client.resume(login);
      try {
        await this.client.logout({ deadlineMs: left });
      } catch {
        // Nobody is there, or the login has ended with another one of this user.
        break;
      }
    }
    await this.client.close();
  }

  async #select(database: string, signal: AbortSignal): Promise<void> {
    const known = this.#ofDatabases.get(database);
    if (known !== undefined) {
      this.client.resume(known);
      return;
    }
    await this.loggedIn(signal);
    await this.client.useDatabase(database, { signal });
    this.#ofDatabases.set(database, this.client.credentials);
  }

  async #withLogin<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!needsLogin(error)) throw error;
      this.#login = undefined;
      this.#ofDatabases.clear();
      return await work();
    }
  }
}
