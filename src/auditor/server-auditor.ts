import { messageOf } from '../base/errors.js';
import { ClientError } from '../client/index.js';
import { type Alarm, alarmOf } from './alarm.js';
import { examine, type Outcome } from './examination.js';
import type { AuditedServer } from './options.js';
import { type Desk, Reporter } from './reporter.js';
import { AuditSession } from './session.js';
import type { AuditStateStore } from './state-store.js';
import { durationText, startedText } from './text.js';

/** What all servers of an auditor share. */
export interface Shared extends Desk {
  readonly store: AuditStateStore;
  /** Number of the next check. */
  nextNumber(): number;
}

/** How a cycle ended for one server. */
export interface CycleResult {
  readonly alarms: readonly Alarm[];
  /** Checks that could not be made. */
  readonly failures: number;
}

interface Check {
  readonly number: number;
  /** `performance.now()` at its begin. */
  readonly at: number;
}

/** The checks of a database, or of the server itself, that could not be made since one that could. */
interface Gap {
  count: number;
  /** Unix milliseconds. */
  nextAlarmAt: number;
}

/** Audits one server, cycle after cycle. */
export class ServerAuditor {
  readonly session: AuditSession;
  readonly #shared: Shared;
  readonly #report: Reporter;
  readonly #gaps = new Map<string, Gap>();

  constructor(server: AuditedServer, shared: Shared) {
    this.#shared = shared;
    this.session = new AuditSession(server, shared.options, shared.store);
    this.#report = new Reporter(this.session, shared);
  }

  /** Every database once. Throws nothing but an abort. */
  async cycle(signal: AbortSignal): Promise<CycleResult> {
    let failures = 0;
    const first = this.#begin();
    try {
      const databases = await this.#reload(first.number, signal);
      this.#closeGap('');
      for (const [i, database] of databases.entries()) {
        const check = i === 0 ? first : this.#begin();
        if (!(await this.#check(check, database, signal))) failures++;
      }
    } catch (error) {
      signal.throwIfAborted();
      failures++;
      await this.#serverFailed(first.number, error);
    }
    this.#shared.figures.cycle();
    return { alarms: this.#report.takeAlarms(), failures };
  }

  #begin(): Check {
    const number = this.#shared.nextNumber();
    const date = new Date(this.#shared.options.clock.now());
    this.#report.say('INFO', number, `started @ ${startedText(date, performance.now())}`);
    return { number, at: performance.now() };
  }

  /** The databases to look at; none where another server answers. */
  async #reload(number: number, signal: AbortSignal): Promise<readonly string[]> {
    const { store, options } = this.#shared;
    await this.session.reach(signal);
    if (await this.#isOtherServer(number)) return [];
    const all = await this.session.databases(signal);
    const isChosen = (name: string) =>
      options.databases.length === 0 || options.databases.some((prefix) => name.startsWith(prefix));
    const known = await store.databases(this.session.trustId);
    for (const database of known.filter((name) => isChosen(name) && !all.includes(name))) {
      await this.#gone(number, database);
    }
    const found = all.filter(isChosen);
    if (found.length === 0) {
      throw new Error(
        `audit #${number} aborted: no databases to audit found after (re)loading the list of databases`,
      );
    }
    this.#report.say(
      'INFO',
      number,
      `- list of databases to audit has been (re)loaded - ${found.length} database(s) found: [${found.join(' ')}]`,
    );
    return found;
  }

  /** One that is not the one of before need not have any of the databases. */
  async #isOtherServer(number: number): Promise<boolean> {
    const { store } = this.#shared;
    const { address, trustId } = this.session;
    const pinned = await store.pinned(address);
    if (pinned === undefined || pinned === trustId) return false;
    const alarm: Alarm = {
      kind: 'otherServer',
      reason: `another server answers at ${address}`,
      expected: `server ${pinned}`,
      found: `server ${trustId}`,
    };
    const databases = await store.databases(pinned);
    for (const database of databases.length === 0 ? [''] : databases) {
      const previous = await store.kept({ server: pinned, database }).catch(() => undefined);
      await this.#report.alarm(number, database, { alarm, previous });
    }
    return true;
  }

  async #gone(number: number, database: string): Promise<void> {
    const scope = { server: this.session.trustId, database };
    const previous = await this.#shared.store.kept(scope).catch(() => undefined);
    const alarm: Alarm = {
      kind: 'emptied',
      reason: 'a database that was verified is not there any more, or not for this user',
      expected: `database ${database}`,
      found: 'none of that name',
    };
    await this.#report.alarm(number, database, { alarm, previous });
  }

  /** @returns false when it could not be made @throws when the server does not answer */
  async #check({ number, at }: Check, database: string, signal: AbortSignal): Promise<boolean> {
    this.#report.say('INFO', number, `- auditing database ${database}`);
    const outcome = await this.#examine(database, signal);
    signal.throwIfAborted();
    if (outcome.kind === 'failed') {
      const { error } = outcome;
      if (isSilence(error)) throw error;
      this.#report.failed(database, error);
      await this.#openGap(database, error);
      return false;
    }
    this.#closeGap(database);
    if (!(await this.#report.conclude(number, database, outcome))) return true;
    const end = new Date(this.#shared.options.clock.now()).toISOString();
    this.#report.say(
      'INFO',
      number,
      `finished in ${durationText(performance.now() - at)} @ ${end}`,
    );
    return true;
  }

  async #examine(database: string, signal: AbortSignal): Promise<Outcome> {
    const { store, options, figures } = this.#shared;
    const { serverKey, sampleSize } = options;
    const { client, trustId: server } = this.session;
    const scope = { server, database };
    const sampled = (count: number) => figures.sampled(count);
    try {
      return await this.session.inDatabase(database, signal, async () => {
        const hasKey = serverKey !== undefined;
        const outcome = await examine({
          client,
          store,
          scope,
          hasKey,
          sampleSize,
          sampled,
          signal,
        });
        // The session logs in anew and does it again.
        if (outcome.kind === 'failed') throw outcome.error;
        return outcome;
      });
    } catch (error) {
      const alarm = alarmOf(error);
      if (alarm === undefined) return { kind: 'failed', error };
      const previous = await store.kept(scope).catch(() => undefined);
      return { kind: 'alarm', alarm, previous, current: undefined };
    }
  }

  /** Nothing is known of the server, which is no alarm at first and one when it goes on. */
  async #serverFailed(number: number, error: unknown): Promise<void> {
    const alarm = alarmOf(error);
    if (alarm !== undefined) return this.#report.alarm(number, '', { alarm });
    this.#report.failed('', error);
    await this.#openGap('', error);
  }

  /** However often it is tried in between, what counts is the time without a check. */
  async #openGap(database: string, error: unknown): Promise<void> {
    const { intervalMs, outageCycles, clock } = this.#shared.options;
    const now = clock.now();
    const gap = this.#gaps.get(database) ?? {
      count: 0,
      nextAlarmAt: now + (outageCycles - 1) * intervalMs,
    };
    gap.count++;
    this.#gaps.set(database, gap);
    this.#report.missed(database, gap.count);
    if (now < gap.nextAlarmAt) return;
    gap.nextAlarmAt = now + outageCycles * intervalMs;
    await this.#report.outage(database, {
      kind: 'outage',
      reason: `nothing could be audited, ${gap.count} times in a row`,
      expected: 'answers',
      found: messageOf(error),
    });
  }

  #closeGap(database: string): void {
    if (this.#gaps.delete(database)) this.#report.missed(database, 0);
  }
}

/** Nobody answers, so that the other databases need not be asked for. */
function isSilence(error: unknown): boolean {
  return (
    error instanceof ClientError &&
    (error.code === 'unreachable' || error.code === 'deadlineExceeded' || error.code === 'closed')
  );
}
