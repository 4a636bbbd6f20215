import { silentLog } from '../../src/base/log.js';
import { sha256 } from '../../src/base/sha256.js';
import { PLAIN_KEY_PREFIX, PLAIN_VALUE_PREFIX, rawKeyOf } from '../../src/proofs/index.js';
import { Environment } from '../../src/storage/environment.js';
import { indexKeyOf } from '../../src/storage/index-key.js';
import {
  decodeHistoryRow,
  decodeIndexEntry,
  encodeHistoryRow,
  encodeIndexEntry,
  type Location,
} from '../../src/storage/index-record.js';
import { historyKey, logKey } from '../../src/storage/layout.js';
import { decodeEntries, decodeHead } from '../../src/storage/tx-decoder.js';
import { encodeTx } from '../../src/storage/tx-encoder.js';
import type { LogEntry } from '../../src/storage/tx-record.js';

/**
 * Somebody who writes to the files of a stopped server and knows their format: checksums are right after
 * each change, and digests where they can be without the rest of the history.
 */

const COMMIT_BYTES = 4096;

async function inFiles<T>(
  folder: string,
  work: (environment: Environment) => Promise<T>,
): Promise<T> {
  const environment = await Environment.open({
    path: folder,
    log: silentLog,
    commitTimeoutMs: 10_000,
    reserveBytes: 1024,
    reserveFraction: 0,
    onFailure(error) {
      throw error;
    },
  });
  try {
    return await work(environment);
  } finally {
    await environment.close();
  }
}

function required(bytes: Buffer | undefined, what: string): Buffer {
  if (bytes === undefined) throw new Error(`${what} is not there`);
  return bytes;
}

function segmentOf(environment: Environment, txId: number): Buffer {
  return required(environment.table('log').get(logKey(txId, 0)), `transaction ${txId}`);
}

/** Writes the entries of one transaction under the header of another or the same. */
function reencoded(txId: number, segment: Buffer, entries: readonly LogEntry[]): Buffer {
  const { header, alh } = decodeHead(txId, segment);
  const { segments } = encodeTx(header, alh, entries);
  return Buffer.from(segments[0] as Buffer);
}

function put(environment: Environment, txId: number, segment: Buffer): Promise<void> {
  return environment.commit(COMMIT_BYTES, (batch) => batch.put('log', logKey(txId, 0), segment));
}

/** Another value in the first entry, with its digest if that is to fit. */
export function editValue(
  folder: string,
  txId: number,
  value: string,
  withDigest: boolean,
): Promise<void> {
  return inFiles(folder, async (environment) => {
    const segment = segmentOf(environment, txId);
    const [first, ...others] = decodeEntries(txId, segment);
    if (first === undefined) throw new Error(`transaction ${txId} has no entries`);
    const inline = Buffer.concat([Buffer.from([PLAIN_VALUE_PREFIX]), Buffer.from(value)]);
    const edited: LogEntry = {
      rawKey: first.rawKey,
      metadata: first.metadata,
      hValue: withDigest ? sha256(inline) : first.hValue,
      vLen: inline.length,
      inline,
      blobId: 0,
      truncated: false,
    };
    await put(environment, txId, reencoded(txId, segment, [edited, ...others]));
  });
}

export function removeTransaction(folder: string, txId: number): Promise<void> {
  return inFiles(folder, (environment) =>
    environment.commit(COMMIT_BYTES, (batch) => batch.remove('log', logKey(txId, 0))),
  );
}

/** The entries of each under the header of the other, or whole records at the place of the other. */
export function swapTransactions(
  folder: string,
  a: number,
  b: number,
  withHeaders: boolean,
): Promise<void> {
  return inFiles(folder, async (environment) => {
    const [one, two] = [segmentOf(environment, a), segmentOf(environment, b)];
    const moved = (to: number, ownSegment: Buffer, from: number, segment: Buffer): Buffer => {
      if (!withHeaders) return reencoded(to, ownSegment, decodeEntries(from, segment));
      const { header, alh } = decodeHead(from, segment);
      const { segments } = encodeTx({ ...header, id: to }, alh, decodeEntries(from, segment));
      return Buffer.from(segments[0] as Buffer);
    };
    const [newA, newB] = [moved(a, one, b, two), moved(b, two, a, one)];
    await put(environment, a, newA);
    await put(environment, b, newB);
  });
}

/** Takes a version out of the index, and numbers those after it anew. */
export function cutHistory(folder: string, key: string, revision: number): Promise<void> {
  return inFiles(folder, async (environment) => {
    const rawKey = Buffer.from(rawKeyOf(Buffer.from(key)));
    if (rawKey[0] !== PLAIN_KEY_PREFIX) throw new Error('no plain key');
    const indexKey = indexKeyOf(rawKey);
    const newest = decodeIndexEntry(
      indexKey,
      required(environment.table('index').get(indexKey), key),
    );
    const { firstTx, firstIndex } = newest;
    const rowKey = (at: number) => historyKey(firstTx, firstIndex, at);
    const history = environment.table('history');
    const later: Location[] = [];
    for (let at = revision + 1; at < newest.revision; at++) {
      const row = required(history.get(rowKey(at)), `version ${at}`);
      later.push(decodeHistoryRow(rowKey(at), row));
    }
    const shorter = encodeIndexEntry(indexKey, { ...newest, revision: newest.revision - 1 });
    await environment.commit(COMMIT_BYTES, (batch) => {
      batch.remove('history', rowKey(newest.revision - 1));
      later.forEach((location, i) => {
        const key = rowKey(revision + i);
        batch.put('history', key, encodeHistoryRow(key, location));
      });
      batch.put('index', indexKey, shorter);
    });
  });
}
