import { type Counter, Registry, type Sample } from '../base/metrics.js';
import { ALARM_KINDS, type AlarmKind } from './alarm.js';
import type { SeriesPrefix } from './options.js';

/** 1 consistent, 0 an alarm, -1 nothing to compare yet, -2 it could not be looked at. */
export type Result = 1 | 0 | -1 | -2;

export const NOTHING_YET = -1;
export const FAILED = -2;

/** One database, as it was when it was looked at last. */
export interface Figure {
  readonly serverId: string;
  readonly address: string;
  /** Empty for the server itself. */
  readonly database: string;
  readonly result: Result;
  readonly previousTx: number;
  readonly currentTx: number;
  readonly previousHash: string;
  readonly currentHash: string;
  /** Unix milliseconds. */
  readonly runAt: number;
}

/** What the metrics page tells: the series of the original, and one of each database. */
export class Figures {
  readonly registry = new Registry();
  /** Of each server, the one looked at last: the original has no label for the database. */
  readonly #last = new Map<string, Figure>();
  readonly #databases = new Map<string, Figure>();
  readonly #alarms = new Map<AlarmKind, number>();
  /** By address and database: checks in a row that could not be made. */
  readonly #missed = new Map<
    string,
    { readonly address: string; readonly database: string; count: number }
  >();
  readonly #transactions: Counter;
  readonly #cycles: Counter;
  #lastAudit: Figure | undefined;

  /** @param pending notifications that wait for their acknowledgement */
  constructor(
    prefix: SeriesPrefix,
    addresses: readonly string[],
    now: () => number,
    pending: () => number,
  ) {
    const startedAt = now();
    for (const address of addresses) this.#last.set(address, unseen(address, startedAt));
    this.#original(prefix);
    this.#own(pending);
    const { registry } = this;
    this.#cycles = registry.counter('stele_auditor_cycles_total', 'Cycles of servers that ended.');
    this.#transactions = registry.counter(
      'stele_auditor_sampled_transactions_total',
      'Transactions whose values were held against their digests.',
    );
    if (prefix === 'immugw') {
      registry.collected('immugw_uptime_hours', 'counter', 'Server uptime in hours.', () => {
        return (now() - startedAt) / 3_600_000;
      });
    }
  }

  /** The check that ended last. */
  get lastAudit(): Figure | undefined {
    return this.#lastAudit;
  }

  note(figure: Figure): void {
    this.#lastAudit = figure;
    this.#last.set(figure.address, figure);
    if (figure.database === '') return;
    this.#databases.set(keyOf(figure.address, figure.database), figure);
  }

  alarm(kind: AlarmKind): void {
    this.#alarms.set(kind, (this.#alarms.get(kind) ?? 0) + 1);
  }

  missed(address: string, database: string, count: number): void {
    this.#missed.set(keyOf(address, database), { address, database, count });
  }

  cycle(): void {
    this.#cycles.add();
  }

  sampled(transactions: number): void {
    this.#transactions.add(transactions);
  }

  #original(prefix: SeriesPrefix): void {
    const family = (name: string, help: string, value: (figure: Figure) => number) => {
      const samples = () => samplesOf(this.#last.values(), value, false);
      this.registry.collected(`${prefix}_audit_${name}_per_server`, 'gauge', help, samples);
    };
    family('curr_root', 'Current root index used for the latest audit.', (f) => f.currentTx);
    family('prev_root', 'Previous root index used for the latest audit.', (f) => f.previousTx);
    family('result', 'Latest audit result (1 = ok, 0 = tampered).', (f) => f.result);
    family('run_at', 'Timestamp in unix seconds at which latest audit run.', (f) => f.runAt / 1000);
  }

  #own(pending: () => number): void {
    const { registry } = this;
    const family = (name: string, help: string, value: (figure: Figure) => number) => {
      const samples = () => samplesOf(this.#databases.values(), value, true);
      registry.collected(`stele_auditor_${name}`, 'gauge', help, samples);
    };
    family('result', '1 consistent, 0 alarm, -1 nothing yet, -2 not looked at.', (f) => f.result);
    family('verified_tx', 'Transaction of the verified state.', (f) =>
      f.result === 1 || f.previousTx < 0 ? f.currentTx : f.previousTx,
    );
    family('run_at_seconds', 'When it was looked at last, in Unix seconds.', (f) => f.runAt / 1000);
    const missed = 'Checks in a row that could not be made; of the server itself without database.';
    registry.collected('stele_auditor_missed_checks', 'gauge', missed, () =>
      [...this.#missed.values()].map(({ address, database, count }) => ({
        labels: { server_address: address, ...(database === '' ? {} : { database }) },
        value: count,
      })),
    );
    registry.collected('stele_auditor_alarms_total', 'counter', 'Alarms by kind.', () =>
      (Object.keys(ALARM_KINDS) as AlarmKind[]).map((kind) => ({
        labels: { kind },
        value: this.#alarms.get(kind) ?? 0,
      })),
    );
    const waiting = 'Notifications that wait for their acknowledgement.';
    registry.collected('stele_auditor_pending_notifications', 'gauge', waiting, pending);
  }
}

function keyOf(address: string, database: string): string {
  return `${address}\n${database}`;
}

function samplesOf(
  figures: Iterable<Figure>,
  value: (figure: Figure) => number,
  withDatabase: boolean,
): Sample[] {
  return [...figures].map((figure) => ({
    labels: {
      ...(withDatabase ? { database: figure.database } : {}),
      server_address: figure.address,
      server_id: figure.serverId,
    },
    value: value(figure),
  }));
}

function unseen(address: string, now: number): Figure {
  return {
    serverId: '',
    address,
    database: '',
    result: NOTHING_YET,
    previousTx: NOTHING_YET,
    currentTx: NOTHING_YET,
    previousHash: '',
    currentHash: '',
    runAt: now,
  };
}
