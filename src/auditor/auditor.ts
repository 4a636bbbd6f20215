import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureDirectory } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import { type DirectoryLock, lockDirectory } from '../base/lock-file.js';
import type { Alarm } from './alarm.js';
import { Evidence } from './evidence.js';
import { Figures } from './figures.js';
import { Notifier } from './notifier.js';
import type { AuditorOptions } from './options.js';
import { type CycleResult, ServerAuditor } from './server-auditor.js';
import { AuditStateStore } from './state-store.js';

/** Before a server that failed is tried again, unless the next cycle is sooner. */
const RETRY_MS_MIN = 1000;

/** Audits servers, one beside the other, on and on. */
export class Auditor implements AsyncDisposable {
  readonly figures: Figures;
  readonly #options: AuditorOptions;
  readonly #servers: readonly ServerAuditor[];
  readonly #store: AuditStateStore;
  readonly #notifier: Notifier | undefined;
  readonly #lock: DirectoryLock;
  #number = 0;

  private constructor(
    options: AuditorOptions,
    lock: DirectoryLock,
    notifier: Notifier | undefined,
  ) {
    const { folder, clock, servers, seriesPrefix } = options;
    this.#options = options;
    this.#lock = lock;
    this.#notifier = notifier;
    this.#store = new AuditStateStore(folder, clock);
    const addresses = servers.map(({ host, port }) => `${host}:${port}`);
    const pending = () => notifier?.pending ?? 0;
    this.figures = new Figures(seriesPrefix, addresses, () => clock.now(), pending);
    const shared = {
      options,
      store: this.#store,
      figures: this.figures,
      notifier,
      evidence: new Evidence(folder),
      nextNumber: () => ++this.#number,
    };
    this.#servers = servers.map((server) => new ServerAuditor(server, shared));
  }

  /**
   * Takes the folder for itself: two auditors that write the same states would contradict each other.
   * @throws LockError, SigningKeyError
   */
  static async open(options: AuditorOptions): Promise<Auditor> {
    const { folder, notification, log } = options;
    await ensureDirectory(folder);
    const lock = await lockDirectory(folder, { name: 'auditor.lock' });
    try {
      const waiting = path.join(folder, 'notifications');
      const notifier =
        notification === undefined
          ? undefined
          : await Notifier.open({ ...notification, folder: waiting, log });
      return new Auditor(options, lock, notifier);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Whether every server answers, and takes the login if there is one. One that was audited before may be
   * down now: that is for the cycles to tell.
   * @throws what the calls throw
   */
  async checkServers(signal: AbortSignal): Promise<void> {
    for (const { session } of this.#servers) {
      const isKnown = (await this.#store.pinned(session.address)) !== undefined;
      try {
        await session.reach(signal);
      } catch (error) {
        if (!isKnown) throw error;
        this.#options.log('ERROR', messageOf(error));
        continue;
      }
      if (this.#options.username !== '') await session.loggedIn(signal);
    }
  }

  /** One look at everything. */
  async cycle(signal: AbortSignal): Promise<CycleResult> {
    const results = await Promise.all(this.#servers.map((server) => server.cycle(signal)));
    return {
      alarms: results.flatMap(({ alarms }): readonly Alarm[] => alarms),
      failures: results.reduce((sum, { failures }) => sum + failures, 0),
    };
  }

  /** Until it is told to stop. One server that hangs holds up no other. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#servers.map((server) => this.#runServer(server, signal)));
  }

  async #runServer(server: ServerAuditor, signal: AbortSignal): Promise<void> {
    const { intervalMs, log } = this.#options;
    let failed = 0;
    while (!signal.aborted) {
      const begin = performance.now();
      try {
        const { failures } = await server.cycle(signal);
        failed = failures === 0 ? 0 : failed + 1;
      } catch (error) {
        if (signal.aborted) return;
        failed++;
        log('ERROR', `a cycle broke off: ${messageOf(error)}`);
      }
      const retryMs = failed === 0 ? intervalMs : RETRY_MS_MIN * 2 ** (failed - 1);
      const left = Math.max(0, Math.min(intervalMs, retryMs) - (performance.now() - begin));
      await delay(left, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Why a server does not answer now; undefined when all do. */
  async health(): Promise<string | undefined> {
    for (const { session } of this.#servers) {
      try {
        const { status } = await session.client.call('Health', {}, { deadlineMs: 5000 });
        if (!status) return 'unhealthy';
      } catch (error) {
        return messageOf(error);
      }
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#servers.map(({ session }) => session.close()));
    await this.#notifier?.close();
    await this.#lock[Symbol.asyncDispose]();
  }
}
