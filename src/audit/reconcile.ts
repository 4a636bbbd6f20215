import type { Database } from '../database/index.js';
import { alhOf } from '../proofs/index.js';
import type { EventData } from './event.js';

/** More of them at once become one line. */
const SINGLE_EVENTS_MAX = 1000;

/** Data of `tx.recovered` for transactions that have no event. */
export function* missingTxs(
  database: Database,
  ranges: readonly { readonly from: number; readonly to: number }[],
): Generator<EventData> {
  for (const { from, to } of ranges) {
    const count = to - from + 1;
    if (count > SINGLE_EVENTS_MAX) {
      yield { ...dataOf(database, to), count, to_tx: to, tx_id: from };
      continue;
    }
    for (let id = from; id <= to; id++) yield dataOf(database, id);
  }
}

function dataOf(database: Database, txId: number): EventData {
  const { header } = database.txById({ tx: txId, sinceTx: 0, keepReferencesUnresolved: true });
  return { alh: alhOf(header).toString('hex'), ts: header.ts, tx_id: txId };
}
