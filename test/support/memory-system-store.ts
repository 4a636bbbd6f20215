import type { SystemRecord, SystemStore, SystemWrite } from '../../src/auth/store.js';

/** A system store without disk. Each put takes a turn of the event loop, so that calls overlap. */
export class MemorySystemStore implements SystemStore {
  readonly #records = new Map<string, SystemRecord>();
  #lastTx = 0;
  /** Runs before the next put looks at versions; a test writes in between here. */
  beforeNextPut: (() => void) | undefined;
  /** The next put fails with it. */
  nextPutError: Error | undefined;
  putCount = 0;

  get(key: string): SystemRecord | undefined {
    return this.#records.get(key);
  }

  async scan(prefix: string): Promise<SystemRecord[]> {
    const found = [...this.#records.values()].filter((record) => record.key.startsWith(prefix));
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async put(writes: readonly SystemWrite[]): Promise<number | undefined> {
    await new Promise(setImmediate);
    const hook = this.beforeNextPut;
    this.beforeNextPut = undefined;
    hook?.();
    const failure = this.nextPutError;
    this.nextPutError = undefined;
    if (failure !== undefined) throw failure;
    if (writes.some((w) => (this.#records.get(w.key)?.tx ?? 0) !== w.replacesTx)) return undefined;
    this.putCount++;
    this.#lastTx++;
    for (const { key, value } of writes) this.#records.set(key, { key, value, tx: this.#lastTx });
    return this.#lastTx;
  }

  /** As somebody else would, without asking. */
  overwrite(key: string, value: Uint8Array): void {
    this.#lastTx++;
    this.#records.set(key, { key, value, tx: this.#lastTx });
  }
}
