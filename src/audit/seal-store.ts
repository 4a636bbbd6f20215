import { sha256 } from '../base/sha256.js';
import type { Database } from '../database/index.js';
import { alhOf } from '../proofs/index.js';
import {
  CHECKPOINT_PREFIX,
  type Checkpoint,
  checkpointKey,
  encodeCheckpoint,
  encodeSeal,
  NO_SEAL,
  parseCheckpoint,
  parseSeal,
  SEAL_PREFIX,
  type Seal,
  sealKey,
} from './records.js';

/** The transaction that holds a record. */
export interface Anchor {
  readonly db: string;
  readonly tx_id: number;
  readonly alh: string;
}

/** The records about the stream, in an immutable database. */
export class SealStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get databaseName(): string {
    return this.#database.name;
  }

  /** The newest seal and the hash of its value. */
  async lastSeal(): Promise<{ readonly seal: Seal | undefined; readonly hash: string }> {
    const value = await this.#last(SEAL_PREFIX);
    if (value === undefined) return { seal: undefined, hash: NO_SEAL };
    return { seal: parseSeal(value), hash: sha256(value).toString('hex') };
  }

  async seal(fileNo: number): Promise<Seal | undefined> {
    const value = await this.#last(sealKey(fileNo));
    return value === undefined ? undefined : parseSeal(value);
  }

  async lastCheckpoint(): Promise<Checkpoint | undefined> {
    const value = await this.#last(CHECKPOINT_PREFIX);
    return value === undefined ? undefined : parseCheckpoint(value);
  }

  /** @returns the hash of the value */
  async putSeal(seal: Seal): Promise<string> {
    const value = encodeSeal(seal);
    await this.#put(sealKey(seal.file_no), value);
    return sha256(value).toString('hex');
  }

  putCheckpoint(checkpoint: Checkpoint): Promise<Anchor> {
    return this.#put(checkpointKey(checkpoint.up_to_seq), encodeCheckpoint(checkpoint));
  }

  async #put(key: string, value: Buffer): Promise<Anchor> {
    const kvs = [{ key: Buffer.from(key), value }];
    const header = await this.#database.set(kvs, { generation: 'session' });
    return { db: this.#database.name, tx_id: header.id, alh: alhOf(header).toString('hex') };
  }

  async #last(prefix: string): Promise<Uint8Array | undefined> {
    const nothing = new Uint8Array(0);
    const found = await this.#database.scan({
      seekKey: nothing,
      endKey: nothing,
      prefix: Buffer.from(prefix),
      desc: true,
      limit: 1,
      sinceTx: 0,
      noWait: false,
      inclusiveSeek: false,
      inclusiveEnd: false,
      offset: 0,
    });
    return found[0]?.value;
  }
}
