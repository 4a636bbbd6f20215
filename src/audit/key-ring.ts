import path from 'node:path';
import { LOCKED } from './active-rules.js';
import { type AuditKey, replaceAuditKey } from './audit-key.js';
import { AuditError } from './errors.js';
import type { EventData } from './event.js';

export interface KeyRingOptions {
  readonly key: AuditKey;
  /** Of the live file; the key is beside it. */
  readonly path: string;
  /** True refuses every change. */
  readonly locked: boolean;
  /** Resolves when the event is on disk. */
  say(name: string, data: EventData, more: { readonly user?: string | undefined }): Promise<void>;
  /** Begins a new file: what a file is hashed with stands in its first line. */
  rotate(): Promise<unknown>;
}

/** The key in force, and its change. */
export class KeyRing {
  readonly #options: KeyRingOptions;
  #key: AuditKey;

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.#key = options.key;
  }

  get key(): AuditKey {
    return this.#key;
  }

  /** Another key than that of the newest file was found by the start. */
  async found(old: string | undefined): Promise<void> {
    if (old !== undefined && old !== this.#key.id) await this.#tell(old, 'startup');
  }

  /** @throws AuditError locked, suspended */
  async replace(user: string | undefined): Promise<{ readonly old: string; readonly new: string }> {
    const { locked, path: live } = this.#options;
    if (locked) throw new AuditError('locked', LOCKED);
    const old = this.#key;
    this.#key = await replaceAuditKey(path.dirname(live), old);
    await this.#tell(old.id, 'admin', user);
    return { old: old.id, new: this.#key.id };
  }

  async #tell(old: string, origin: string, user?: string): Promise<void> {
    const { say, rotate } = this.#options;
    const data = { new_key_id: this.#key.id, old_key_id: old, origin };
    await say('audit.key_rotated', data, { user });
    await rotate();
  }
}
