import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import type { Database, Databases } from '../database/index.js';
import { alhOf } from '../proofs/index.js';
import type { EventData } from './event.js';
import type { Checkpoint } from './records.js';
import type { Recovered } from './recovery.js';
import type { Watermarks } from './watermarks.js';

/** More of them at once become one line. */
const SINGLE_EVENTS_MAX = 1000;

/** Data of `tx.recovered` for transactions that have no event. */
function* missingTxs(
  database: Database,
  ranges: readonly { readonly from: number; readonly to: number }[],
): Generator<EventData> {
  for (const { from, to } of ranges) {
    const count = to - from + 1;
    if (count > SINGLE_EVENTS_MAX) {
      yield { ...dataOf(database, to), count, to_tx: to, tx_id: from };
      continue;
    }
    for (let id = from; id <= to; id++) yield dataOf(database, id);
  }
}

function dataOf(database: Database, txId: number): EventData {
  const { header } = database.txById({ tx: txId, sinceTx: 0, keepReferencesUnresolved: true });
  return { alh: alhOf(header).toString('hex'), ts: header.ts, tx_id: txId };
}

/** Milliseconds after which a call that has left no event is taken for dead; found at the latest after twice that. */
const OVERDUE_MS = 60_000;

export interface ReconcilerOptions {
  readonly databases: Databases;
  /** Its transactions are those of the server. */
  readonly sealDatabase: string;
  readonly watermarks: Watermarks;
  readonly clock: Clock;
  readonly log: Log;
  writesAreLeftOut(): boolean;
  say(name: string, data: EventData, resource: string): Promise<void>;
}

/** Sees to it that every committed transaction has its event. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** The newest transactions as they were then. */
  #seen: { readonly atMs: number; readonly committed: Map<string, number> } | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Committed transactions without event get one, unless no write leaves events. */
  async start(
    found: Recovered,
    checkpoint: Checkpoint | undefined,
    hasHistory: boolean,
  ): Promise<void> {
    const { databases, sealDatabase, watermarks, writesAreLeftOut } = this.#options;
    for (const [name, upTo] of Object.entries(checkpoint?.watermarks ?? {})) {
      if (found.deleted.has(name)) continue;
      watermarks.set(name, upTo);
      for (const id of checkpoint?.above?.[name] ?? []) watermarks.add(name, id);
    }
    for (const [name, ids] of found.txs) for (const id of ids) watermarks.add(name, id);
    for (const { name, loaded, numTransactions } of databases.list()) {
      if (!loaded || name === sealDatabase) continue;
      if (!hasHistory || writesAreLeftOut()) watermarks.set(name, numTransactions);
      else if (!found.clean) await this.#recover(name);
    }
  }

  async #recover(name: string): Promise<void> {
    const { databases, log } = this.#options;
    try {
      // After a crash the last state that is known of a closed database is not its newest.
      const database = await databases.open(name);
      await this.#recoverUpTo(name, database.state().txId);
    } catch (error) {
      const reason = messageOf(error);
      const message = 'transactions could not be compared with the audit stream';
      log.warn(message, { database: name, reason });
    }
  }

  async #say(database: string, data: EventData): Promise<void> {
    const { watermarks, say } = this.#options;
    const { tx_id: from, to_tx: to } = data;
    await say('tx.recovered', { ...data, db: database }, `db:${database}`);
    const last = typeof to === 'number' ? to : Number(from);
    for (let id = Number(from); id <= last; id++) watermarks.add(database, id);
  }

  /** Gaps that calls left which died after their commit: their transactions were there a while ago. */
  async settle(): Promise<void> {
    const { clock, watermarks, writesAreLeftOut } = this.#options;
    if (writesAreLeftOut()) {
      for (const [name, txId] of this.#committed()) watermarks.set(name, txId);
      return;
    }
    const now = clock.now();
    if (this.#seen !== undefined && now - this.#seen.atMs < OVERDUE_MS) return;
    const committed = this.#committed();
    const seen = this.#seen?.committed ?? [];
    this.#seen = { atMs: now, committed };
    for (const [name, txId] of seen) {
      if (committed.has(name)) await this.#recoverUpTo(name, txId);
    }
  }

  /** All gaps, when no call is under way any more. */
  async settleAll(): Promise<void> {
    if (this.#options.writesAreLeftOut()) return this.settle();
    for (const [name, txId] of this.#committed()) await this.#recoverUpTo(name, txId);
  }

  /** Events that waited for the stream may come now; what has none is looked at later. */
  forgetSeen(): void {
    this.#seen = undefined;
  }

  forgetDatabase(name: string): void {
    this.#options.watermarks.forget(name);
    this.#seen?.committed.delete(name);
  }

  #committed(): Map<string, number> {
    const { databases, sealDatabase } = this.#options;
    const loaded = databases.list().filter((info) => info.loaded && info.name !== sealDatabase);
    return new Map(loaded.map(({ name, numTransactions }) => [name, numTransactions]));
  }

  async #recoverUpTo(name: string, txId: number): Promise<void> {
    const { databases, watermarks } = this.#options;
    const ranges = watermarks.missing(name, txId);
    if (ranges.length === 0) return;
    const database = await databases.open(name);
    using _held = database.retain();
    for (const data of missingTxs(database, ranges)) await this.#say(name, data);
  }
}
