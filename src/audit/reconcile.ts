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

/** Milliseconds after which a call that has left no event is taken for dead. */
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

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** Committed transactions without event get one, unless no write leaves events. */
  async start(
    found: Recovered,
    checkpoint: Checkpoint | undefined,
    hasHistory: boolean,
  ): Promise<void> {
    const { clock, databases, sealDatabase, watermarks, writesAreLeftOut } = this.#options;
    const now = clock.now();
    for (const [name, upTo] of Object.entries(checkpoint?.watermarks ?? {})) {
      if (found.deleted.has(name)) continue;
      watermarks.set(name, upTo, now);
      for (const id of checkpoint?.above?.[name] ?? []) watermarks.add(name, id, now);
    }
    for (const [name, ids] of found.txs) for (const id of ids) watermarks.add(name, id, now);
    for (const { name, loaded, numTransactions } of databases.list()) {
      if (!loaded || name === sealDatabase) continue;
      if (!hasHistory || writesAreLeftOut()) watermarks.set(name, numTransactions, now);
      else if (!found.clean) await this.#recover(name);
    }
  }

  async #recover(name: string): Promise<void> {
    const { databases, watermarks, log } = this.#options;
    try {
      const database = await databases.open(name);
      using _held = database.retain();
      const ranges = watermarks.missing(name, database.state().txId);
      for (const data of missingTxs(database, ranges)) await this.#say(name, data);
    } catch (error) {
      const reason = messageOf(error);
      const message = 'transactions could not be compared with the audit stream';
      log.warn(message, { database: name, reason });
    }
  }

  async #say(database: string, data: EventData): Promise<void> {
    const { watermarks, clock, say } = this.#options;
    const { tx_id: from, to_tx: to } = data;
    await say('tx.recovered', { ...data, db: database }, `db:${database}`);
    const last = typeof to === 'number' ? to : Number(from);
    for (let id = Number(from); id <= last; id++) watermarks.add(database, id, clock.now());
  }

  /** Gaps that calls left which died after their commit. */
  async settle(): Promise<void> {
    const { clock, databases, watermarks, writesAreLeftOut } = this.#options;
    if (writesAreLeftOut()) {
      for (const { name, loaded, numTransactions } of databases.list()) {
        if (loaded) watermarks.set(name, numTransactions, clock.now());
      }
      return;
    }
    for (const { database: name, from, to } of watermarks.overdue(clock.now(), OVERDUE_MS)) {
      const database = await databases.open(name);
      using _held = database.retain();
      for (const data of missingTxs(database, [{ from, to }])) await this.#say(name, data);
    }
  }
}
