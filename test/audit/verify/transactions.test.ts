import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonValue } from '../../../src/audit/event.js';
import type { Checkpoint } from '../../../src/audit/records.js';
import { TransactionCheck } from '../../../src/audit/verify/transactions.js';
import { sampleEvent } from '../event-samples.js';

const NO_FILTER = createHash('sha256').update('{}').digest('hex');

class Lines {
  readonly check = new TransactionCheck();

  add(event_name: string, event_data: Record<string, JsonValue>, read_only = false): this {
    this.check.line(event_name, JSON.stringify(sampleEvent({ event_name, event_data, read_only })));
    return this;
  }

  opened(events = 'write', filter_hash = NO_FILTER): this {
    return this.add('audit.opened', { events, filter_hash });
  }

  txs(...ids: number[]): this {
    for (const id of ids) this.add('kv.set', { db: 'd', tx_id: id });
    return this;
  }

  upTo(txId: number) {
    return this.check.result({ watermarks: { d: txId } } as unknown as Checkpoint);
  }
}

test('a transaction without event is named, whatever the order of the others', () => {
  const at = new Lines().opened().txs(4, 6, 5, 9, 8).upTo(9);
  assert.deepEqual(at, { checked: 6, missing: [{ database: 'd', from: 7, to: 7 }] });
  const end = new Lines().opened().txs(1, 2).upTo(4);
  assert.deepEqual(end?.missing, [{ database: 'd', from: 3, to: 4 }]);
  assert.deepEqual(new Lines().opened().txs(1, 2).upTo(2)?.missing, []);
});

test('recovered ranges count, reads and what names a transaction otherwise do not', () => {
  const lines = new Lines().opened().txs(1);
  lines.add('tx.recovered', { db: 'd', tx_id: 2, to_tx: 1500, count: 1499 });
  lines.add('kv.get', { db: 'd', tx_id: 1502 }, true);
  lines.add('database.load', { target_db: 'd', db: 'd', tx_id: 1503 });
  assert.deepEqual(lines.upTo(1501)?.missing, [{ database: 'd', from: 1501, to: 1501 }]);
});

test('a database of the name of a deleted one begins anew', () => {
  const lines = new Lines().opened().txs(1, 2, 9);
  lines.add('database.delete', { target_db: 'd', outcome: 'success' }).txs(1);
  assert.deepEqual(lines.upTo(1), { checked: 1, missing: [] });
});

test('nothing is said where rules leave writes out', () => {
  assert.equal(new Lines().opened('admin').txs(1).upTo(3), undefined);
  assert.equal(new Lines().opened('write', 'f'.repeat(64)).txs(1).upTo(3), undefined);
  const changed = new Lines().opened().txs(1);
  changed.add('audit.config_changed', { changes: { events: ['write', 'none'] }, filter_new: '{}' });
  assert.equal(changed.opened().upTo(3), undefined);
});

test('any order of any numbers gives the gaps that a set gives', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 });
  fc.assert(
    fc.property(ids, fc.integer({ min: 1, max: 70 }), (given, upTo) => {
      const first = Math.min(...given);
      const expected = [];
      for (let id = first; id <= upTo; id++) if (!given.includes(id)) expected.push(id);
      const missing = new Lines()
        .opened()
        .txs(...given)
        .upTo(upTo)?.missing;
      const found = missing?.flatMap(({ from, to }) =>
        Array.from({ length: to - from + 1 }, (_, at) => from + at),
      );
      assert.deepEqual(found, expected);
    }),
    { numRuns: 300 },
  );
});
