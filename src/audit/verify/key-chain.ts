import type { SealedEvent } from '../event.js';
import type { Seal } from '../records.js';

/** Which key user keys are hashed with in which file: it changes only with an event that says so. */
export class KeyChain {
  readonly #changes = new Set<string>();
  #before: { readonly fileNo: number; readonly keyId: string } | undefined;

  /** Notes what a file says of changes, whether of the key of this file or of the next. */
  file(events: readonly (SealedEvent | undefined)[]): void {
    for (const event of events) {
      if (event?.event_name !== 'audit.key_rotated') continue;
      const { old_key_id: old, new_key_id: next } = event.event_data;
      this.#changes.add(`${old} ${next}`);
    }
  }

  /** @param event the first of the file. @returns what is wrong */
  opened(event: SealedEvent, fileNo: number, seal: Seal | undefined): string | undefined {
    const { key_id: keyId } = event.event_data;
    if (typeof keyId !== 'string') return undefined;
    const before = this.#before;
    this.#before = { fileNo, keyId };
    if (seal !== undefined && seal.key_id !== keyId) {
      return `opened with key ${keyId}, the seal names ${seal.key_id}`;
    }
    const follows = before?.fileNo === fileNo - 1 && before.keyId !== keyId;
    if (!follows || this.#changes.has(`${before.keyId} ${keyId}`)) return undefined;
    return `opened with key ${keyId} after ${before.keyId}, and no event tells of the change`;
  }
}
