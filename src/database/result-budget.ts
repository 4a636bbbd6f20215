import { DatabaseError } from './errors.js';
import type { Reader, Resolved } from './reader.js';
import type { Entry, Tx } from './types.js';

/** Bytes of an entry beyond its key and value. */
const ENTRY_OVERHEAD = 64;

/**
 * Bounds the bytes of one unary answer. An answer is never cut: it fails and names the method that has no
 * such bound.
 */
export class ResultBudget {
  readonly #bytesMax: number;
  readonly #streamingMethod: string;
  #bytes = 0;

  constructor(bytesMax: number, streamingMethod: string) {
    this.#bytesMax = bytesMax;
    this.#streamingMethod = streamingMethod;
  }

  /** Reads an entry unless that would exceed the bound. */
  entry(resolved: Resolved, reader: Reader): Entry {
    const { entry, key } = resolved.version;
    this.#add(ENTRY_OVERHEAD + key.length + entry.vLen);
    return reader.toEntry(resolved);
  }

  tx(tx: Tx): Tx {
    for (const { rawKey, rawValue } of tx.entries) {
      this.#add(ENTRY_OVERHEAD + rawKey.length + (rawValue?.length ?? 0));
    }
    for (const { key, value } of tx.kvEntries) {
      this.#add(ENTRY_OVERHEAD + key.length + value.length);
    }
    return tx;
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#bytesMax) return;
    throw new DatabaseError(
      'resultLimitExceeded',
      `result size limit exceeded: more than max-result-bytes (${this.#bytesMax}); ` +
        `ask for less or use ${this.#streamingMethod}`,
    );
  }
}
