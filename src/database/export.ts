import { headerBytes } from '../proofs/index.js';
import type { LogEntry, Store } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { illegalArguments } from './failures.js';

/** Marks values as complete: length 1, no truncation. */
const TRAILER = Buffer.from([0, 1, 0]);

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
  let length = 4 + header.length + TRAILER.length;
  for (const { rawKey, metadata, vLen } of entries) {
    length += 2 + rawKey.length + 2 + metadata.length + 4 + vLen;
  }
  return {
    length,
    async *pieces(): AsyncGenerator<Uint8Array> {
      const start = Buffer.alloc(4);
      start.writeUInt32BE(header.length);
      yield Buffer.concat([start, header]);
      for (const entry of entries) {
        yield entryHead(entry);
        yield* store.log.valuePieces(entry, txId);
      }
      yield TRAILER;
    },
  };
}

function entryHead({ rawKey, metadata, vLen }: LogEntry): Buffer {
  const out = Buffer.alloc(8 + rawKey.length + metadata.length);
  out.writeUInt16BE(rawKey.length, 0);
  rawKey.copy(out, 2);
  out.writeUInt16BE(metadata.length, 2 + rawKey.length);
  metadata.copy(out, 4 + rawKey.length);
  out.writeUInt32BE(vLen, 4 + rawKey.length + metadata.length);
  return out;
}
