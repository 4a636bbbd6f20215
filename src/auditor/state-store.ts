import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { ensureDirectory, readFileIfExists, writeFileDurably } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import type { SignedState, State, TrustScope, TrustStore } from '../client/index.js';
import { AuditorError } from './errors.js';
import { StateHistory } from './state-history.js';

/**
 * What the auditor vouches for, below one folder: `servers.json` says which server answered at which address,
 * `<server>/databases.json` which databases are known there, `<server>/<database>.jsonl` their states.
 * A state that is being examined is believed for the time of the examination and kept only at its end.
 */
export class AuditStateStore implements TrustStore {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #histories = new Map<string, StateHistory>();
  readonly #examined = new Map<string, SignedState>();

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

  async load(scope: TrustScope): Promise<SignedState | undefined> {
    return this.#examined.get(keyOf(scope)) ?? (await this.kept(scope));
  }

  async replace(scope: TrustScope, expected: State | undefined, next: State): Promise<boolean> {
    const current = await this.load(scope);
    if (current?.txId !== expected?.txId) return false;
    this.#examined.set(keyOf(scope), next);
    return true;
  }

  /** The examination found nothing wrong: what it believed is kept. */
  async keep(scope: TrustScope): Promise<void> {
    const state = this.#examined.get(keyOf(scope));
    this.#examined.delete(keyOf(scope));
    if (state === undefined) return;
    const history = await this.#history(scope);
    if (history.newest?.txId === state.txId) return;
    await this.#know(scope);
    await history.append(state, new Date(this.#clock.now()));
  }

  /** It found something: the state on disk stays as it was. */
  drop(scope: TrustScope): void {
    this.#examined.delete(keyOf(scope));
  }

  /** Databases of a server that have states. */
  async databases(server: string): Promise<readonly string[]> {
    const names = await this.#readJson(this.#databasesFile(server));
    return Array.isArray(names) ? names.map(String) : [];
  }

  async pin(address: string, server: string): Promise<string> {
    const file = path.join(this.#folder, 'servers.json');
    const servers = ((await this.#readJson(file)) ?? {}) as Record<string, string>;
    const known = servers[address];
    if (known !== undefined) return known;
    await ensureDirectory(this.#folder);
    await writeFileDurably(file, `${JSON.stringify({ ...servers, [address]: server }, null, 2)}\n`);
    return server;
  }

  /** The server that the address had at first. */
  async pinned(address: string): Promise<string | undefined> {
    const file = path.join(this.#folder, 'servers.json');
    return ((await this.#readJson(file)) as Record<string, string> | undefined)?.[address];
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
    if (names.includes(database)) return;
    await ensureDirectory(path.dirname(this.#databasesFile(server)));
    const all = [...names, database].sort();
    await writeFileDurably(this.#databasesFile(server), `${JSON.stringify(all)}\n`);
  }

  #databasesFile(server: string): string {
    return path.join(this.#folder, safeName(server), 'databases.json');
  }

  #historyFile({ server, database }: TrustScope): string {
    return path.join(this.#folder, safeName(server), `${safeName(database)}.jsonl`);
  }

  async #readJson(file: string): Promise<unknown> {
    const bytes = await readFileIfExists(file);
    if (bytes === undefined) return undefined;
    try {
      return JSON.parse(bytes.toString('utf8'));
    } catch (error) {
      throw new AuditorError('stateUnusable', `${file} is not JSON: ${messageOf(error)}`);
    }
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
