import { type Database, DatabaseError, type Precondition, readRecords } from '../database/index.js';

export interface SystemRecord {
  readonly key: string;
  readonly value: Uint8Array;
  /** Id of the transaction that wrote this version. */
  readonly tx: number;
}

export interface SystemWrite {
  readonly key: string;
  readonly value: Uint8Array;
  /** The version that this write replaces; 0: the key must not exist. */
  readonly replacesTx: number;
}

/** The records of the system database, each version kept and provable. Keys are plain ASCII. */
export interface SystemStore {
  get(key: string): SystemRecord | undefined;
  /** In key order. */
  scan(prefix: string): Promise<SystemRecord[]>;
  /**
   * One transaction, durable on return. Nothing is written when a key has another version than the one
   * to replace.
   * @returns its id, or undefined for such a conflict
   */
  put(writes: readonly SystemWrite[]): Promise<number | undefined>;
}

/** @param database the system database */
export function databaseStore(database: Database): SystemStore {
  return {
    get(key) {
      try {
        const request = { atTx: 0, sinceTx: 0, noWait: false, atRevision: 0 };
        const entry = database.get({ key: Buffer.from(key), ...request });
        return { key, value: entry.value, tx: entry.tx };
      } catch (error) {
        if (error instanceof DatabaseError && error.code === 'keyNotFound') return undefined;
        throw error;
      }
    },
    async scan(prefix) {
      const records: SystemRecord[] = [];
      for await (const record of readRecords(database, prefix)) records.push(record);
      return records;
    },
    async put(writes) {
      const kvs = writes.map((w) => ({ key: Buffer.from(w.key), value: w.value }));
      const preconditions = writes.map(preconditionOf);
      try {
        const header = await database.set(kvs, { generation: 'session', preconditions });
        return header.id;
      } catch (error) {
        if (error instanceof DatabaseError && error.code === 'preconditionFailed') return undefined;
        throw error;
      }
    },
  };
}

function preconditionOf(write: SystemWrite): Precondition {
  const key = Buffer.from(write.key);
  return write.replacesTx === 0
    ? { kind: 'keyMustNotExist', key }
    : { kind: 'keyNotModifiedAfterTx', key, txId: write.replacesTx };
}
