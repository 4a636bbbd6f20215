import { DatabaseError } from './errors.js';
import { asDatabaseError } from './failures.js';
import type { StreamedEntry } from './types.js';
import type { Uses } from './uses.js';

/**
 * Stands around every read: storage errors become ours, damaged data raises the alarm, and what is read
 * bit by bit counts as a use of the database.
 */
export class Guard {
  readonly #uses: Uses;
  readonly #onCorruption: (error: DatabaseError) => void;

  constructor(uses: Uses, onCorruption: (error: DatabaseError) => void) {
    this.#uses = uses;
    this.#onCorruption = onCorruption;
  }

  failure(error: unknown): unknown {
    const converted = asDatabaseError(error);
    if (converted instanceof DatabaseError && converted.code === 'corrupted') {
      this.#onCorruption(converted);
    }
    return converted;
  }

  read<T>(read: () => T): T {
    this.#uses.touch();
    try {
      return read();
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** The elements of a generator that reads. */
  *each<T>(source: Generator<T>): Generator<T> {
    using _use = this.#uses.hold();
    for (;;) {
      const next = this.read(() => source.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  /** A value that is read later. */
  streamed(entry: StreamedEntry): StreamedEntry {
    const pieces = () => this.pieces(entry.value());
    return { ...entry, value: pieces };
  }

  async *pieces(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    using _use = this.#uses.hold();
    try {
      yield* source;
    } catch (error) {
      throw this.failure(error);
    }
  }
}
