import type { Database } from './api.js';

const NOTHING = new Uint8Array(0);

/** A whole record of a database that the server itself keeps records in. */
export interface StoredRecord {
  readonly key: string;
  readonly value: Buffer;
  /** Id of the transaction that wrote it. */
  readonly tx: number;
}

/** All live records whose key starts with a prefix, in key order, however many there are. */
export async function* readRecords(
  database: Database,
  prefix: string,
): AsyncGenerator<StoredRecord> {
  for (let seekKey: Uint8Array = NOTHING; ; ) {
    let last: Uint8Array | undefined;
    const page = database.scanStreamed({
      seekKey,
      endKey: NOTHING,
      prefix: Buffer.from(prefix),
      desc: false,
      limit: 0,
      sinceTx: 0,
      noWait: false,
      inclusiveSeek: false,
      inclusiveEnd: false,
      offset: 0,
    });
    for await (const entry of page) {
      const pieces: Uint8Array[] = [];
      for await (const piece of entry.value()) pieces.push(piece);
      last = entry.key;
      yield { key: Buffer.from(last).toString(), value: Buffer.concat(pieces), tx: entry.tx };
    }
    if (last === undefined) return;
    seekKey = last;
  }
}
