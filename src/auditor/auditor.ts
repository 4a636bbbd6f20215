import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureDirectory } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import { type DirectoryLock, lockDirectory } from '../base/lock-file.js';
import type { Alarm } from './alarm.js';
import { AuditorError } from './errors.js';
import { Figures } from './figures.js';
import { Notifier } from './notifier.js';
import type { AuditorOptions } from './options.js';
import { ServerAuditor } from './server-auditor.js';
import { AuditStateStore } from './state-store.js';
import { durationText } from './text.js';

/** Audits servers, one beside the other, on and on. */
export class Auditor implements AsyncDisposable {
  readonly figures: Figures;
  readonly #options: AuditorOptions;
  readonly #servers: readonly ServerAuditor[];
  readonly #notifier: Notifier | undefined;
  readonly #lock: DirectoryLock;
  #number = 0;

  private constructor(options: AuditorOptions, figuresPrefix: string, lock: DirectoryLock) {
    const { folder, clock, notification, log } = options;
    this.#options = options;
    this.#lock = lock;
    const addresses = options.servers.map(({ host, port }) => `${host}:${port}`);
    this.figures = new Figures(figuresPrefix, addresses, () => clock.now());
    const waiting = path.join(folder, 'notifications');
    this.#notifier =
      notification === undefined
        ? undefined
        : new Notifier({ ...notification, folder: waiting, log });
    this.figures.pendingNotifications = () => this.#notifier?.pending ?? 0;
    const shared = {
      options,
      store: new AuditStateStore(folder, clock),
      figures: this.figures,
      notifier: this.#notifier,
      nextNumber: () => ++this.#number,
    };
    this.#servers = options.servers.map((server) => new ServerAuditor(server, shared));
  }

  /**
   * Takes the folder for itself: two auditors that write the same states would contradict each other.
   * @param figuresPrefix of the series of the original
   * @throws LockError
   */
  static async open(options: AuditorOptions, figuresPrefix = 'immuclient'): Promise<Auditor> {
    await ensureDirectory(options.folder);
    const lock = await lockDirectory(options.folder, { name: 'auditor.lock' });
    return new Auditor(options, figuresPrefix, lock);
  }

  /**
   * Whether every server answers, and takes the login if there is one: what is wrong from the beginning is said
   * at once, and not in a log alone.
   * @throws AuditorError startFailed
   */
  async checkServers(signal: AbortSignal): Promise<void> {
    for (const { session } of this.#servers) {
      await session.connected(signal).catch((error: unknown) => {
        throw startFailed('Initialization failed', error);
      });
      if (this.#options.username === '') continue;
      await session.loggedIn(signal).catch((error: unknown) => {
        throw startFailed('Invalid login operation', error);
      });
    }
  }

  /** One look at everything. */
  async cycle(
    signal: AbortSignal,
  ): Promise<{ readonly alarms: readonly Alarm[]; readonly failures: number }> {
    const results = await Promise.all(this.#servers.map((server) => server.cycle(signal)));
    this.figures.cycle();
    return {
      alarms: results.flatMap(({ alarms }) => alarms),
      failures: results.reduce((sum, { failures }) => sum + failures, 0),
    };
  }

  /** Until it is told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    const { intervalMs, log } = this.#options;
    log('INFO', `starting auditor with a ${durationText(intervalMs)} interval ...`);
    while (!signal.aborted) {
      const begin = performance.now();
      try {
        await this.cycle(signal);
      } catch (error) {
        if (signal.aborted) break;
        log('ERROR', `a cycle broke off: ${messageOf(error)}`);
      }
      const left = Math.max(0, intervalMs - (performance.now() - begin));
      await delay(left, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Why a server does not answer now; undefined when all do. */
  async health(): Promise<string | undefined> {
    for (const { session } of this.#servers) {
      try {
        const client = await session.connected(AbortSignal.timeout(5000));
        const { status } = await client.call('Health', {}, { deadlineMs: 5000 });
        if (!status) return 'unhealthy';
      } catch (error) {
        return messageOf(error);
      }
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.#servers) await session.close();
    await this.#notifier?.close();
    await this.#lock[Symbol.asyncDispose]();
  }
}

function startFailed(what: string, cause: unknown): AuditorError {
  return new AuditorError('startFailed', `${what}: ${messageOf(cause)}`, { cause });
}
