import { headerBytes } from '../proofs/index.js';
import type { LogEntry, Store } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { illegalArguments } from './failures.js';

/** A length, then whether the values were removed and their digests stand for them. */
const COMPLETE = Buffer.from([0, 1, 0]);
const TRUNCATED = Buffer.from([0, 1, 1]);

/**
 * One transaction in the layout of transaction export: header, raw entries with their values, trailer;
 * see the protocol's section on replication. Large values are read piece by piece.
 * @throws illegalArguments for 0, noNewTransactions beyond the last
 */
export function exportTx(store: Store, txId: number) {
  if (txId === 0) throw illegalArguments();
  if (txId > store.state.txId) {
    throw new DatabaseError('noNewTransactions', 'no new transactions');
  }
  const head = store.log.head(txId);
  const entries = store.log.entries(txId, head);
  const header = Buffer.from(headerBytes(head.header));
  // Of one transaction all values are sent or none.
  const truncated = entries.some((entry) => entry.truncated);
  const trailer = truncated ? TRUNCATED : COMPLETE;
  const sentLength = ({ hValue, vLen }: LogEntry) => (truncated ? hValue.length : vLen);
  let length = 4 + header.length + trailer.length;
  for (const entry of entries) {
    length += 8 + entry.rawKey.length + entry.metadata.length + sentLength(entry);
  }
  return {
    length,
    async *pieces(): AsyncGenerator<Uint8Array> {
      const start = Buffer.alloc(4);
      start.writeUInt32BE(header.length);
      yield Buffer.concat([start, header]);
      for (const entry of entries) {
        yield entryHead(entry, sentLength(entry));
        if (truncated) yield entry.hValue;
        else yield* store.log.valuePieces(entry, txId);
      }
      yield trailer;
    },
  };
}

function entryHead({ rawKey, metadata }: LogEntry, length: number): Buffer {
  const out = Buffer.alloc(8 + rawKey.length + metadata.length);
  out.writeUInt16BE(rawKey.length, 0);
  rawKey.copy(out, 2);
  out.writeUInt16BE(metadata.length, 2 + rawKey.length);
  metadata.copy(out, 4 + rawKey.length);
  out.writeUInt32BE(length, 4 + rawKey.length + metadata.length);
  return out;
}
