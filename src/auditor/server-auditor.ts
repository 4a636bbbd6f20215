import { messageOf } from '../base/errors.js';
import type { SignedState } from '../client/index.js';
import type { Alarm } from './alarm.js';
import { examine, type Outcome } from './examination.js';
import { FAILED, type Figures, NOTHING_YET, type Result } from './figures.js';
import type { Notifier } from './notifier.js';
import type { AuditedServer, AuditLevel, AuditorOptions } from './options.js';
import { AuditSession } from './session.js';
import type { AuditStateStore } from './state-store.js';
import { durationText, hex, resultText, startedText } from './text.js';

/** What all servers of an auditor share. */
export interface Shared {
  readonly options: AuditorOptions;
  readonly store: AuditStateStore;
  readonly figures: Figures;
  readonly notifier: Notifier | undefined;
  /** Number of the next check. */
  nextNumber(): number;
}

/** How a cycle ended for one server. */
export interface CycleResult {
  readonly alarms: readonly Alarm[];
  /** Checks that could not be made. */
  readonly failures: number;
}

interface Report {
  readonly database: string;
  readonly alarm?: Alarm;
  readonly previous?: SignedState | undefined;
  readonly current?: SignedState | undefined;
}

/** Audits one server, cycle after cycle. */
export class ServerAuditor {
  readonly session: AuditSession;
  readonly #shared: Shared;
  /** Cycles in a row in which a database, or the server itself (''), could not be looked at. */
  readonly #missed = new Map<string, number>();

  constructor(server: AuditedServer, shared: Shared) {
    this.#shared = shared;
    this.session = new AuditSession(server, shared.options, shared.store);
  }

  /** Every database once. Throws nothing but an abort. */
  async cycle(signal: AbortSignal): Promise<CycleResult> {
    const alarms: Alarm[] = [];
    let failures = 0;
    const first = this.#begin();
    let databases: string[];
    try {
      databases = await this.#reload(first.number, signal, alarms);
    } catch (error) {
      signal.throwIfAborted();
      await this.#failed('', error, alarms);
      return { alarms, failures: 1 };
    }
    this.#missed.delete('');
    for (const [i, database] of databases.entries()) {
      const check = i === 0 ? first : this.#begin();
      this.#say('INFO', check.number, `- auditing database ${database}`);
      if (!(await this.#check(check, database, signal, alarms))) failures++;
    }
    return { alarms, failures };
  }

  #begin(): { readonly number: number; readonly at: number } {
    const { options } = this.#shared;
    const number = this.#shared.nextNumber();
    const date = new Date(options.clock.now());
    this.#say('INFO', number, `started @ ${startedText(date, performance.now())}`);
    return { number, at: performance.now() };
  }

  /** The databases to look at. */
  async #reload(number: number, signal: AbortSignal, alarms: Alarm[]): Promise<string[]> {
    const { store, options } = this.#shared;
    if (await this.#isAnother(number, signal, alarms)) return [];
    const all = await this.session.databases(signal);
    const isChosen = (name: string) =>
      options.databases.length === 0 || options.databases.some((prefix) => name.startsWith(prefix));
    const found = all.filter(isChosen);
    const known = (await store.databases(this.session.serverId)).filter(isChosen);
    for (const database of known.filter((name) => !all.includes(name))) {
      const scope = { server: this.session.serverId, database };
      const previous = await store.kept(scope).catch(() => undefined);
      const alarm: Alarm = {
        kind: 'emptied',
        reason: 'a database that was verified is not there any more',
        expected: `database ${database}`,
        found: 'none of that name',
      };
      await this.#alarm(number, { database, alarm, previous }, alarms);
    }
    if (found.length === 0) {
      throw new Error(
        `audit #${number} aborted: no databases to audit found after (re)loading the list of databases`,
      );
    }
    this.#say(
      'INFO',
      number,
      `- list of databases to audit has been (re)loaded - ${found.length} database(s) found: [${found.join(' ')}]`,
    );
    return found;
  }

  /** A server that is not the one of before need not have any of the databases. */
  async #isAnother(number: number, signal: AbortSignal, alarms: Alarm[]): Promise<boolean> {
    const { store } = this.#shared;
    await this.session.connected(signal);
    const { serverId, address } = this.session;
    const pinned = await store.pinned(address);
    if (pinned === undefined || pinned === serverId) return false;
    const alarm: Alarm = {
      kind: 'otherServer',
      reason: `another server answers at ${address}`,
      expected: `server ${pinned}`,
      found: `server ${serverId}`,
    };
    const known = await store.databases(pinned);
    for (const database of known.length > 0 ? known : ['']) {
      const previous = await store.kept({ server: pinned, database }).catch(() => undefined);
      await this.#alarm(number, { database, alarm, previous }, alarms);
    }
    return true;
  }

  /** @returns false when it could not be made */
  async #check(
    { number, at }: { readonly number: number; readonly at: number },
    database: string,
    signal: AbortSignal,
    alarms: Alarm[],
  ): Promise<boolean> {
    const outcome = await this.#examine(database, signal);
    signal.throwIfAborted();
    if (outcome.kind === 'failed') {
      await this.#failed(database, outcome.error, alarms);
      return false;
    }
    this.#missed.delete(database);
    await this.#conclude(number, database, outcome, alarms);
    const end = new Date(this.#shared.options.clock.now()).toISOString();
    this.#say('INFO', number, `finished in ${durationText(performance.now() - at)} @ ${end}`);
    return true;
  }

  async #examine(database: string, signal: AbortSignal): Promise<Outcome> {
    const { store, options } = this.#shared;
    try {
      const client = await this.session.select(database, signal);
      const scope = { server: this.session.serverId, database };
      const sampleSize = options.verifyValues ? options.sampleSize : 0;
      return await examine({ client, store, scope, sampleSize, signal });
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  async #conclude(
    number: number,
    database: string,
    outcome: Exclude<Outcome, { kind: 'failed' }>,
    alarms: Alarm[],
  ): Promise<void> {
    const { serverId, address } = this.session;
    switch (outcome.kind) {
      case 'empty':
        this.#say(
          'WARNING',
          number,
          `canceled: database is empty on server ${serverId} @ ${address}`,
        );
        this.#note(database, NOTHING_YET, undefined, { txId: 0, txHash: Buffer.alloc(0) });
        return;
      case 'first':
        this.#note(database, NOTHING_YET, undefined, outcome.current);
        return;
      case 'consistent': {
        const { previous, current } = outcome;
        this.#say('INFO', number, resultText(database, true, previous, current));
        this.#note(database, 1, previous, current);
        await this.#tell({ database, previous, current });
        return;
      }
      case 'alarm':
        await this.#alarm(number, { database, ...outcome }, alarms);
    }
  }

  async #alarm(number: number, report: Report & { alarm: Alarm }, alarms: Alarm[]): Promise<void> {
    const { database, alarm, previous, current } = report;
    const { serverId, address } = this.session;
    alarms.push(alarm);
    this.#shared.figures.alarm(alarm.kind);
    this.#note(database, 0, previous, current);
    if (alarm.kind === 'value') {
      this.#say('ERROR', number, `value-integrity check failed for db ${database}: ${alarm.found}`);
    }
    if (previous !== undefined && current !== undefined) {
      this.#say('INFO', number, resultText(database, false, previous, current));
    }
    await this.#tell(report);
    if (previous !== undefined) {
      this.#say(
        'WARNING',
        number,
        `detected possible tampering of db ${database} remote state (at id ${current?.txId ?? 0}) ` +
          `so it will not overwrite the previous local state (at id ${previous.txId})`,
      );
    }
    const { reason, expected, found } = alarm;
    this.#say(
      'ERROR',
      number,
      `ALARM for db ${database} of server ${serverId} @ ${address}: ${reason} (expected ${expected}, found ${found})`,
    );
  }

  /** Nothing is known of the server, which is no alarm at first and one when it goes on. */
  async #failed(database: string, error: unknown, alarms: Alarm[]): Promise<void> {
    const { options, figures } = this.#shared;
    const { username } = options;
    const isLogin = /invalid user name or password|user name and password/.test(messageOf(error));
    const text = isLogin
      ? `error logging in with user ${username}: ${messageOf(error)}`
      : database === ''
        ? messageOf(error)
        : `error auditing database ${database}: ${messageOf(error)}`;
    options.log('ERROR', text);
    if (alarms.length === 0) this.#note(database, FAILED, undefined, undefined);
    await this.session.reset();
    const missed = (this.#missed.get(database) ?? 0) + 1;
    this.#missed.set(database, missed);
    if (missed % options.outageCycles !== 0) return;
    const alarm: Alarm = {
      kind: 'outage',
      reason: `${this.session.address} could not be audited ${missed} times in a row`,
      expected: 'answers',
      found: messageOf(error),
    };
    alarms.push(alarm);
    figures.alarm('outage');
    options.log('ERROR', `ALARM: ${alarm.reason}: ${alarm.found}`);
    await this.#tell({ database, alarm });
  }

  #note(
    database: string,
    result: Result,
    previous: SignedState | undefined,
    current: SignedState | undefined,
  ): void {
    const missing = result === FAILED ? FAILED : NOTHING_YET;
    this.#shared.figures.note({
      serverId: this.session.serverId,
      address: this.session.address,
      database,
      result,
      previousTx: previous?.txId ?? missing,
      currentTx: current?.txId ?? missing,
      previousHash: previous === undefined ? '' : hex(previous),
      currentHash: current === undefined ? '' : hex(current),
      runAt: this.#shared.options.clock.now(),
    });
  }

  async #tell({ database, alarm, previous, current }: Report): Promise<void> {
    const runAt = new Date(this.#shared.options.clock.now());
    const { address: server } = this.session;
    await this.#shared.notifier?.tell({ server, database, runAt, previous, current, alarm });
  }

  #say(level: AuditLevel, number: number, text: string): void {
    this.#shared.options.log(level, `audit #${number} ${text}`);
  }
}
