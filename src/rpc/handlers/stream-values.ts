import {
  type Database,
  DatabaseError,
  type StagedValue,
  type ValueStager,
} from '../../database/index.js';
import type { FrameReader } from '../../wire/index.js';
import { RpcError } from '../rpc-error.js';

/** All values of a stream together; a larger value may stand alone where the database takes it. */
const VALUES_BYTES_MAX = 33_554_432;
/** A value above this never stands in memory as a whole. */
const STAGED_BYTES_MIN = 262_144;
/** Once the values of a stream take this much memory, all but tiny ones are staged. */
const MEMORY_BYTES_MAX = 4_194_304;
const TINY_BYTES_MAX = 4096;
/** Longer keys are refused before they are read; shorter ones in the words of the database. */
const KEY_FRAME_BYTES_MAX = 65_536;

/**
 * Reads keys and values from a stream of frames within the limits of one transaction. Large values go
 * to disk piece by piece; `discard` takes them back when the transaction does not come about.
 */
export class StreamValues {
  readonly #database: Database;
  readonly #reader: FrameReader;
  readonly #stagers: ValueStager[] = [];
  /** Bytes of all values so far. */
  #total: number;
  #inMemory = 0;

  /** @param counted bytes that were read before and count as a value */
  constructor(database: Database, reader: FrameReader, counted = 0) {
    this.#database = database;
    this.#reader = reader;
    this.#total = counted;
  }

  /** The next key; undefined at the end of the stream. */
  async nextKey(): Promise<Uint8Array | undefined> {
    const length = await this.#reader.nextFrameHeader('key', KEY_FRAME_BYTES_MAX);
    if (length === undefined) return undefined;
    return this.#readKey(length);
  }

  /** A key where the stream must not end. */
  async requireKey(): Promise<Uint8Array> {
    return this.#readKey(await this.#reader.requireFrameHeader('key', KEY_FRAME_BYTES_MAX));
  }

  async #readKey(length: number): Promise<Uint8Array> {
    if (length + 1 > this.#database.settings.maxKeyLen) {
      throw new DatabaseError('keyTooLong', 'max key length exceeded');
    }
    return this.#reader.readWhole();
  }

  async requireValue(): Promise<Uint8Array | StagedValue> {
    const { maxValueLen } = this.#database.settings;
    const length = await this.#reader.requireFrameHeader('value', Number.POSITIVE_INFINITY);
    // It is stored with a prefix byte.
    if (length + 1 > maxValueLen) throw new RpcError('streamValueTooLong');
    this.#total += length;
    if (this.#total > Math.max(VALUES_BYTES_MAX, maxValueLen)) {
      throw new RpcError('streamValuesTooLong');
    }
    const memoryIsFull = this.#inMemory + length > MEMORY_BYTES_MAX && length > TINY_BYTES_MAX;
    if (length > STAGED_BYTES_MIN || memoryIsFull) return this.#stage();
    this.#inMemory += length;
    return this.#reader.readWhole();
  }

  async #stage(): Promise<StagedValue> {
    const stager = this.#database.stageValue();
    this.#stagers.push(stager);
    for await (const piece of this.#reader.pieces()) await stager.write(piece);
    return stager.finish();
  }

  async discard(): Promise<void> {
    for (const stager of this.#stagers) await stager.discard();
  }
}
