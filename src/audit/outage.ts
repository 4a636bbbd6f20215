import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { AuditError } from './errors.js';
import type { AuditEvent, EventData } from './event.js';
import type { FailurePolicy } from './options.js';
import type { AuditSpace } from './space.js';

export const EVENT_NOT_WRITTEN = 'the audit event could not be written';

export interface OutageOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly onFailure: FailurePolicy;
  readonly blockTimeoutMs: number;
  readonly space: AuditSpace;
  make(name: string, data: EventData): AuditEvent;
  rejectWaiting(error: AuditError): void;
  onFatal(error: unknown): void;
}

/** The times in which the stream cannot be written: what is done about it, and what is counted. */
export class Outage {
  readonly #options: OutageOptions;
  /** Calls refused since the stream could be written last. */
  refused = 0;
  #dropped = 0;
  #gapFrom: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** Calls served without their event, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** A call is served without its event. */
  drop(): undefined {
    this.#dropped++;
    this.#gapFrom ??= this.#options.clock.now();
  }

  async begin(error: unknown): Promise<void> {
    const { onFailure, blockTimeoutMs, log, space, rejectWaiting, onFatal } = this.#options;
    log.error('the audit stream is suspended', { reason: messageOf(error), policy: onFailure });
    await space.releaseReserve().catch(() => undefined);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      rejectWaiting(new AuditError('suspended', EVENT_NOT_WRITTEN));
    }, blockTimeoutMs);
    if (onFailure === 'shutdown') setImmediate(() => onFatal(error));
  }

  /** Space comes before everything: the next full disk must be able to be reported, too. */
  async mayEnd(): Promise<boolean> {
    return (await this.#options.space.stage()) !== 2 && (await this.makeReserve());
  }

  /** @returns the events that come first when the stream is written again */
  end(): AuditEvent[] {
    const { log, clock, make } = this.#options;
    clearTimeout(this.#timer);
    log.info('the audit stream is written again');
    const counts = { dropped: this.#dropped, refused_rpcs: this.refused };
    const events = [make('audit.resumed', counts)];
    if (this.#gapFrom !== undefined) {
      const to = new Date(clock.now()).toISOString();
      const from = new Date(this.#gapFrom).toISOString();
      const data = { dropped: this.#dropped, from_time: from, reason: 'policy', to_time: to };
      events.push(make('audit.gap', data));
    }
    this.#gapFrom = undefined;
    this.refused = 0;
    return events;
  }

  /** @returns whether the space is there */
  async makeReserve(): Promise<boolean> {
    try {
      await this.#options.space.makeReserve();
      return true;
    } catch (error) {
      const reason = messageOf(error);
      const message = 'no space is kept to report a full disk in the audit stream';
      this.#options.log.warn(message, { reason });
      return false;
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}
