import { messageOf } from '../base/errors.js';
import type { SignedState } from '../client/index.js';
import type { Alarm } from './alarm.js';
import type { Evidence } from './evidence.js';
import type { Outcome } from './examination.js';
import { FAILED, type Figures, NOTHING_YET, type Result } from './figures.js';
import type { Notifier } from './notifier.js';
import type { AuditLevel, AuditorOptions } from './options.js';
import type { AuditSession } from './session.js';
import { hex, resultText } from './text.js';

/** Where all servers of an auditor report to. */
export interface Desk {
  readonly options: AuditorOptions;
  readonly figures: Figures;
  readonly notifier: Notifier | undefined;
  readonly evidence: Evidence;
}

interface Finding {
  readonly alarm: Alarm;
  readonly previous?: SignedState | undefined;
  readonly current?: SignedState | undefined;
}

/** Says what the checks of one server found: in the log, the metrics, to the receiver of notifications. */
export class Reporter {
  readonly #desk: Desk;
  readonly #session: AuditSession;
  /** By database, what its check found before. */
  readonly #told = new Map<string, string>();
  #alarms: Alarm[] = [];

  constructor(session: AuditSession, desk: Desk) {
    this.#desk = desk;
    this.#session = session;
  }

  /** The alarms since the last call. */
  takeAlarms(): readonly Alarm[] {
    const taken = this.#alarms;
    this.#alarms = [];
    return taken;
  }

  say(level: AuditLevel, number: number, text: string): void {
    this.#desk.options.log(level, `audit #${number} ${text}`);
  }

  /** @returns whether the check was finished, in the words of the original */
  async conclude(
    number: number,
    database: string,
    outcome: Exclude<Outcome, { kind: 'failed' }>,
  ): Promise<boolean> {
    if (outcome.kind !== 'alarm') this.#desk.evidence.over(this.#session.address, database);
    switch (outcome.kind) {
      case 'empty':
        this.#empty(number, database);
        return false;
      case 'first':
        this.#first(number, database, outcome.current);
        return true;
      case 'consistent':
        await this.#consistent(number, database, outcome);
        return true;
      case 'alarm':
        await this.alarm(number, database, outcome);
        return true;
    }
  }

  async alarm(number: number, database: string, finding: Finding): Promise<void> {
    const { alarm, previous, current } = finding;
    const { serverId, address } = this.#session;
    this.#count(alarm);
    this.#note(database, 0, previous, current);
    if (alarm.kind === 'value' || alarm.kind === 'damaged') {
      const text = `value-integrity check failed for db ${database}: ${alarm.reason}: ${alarm.found}`;
      this.say('ERROR', number, text);
    }
    if (previous !== undefined && current !== undefined) {
      this.say('INFO', number, resultText(database, false, previous, current));
    }
    await this.#tell(database, finding);
    if (previous !== undefined) {
      const text =
        `detected possible tampering of db ${database} remote state (at id ${current?.txId ?? 0}) ` +
        `so it will not overwrite the previous local state (at id ${previous.txId})`;
      this.say('WARNING', number, text);
    }
    const { kind, reason, expected, found } = alarm;
    const about = database === '' ? '' : `db ${database} of `;
    const text = `ALARM ${kind}: ${about}server ${serverId} @ ${address}: ${reason} (expected ${expected}, found ${found})`;
    this.say('ERROR', number, text);
    await this.#keep(number, database, finding);
  }

  /** A check that could not be made says nothing of the database. */
  failed(database: string, error: unknown): void {
    const { username, log } = this.#desk.options;
    const text = messageOf(error);
    const isLogin = /invalid user name or password|user name and password/.test(text);
    const what = isLogin ? `error logging in with user ${username}: ` : databaseText(database);
    log('ERROR', `${what}${text}`);
    this.#note(database, FAILED, undefined, undefined);
  }

  /** Nothing could be audited for too long. */
  async outage(database: string, alarm: Alarm): Promise<void> {
    this.#count(alarm);
    const about = database === '' ? '' : `db ${database} of `;
    const { serverId, address } = this.#session;
    const text = `ALARM outage: ${about}server ${serverId} @ ${address}: ${alarm.reason}: ${alarm.found}`;
    this.#desk.options.log('ERROR', text);
    await this.#tell(database, { alarm });
    await this.#keep(0, database, { alarm });
  }

  missed(database: string, count: number): void {
    this.#desk.figures.missed(this.#session.address, database, count);
  }

  #empty(number: number, database: string): void {
    const { serverId, address } = this.#session;
    const text = `canceled: database is empty on server ${serverId} @ ${address}`;
    this.say('WARNING', number, text);
    this.#note(database, NOTHING_YET, undefined, { txId: 0, txHash: Buffer.alloc(0) });
  }

  #first(number: number, database: string, current: SignedState): void {
    const text = `- nothing was known of database ${database}: its state at tx ${current.txId} is trusted from now on`;
    this.say('INFO', number, text);
    this.#warnOfKey(current);
    this.#note(database, NOTHING_YET, undefined, current);
  }

  async #consistent(
    number: number,
    database: string,
    states: { readonly previous: SignedState; readonly current: SignedState },
  ): Promise<void> {
    const { previous, current } = states;
    this.#warnOfKey(current);
    this.say('INFO', number, resultText(database, true, previous, current));
    this.#note(database, 1, previous, current);
    await this.#tell(database, states);
  }

  #warnOfKey({ signature }: SignedState): void {
    const { serverKey, log } = this.#desk.options;
    if (signature === undefined || serverKey !== undefined) return;
    const text =
      'server signature will be verified using untrusted public key (embedded in the server state ' +
      'payload) - for better security please configure a public key for the auditor process';
    log('WARNING', text);
  }

  #count(alarm: Alarm): void {
    this.#alarms.push(alarm);
    this.#desk.figures.alarm(alarm.kind);
  }

  #note(
    database: string,
    result: Result,
    previous: SignedState | undefined,
    current: SignedState | undefined,
  ): void {
    const missing = result === FAILED ? FAILED : NOTHING_YET;
    this.#desk.figures.note({
      serverId: this.#session.serverId,
      address: this.#session.address,
      database,
      result,
      previousTx: previous?.txId ?? missing,
      currentTx: current?.txId ?? missing,
      previousHash: previous === undefined ? '' : hex(previous),
      currentHash: current === undefined ? '' : hex(current),
      runAt: this.#desk.options.clock.now(),
    });
  }

  async #tell(database: string, { alarm, previous, current }: Partial<Finding>): Promise<void> {
    const { notifier, options } = this.#desk;
    if (notifier === undefined) return;
    const { about } = options.notification ?? { about: 'every' };
    const found = alarm === undefined ? 'consistent' : JSON.stringify(alarm);
    const before = this.#told.get(database);
    this.#told.set(database, found);
    if (about === 'changes' && before === found) return;
    // An auditor that begins has nothing to say of what is well.
    if (about === 'changes' && before === undefined && alarm === undefined) return;
    const { address: server } = this.#session;
    const runAt = new Date(options.clock.now());
    const lasting = about === 'changes';
    await notifier.tell({ server, database, runAt, previous, current, alarm, lasting });
  }

  async #keep(number: number, database: string, finding: Finding): Promise<void> {
    const { trustId: server, address } = this.#session;
    const { alarm, previous, current } = finding;
    const at = new Date(this.#desk.options.clock.now());
    try {
      await this.#desk.evidence.keep({ server, address, database, alarm, previous, current }, at);
    } catch (error) {
      this.say('ERROR', number, `the alarm could not be written down: ${messageOf(error)}`);
    }
  }
}

function databaseText(database: string): string {
  return database === '' ? '' : `error auditing database ${database}: `;
}
