import { createHash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import {
  ensureDirectory,
  readFileIfExists,
  syncDirectory,
  writeFileDurably,
} from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import type { SignedState, State, TrustScope, TrustStore } from '../client/index.js';
import { AuditorError, guarded } from './errors.js';
import { StateHistory } from './state-history.js';

/**
 * What the auditor vouches for, below one folder: `servers.json` says which server answered at which address,
 * `<server>/databases.json` which databases are known there, `<server>/<database>.jsonl` their states.
 * A state that is being examined is believed for the time of the examination and kept only at its end.
 * The owner of the folder's lock is the only writer.
 */
export class AuditStateStore implements TrustStore {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #histories = new Map<string, StateHistory>();
  readonly #examined = new Map<string, State>();
  #pinning: Promise<unknown> = Promise.resolve();

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** The newest state on disk. @throws AuditorError stateUnusable */
  async kept(scope: TrustScope): Promise<SignedState | undefined> {
    const history = await this.#history(scope);
    await history.check();
    return history.newest;
  }

  /** The key that the newest signed state was signed with. @throws AuditorError stateUnusable */
  async signer(scope: TrustScope): Promise<Uint8Array | undefined> {
    return (await this.#history(scope)).signer;
  }

  async load(scope: TrustScope): Promise<State | undefined> {
    return this.#examined.get(keyOf(scope)) ?? (await this.kept(scope));
  }

  async replace(scope: TrustScope, expected: State | undefined, next: State): Promise<boolean> {
    const current = await this.load(scope);
    if (current?.txId !== expected?.txId) return false;
    this.#examined.set(keyOf(scope), next);
    return true;
  }

  /**
   * The examination found nothing wrong: the state that the server named is kept, and a newer one that was
   * verified after it.
   */
  async keep(scope: TrustScope, current: SignedState): Promise<void> {
    const newer = this.#examined.get(keyOf(scope)) ?? current;
    this.#examined.delete(keyOf(scope));
    const history = await this.#history(scope);
    const folder = path.dirname(this.#historyFile(scope));
    await guarded(folder, () => ensureDirectory(folder));
    for (const state of [current, newer]) {
      if ((history.newest?.txId ?? 0) >= state.txId) continue;
      await history.append(state, new Date(this.#clock.now()));
    }
    // After its states: a kill between the two leaves them to be found.
    await this.#know(scope);
  }

  /** It found something: the state on disk stays as it was. */
  drop(scope: TrustScope): void {
    this.#examined.delete(keyOf(scope));
  }

  /** Databases of a server that have states. @throws AuditorError stateUnusable */
  async databases(server: string): Promise<readonly string[]> {
    const file = this.#databasesFile(server);
    const names = await this.#readJson(file);
    if (names === undefined) return [];
    if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
    throw new AuditorError('stateUnusable', `${file} does not hold names of databases`);
  }

  async pin(address: string, server: string): Promise<string> {
    return this.#changeServers((servers) => {
      const known = servers[address];
      if (known !== undefined) return { result: known };
      return { result: server, servers: { ...servers, [address]: server } };
    });
  }

  /** The server that the address had at first. @throws AuditorError stateUnusable */
  async pinned(address: string): Promise<string | undefined> {
    return (await this.#servers())[address];
  }

  /** The next server that answers there is trusted unseen. @returns the one of before */
  async unpin(address: string): Promise<string | undefined> {
    return this.#changeServers((servers) => {
      const { [address]: known, ...others } = servers;
      return known === undefined ? { result: undefined } : { result: known, servers: others };
    });
  }

  /**
   * The next state of the database is trusted unseen. Those of before stay beside it.
   * @returns whether there were any
   */
  async retire(scope: TrustScope): Promise<boolean> {
    const names = await this.databases(scope.server);
    if (!names.includes(scope.database)) return false;
    const file = this.#historyFile(scope);
    await guarded(file, async () => {
      const bytes = await readFileIfExists(file);
      if (bytes !== undefined) await rename(file, `${file}.retired-${this.#clock.now()}`);
      await syncDirectory(path.dirname(file));
    });
    this.#histories.delete(keyOf(scope));
    await this.#writeNames(
      scope.server,
      names.filter((name) => name !== scope.database),
    );
    return true;
  }

  async #history(scope: TrustScope): Promise<StateHistory> {
    const key = keyOf(scope);
    const open = this.#histories.get(key);
    if (open !== undefined) return open;
    const file = this.#historyFile(scope);
    const history = await StateHistory.open(file);
    const isKnown = (await this.databases(scope.server)).includes(scope.database);
    if (isKnown && history.newest === undefined) {
      throw new AuditorError('stateUnusable', `the verified states in ${file} are gone`);
    }
    this.#histories.set(key, history);
    return history;
  }

  async #know({ server, database }: TrustScope): Promise<void> {
    const names = await this.databases(server);
    if (!names.includes(database)) await this.#writeNames(server, [...names, database].sort());
  }

  #writeNames(server: string, names: readonly string[]): Promise<void> {
    const file = this.#databasesFile(server);
    return guarded(file, () => writeFileDurably(file, `${JSON.stringify(names)}\n`));
  }

  async #servers(): Promise<Readonly<Record<string, string>>> {
    const servers = await this.#readJson(this.#serversFile);
    if (servers === undefined) return {};
    if (typeof servers === 'object' && servers !== null && !Array.isArray(servers)) {
      return servers as Record<string, string>;
    }
    throw new AuditorError('stateUnusable', `${this.#serversFile} does not name servers`);
  }

  /** One change after the other: several servers share the file. */
  #changeServers<T>(
    change: (servers: Readonly<Record<string, string>>) => {
      readonly result: T;
      readonly servers?: Readonly<Record<string, string>>;
    },
  ): Promise<T> {
    const run = async () => {
      const { result, servers } = change(await this.#servers());
      if (servers === undefined) return result;
      const file = this.#serversFile;
      await guarded(file, () => writeFileDurably(file, `${JSON.stringify(servers, null, 2)}\n`));
      return result;
    };
    const changed = this.#pinning.then(run, run);
    this.#pinning = changed.catch(() => {});
    return changed;
  }

  get #serversFile(): string {
    return path.join(this.#folder, 'servers.json');
  }

  #databasesFile(server: string): string {
    return path.join(this.#folder, safeName(server), 'databases.json');
  }

  #historyFile({ server, database }: TrustScope): string {
    return path.join(this.#folder, safeName(server), `${safeName(database)}.jsonl`);
  }

  async #readJson(file: string): Promise<unknown> {
    return guarded(file, async () => {
      const bytes = await readFileIfExists(file);
      if (bytes === undefined) return undefined;
      try {
        return JSON.parse(bytes.toString('utf8'));
      } catch (error) {
        throw new AuditorError('stateUnusable', `${file} is not JSON: ${messageOf(error)}`);
      }
    });
  }
}

function keyOf({ server, database }: TrustScope): string {
  return `${server}\n${database}`;
}

/** What a server calls itself and its databases may be anything; a file name may not. */
function safeName(name: string): string {
  if (/^[a-z0-9_]{1,100}$/.test(name)) return name;
  return `x-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}
