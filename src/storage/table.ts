import type { Database as LmdbTable } from 'lmdb';
import { asBuffer } from '../base/bytes.js';
import { asCorrupted, StorageError } from './errors.js';

/** What LMDB is handed: keys and values as they are. */
export type RawTable = LmdbTable<Buffer, Buffer>;

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** In LMDB's words: with `reverse`, `start` is the high end. */
export interface RowRange {
  readonly start?: Buffer;
  readonly exclusiveStart?: boolean;
  readonly end?: Buffer;
  readonly inclusiveEnd?: boolean;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/**
 * One table as readers see it: the last finished commit. All methods throw `corrupted` where LMDB finds
 * its pages damaged; most damage it does not find, which is why records carry checksums.
 */
export class Table {
  readonly name: string;
  readonly #raw: RawTable;
  #closed = false;

  constructor(name: string, raw: RawTable) {
    this.name = name;
    this.#raw = raw;
  }

  /** From now on every read is refused: LMDB would crash the process. */
  close(): void {
    this.#closed = true;
  }

  #read<T>(read: () => T): T {
    if (this.#closed) throw new StorageError('closed', 'already closed');
    try {
      return read();
    } catch (error) {
      throw asCorrupted(error, `table ${this.name}`);
    }
  }

  /** A view that is valid until the next read of any table. */
  view(key: Buffer): Buffer | undefined {
    // Not by way of `#read`: a closure for each entry that is read is felt.
    if (this.#closed) throw new StorageError('closed', 'already closed');
    try {
      const bytes = this.#raw.getBinaryFast(key);
      return bytes === undefined ? undefined : asBuffer(bytes);
    } catch (error) {
      throw asCorrupted(error, `table ${this.name}`);
    }
  }

  /** A copy. */
  get(key: Buffer): Buffer | undefined {
    return this.#read(() => {
      const bytes = this.#raw.getBinary(key);
      return bytes === undefined ? undefined : asBuffer(bytes);
    });
  }

  has(key: Buffer): boolean {
    return this.view(key) !== undefined;
  }

  rows(range: RowRange): Row[] {
    return this.#read(() => {
      const rows: Row[] = [];
      for (const { key, value } of this.#raw.getRange(range)) {
        rows.push({ key: asBuffer(key), value: asBuffer(value) });
      }
      return rows;
    });
  }

  keys(range: RowRange): Buffer[] {
    return this.#read(() => {
      const keys: Buffer[] = [];
      for (const key of this.#raw.getKeys(range)) keys.push(asBuffer(key));
      return keys;
    });
  }

  lastKey(): Buffer | undefined {
    return this.keys({ reverse: true, limit: 1 })[0];
  }
}
