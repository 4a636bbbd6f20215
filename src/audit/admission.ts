import { AuditError } from './errors.js';
import type { AuditEvent } from './event.js';
import type { FailurePolicy } from './options.js';
import { EVENT_NOT_WRITTEN, type Outage } from './outage.js';
import type { SpaceWatch } from './space-watch.js';
import type { StreamWriter } from './writer.js';

export interface AdmissionOptions {
  readonly writer: StreamWriter;
  readonly outage: Outage;
  readonly spaceWatch: SpaceWatch;
  readonly onFailure: FailurePolicy;
  readonly queueBytesMax: number;
  readonly blockTimeoutMs: number;
  /** Whether a sink that answers wait for takes no lines. */
  requiredSinkFails(): boolean;
}

/** What the stream lets through: calls before they begin, and events while it cannot be written. */
export class Admission {
  readonly #options: AdmissionOptions;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Called before a call does anything.
   * @returns undefined when it may go on at once
   * @throws AuditError suspended, spaceLow
   */
  admit(readOnly: boolean, writesData: boolean): Promise<void> | undefined {
    const { writer, outage, spaceWatch, queueBytesMax, requiredSinkFails } = this.#options;
    if (writer.suspendedBy !== undefined && !this.#serves(readOnly)) {
      outage.refused++;
      throw new AuditError('suspended', 'the audit stream cannot be written (--audit-on-failure)');
    }
    if (requiredSinkFails()) {
      throw new AuditError('suspended', 'the required audit sink takes no events');
    }
    if (spaceWatch.stage === 2 && writesData) {
      throw new AuditError(
        'spaceLow',
        'the disk of the audit stream is nearly full, writes are refused (--audit-space-critical)',
      );
    }
    return writer.queuedBytes < queueBytesMax ? undefined : writer.room(queueBytesMax);
  }

  /** Whether calls go on without their events. */
  #serves(readOnly: boolean): boolean {
    const { onFailure } = this.#options;
    return onFailure === 'ignore' || (onFailure === 'read_only' && readOnly);
  }

  /**
   * An event that comes while the stream cannot be written.
   * @param append puts it in memory, to be written when that is possible
   * @throws AuditError suspended
   */
  writeLater(event: AuditEvent, append: () => Promise<number>): Promise<number> | undefined {
    const { writer, outage, queueBytesMax, blockTimeoutMs } = this.#options;
    if (this.#serves(event.read_only)) return outage.drop();
    // What did nothing can be asked for again; what was done must be told of.
    const didNothing = event.event_data.outcome !== 'success';
    if (didNothing || writer.queuedBytes > queueBytesMax) {
      outage.refused++;
      throw new AuditError('suspended', EVENT_NOT_WRITTEN);
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new AuditError('suspended', EVENT_NOT_WRITTEN)),
        blockTimeoutMs,
      );
      append()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
  }
}
