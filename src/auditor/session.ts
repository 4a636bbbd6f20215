import { type Credentials, needsLogin, SteleClient } from '../client/index.js';
import type { AuditedServer, AuditorOptions } from './options.js';
import type { AuditStateStore } from './state-store.js';

/**
 * The one connection to a server, with a login for each database, which are kept: a login in every cycle
 * would throw out other clients of the user at a server of 0.9.
 */
export class AuditSession {
  readonly address: string;
  readonly #server: AuditedServer;
  readonly #options: AuditorOptions;
  readonly #store: AuditStateStore;
  #client: SteleClient | undefined;
  #login: Credentials | undefined;
  readonly #ofDatabases = new Map<string, Credentials>();

  constructor(server: AuditedServer, options: AuditorOptions, store: AuditStateStore) {
    this.address = `${server.host}:${server.port}`;
    this.#server = server;
    this.#options = options;
    this.#store = store;
  }

  /** Identity of the server, or its address in the form of a name where it has none. */
  get serverId(): string {
    return this.#client?.serverUuid ?? `address:${this.address}`;
  }

  /** @throws ClientError unreachable and others */
  async connected(signal: AbortSignal): Promise<SteleClient> {
    const { tls, serverKey } = this.#options;
    this.#client ??= await SteleClient.connect({
      ...this.#server,
      ...{ tls, serverKey, signal, trust: this.#store },
    });
    return this.#client;
  }

  /** @throws CallError for a wrong password, and what calls throw */
  async loggedIn(signal: AbortSignal): Promise<SteleClient> {
    const client = await this.connected(signal);
    if (this.#login === undefined) {
      const { username, password } = this.#options;
      await client.login(username, password, { signal });
      this.#login = client.credentials;
    }
    client.resume(this.#login);
    return client;
  }

  async databases(signal: AbortSignal): Promise<string[]> {
    const list = async () => {
      const client = await this.loggedIn(signal);
      return (await client.call('DatabaseList', {}, { signal })).databases;
    };
    const found = await this.#withLogin(list);
    return found.map(({ databaseName }) => databaseName);
  }

  /** The client, its calls being about that database. */
  select(database: string, signal: AbortSignal): Promise<SteleClient> {
    return this.#withLogin(async () => {
      const client = await this.loggedIn(signal);
      const known = this.#ofDatabases.get(database);
      if (known !== undefined) client.resume(known);
      else await client.useDatabase(database, { signal });
      // A login that ended shows here and not in the middle of an examination.
      if (known !== undefined) await client.call('CurrentState', {}, { signal });
      this.#ofDatabases.set(database, client.credentials);
      return client;
    });
  }

  /** The next call begins from the start. */
  async reset(): Promise<void> {
    const client = this.#client;
    this.#forgetLogins();
    this.#client = undefined;
    await client?.close();
  }

  /** Ends the login too. */
  async close(): Promise<void> {
    if (this.#client !== undefined && this.#login !== undefined) {
      this.#client.resume(this.#login);
      await this.#client.logout({ deadlineMs: 2000 }).catch(() => undefined);
    }
    await this.reset();
  }

  async #withLogin<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!needsLogin(error)) throw error;
      this.#forgetLogins();
      return await work();
    }
  }

  #forgetLogins(): void {
    this.#login = undefined;
    this.#ofDatabases.clear();
  }
}
