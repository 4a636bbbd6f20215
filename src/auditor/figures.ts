import { Counter, Registry, type Sample } from '../base/metrics.js';
import { ALARM_KINDS, type AlarmKind } from './alarm.js';

/** 1 consistent, 0 an alarm, -1 nothing to compare yet, -2 it could not be looked at. */
export type Result = 1 | 0 | -1 | -2;

export const NOTHING_YET = -1;
export const FAILED = -2;

/** One database, as it was when it was looked at last. */
export interface Figure {
  readonly serverId: string;
  readonly address: string;
  readonly database: string;
  readonly result: Result;
  readonly previousTx: number;
  readonly currentTx: number;
  readonly previousHash: string;
  readonly currentHash: string;
  /** Unix milliseconds. */
  readonly runAt: number;
}

const KIND_NAMES: Readonly<Record<AlarmKind, string>> = {
  rolledBack: 'rolled_back',
  emptied: 'emptied',
  tampered: 'tampered',
  otherServer: 'other_server',
  signature: 'signature',
  value: 'value',
  stateUnusable: 'state_unusable',
  outage: 'outage',
};

/** What the metrics page tells: the series of the original, and one of each database. */
export class Figures {
  readonly registry = new Registry();
  /** Of each server, the one looked at last: the original has no label for the database. */
  readonly #last = new Map<string, Figure>();
  readonly #databases = new Map<string, Figure>();
  readonly #alarms = new Map<AlarmKind, Counter>();
  readonly #cycles: Counter;
  readonly #startedAt: number;
  readonly #now: () => number;
  #pending: () => number = () => 0;

  /** @param prefix `immuclient`, or `immugw` for the auditor of a gateway */
  constructor(prefix: string, addresses: readonly string[], now: () => number) {
    this.#now = now;
    this.#startedAt = now();
    for (const address of addresses) this.#last.set(address, unseen(address, now()));
    this.#original(prefix);
    this.#own();
    for (const kind of ALARM_KINDS) this.#alarms.set(kind, new Counter());
    this.#cycles = this.registry.counter('stele_auditor_cycles_total', 'Cycles that ended.');
    if (prefix === 'immugw') {
      this.registry.collected('immugw_uptime_hours', 'counter', 'Server uptime in hours.', () => {
        return (this.#now() - this.#startedAt) / 3_600_000;
      });
    }
  }

  /** The figure that changed last. */
  lastAudit: Figure | undefined;

  set pendingNotifications(count: () => number) {
    this.#pending = count;
  }

  note(figure: Figure): void {
    this.lastAudit = figure;
    this.#last.set(figure.address, figure);
    if (figure.database !== '')
      this.#databases.set(`${figure.address}\n${figure.database}`, figure);
  }

  alarm(kind: AlarmKind): void {
    this.#alarms.get(kind)?.add();
  }

  cycle(): void {
    this.#cycles.add();
  }

  #original(prefix: string): void {
    const family = (name: string, help: string, value: (figure: Figure) => number) => {
      const samples = () => this.#samples(this.#last, value, false);
      this.registry.collected(`${prefix}_audit_${name}_per_server`, 'gauge', help, samples);
    };
    family('curr_root', 'Current root index used for the latest audit.', (f) => f.currentTx);
    family('prev_root', 'Previous root index used for the latest audit.', (f) => f.previousTx);
    family('result', 'Latest audit result (1 = ok, 0 = tampered).', (f) => f.result);
    family('run_at', 'Timestamp in unix seconds at which latest audit run.', (f) => f.runAt / 1000);
  }

  #own(): void {
    const family = (name: string, help: string, value: (figure: Figure) => number) => {
      const samples = () => this.#samples(this.#databases, value, true);
      this.registry.collected(`stele_auditor_${name}`, 'gauge', help, samples);
    };
    family('result', '1 consistent, 0 alarm, -1 nothing yet, -2 not looked at.', (f) => f.result);
    family('verified_tx', 'Transaction of the verified state.', (f) =>
      f.result === 1 ? f.currentTx : f.previousTx,
    );
    family('run_at_seconds', 'When it was looked at last, in Unix seconds.', (f) => f.runAt / 1000);
    this.registry.collected('stele_auditor_alarms_total', 'counter', 'Alarms by kind.', () =>
      [...this.#alarms].map(([kind, { value }]) => ({ labels: { kind: KIND_NAMES[kind] }, value })),
    );
    const help = 'Notifications of alarms that were not acknowledged yet.';
    this.registry.collected('stele_auditor_pending_notifications', 'gauge', help, () =>
      this.#pending(),
    );
  }

  #samples(
    figures: ReadonlyMap<string, Figure>,
    value: (figure: Figure) => number,
    withDatabase: boolean,
  ): Sample[] {
    return [...figures.values()].map((figure) => ({
      labels: {
        server_address: figure.address,
        server_id: figure.serverId,
        ...(withDatabase ? { database: figure.database } : {}),
      },
      value: value(figure),
    }));
  }
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
