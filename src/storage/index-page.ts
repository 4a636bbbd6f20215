import { corrupted } from './errors.js';
import { decodeIndexEntry, type IndexEntry } from './index-record.js';
import type { Table } from './table.js';

/**
 * Reads a page of the index table and checks what LMDB does not: that the keys are in order, that the
 * page begins where it should, and that it ends early only at the end of the range. A damaged page or a
 * damaged way to it thus cannot hide a part of a range.
 * @returns at most `limit` entries with low <= key < high, from the low end or from the high one
 * @throws StorageError `corrupted`
 */
export function readIndexPage(
  table: Table,
  low: Buffer,
  high: Buffer,
  desc: boolean,
  limit: number,
): { key: Buffer; entry: IndexEntry }[] {
  const rows = desc
    ? table.rows({
        start: high,
        exclusiveStart: true,
        end: low,
        inclusiveEnd: true,
        reverse: true,
        limit,
      })
    : table.rows({ start: low, end: high, limit });
  checkStart(table, low, high, desc);
  const found: { key: Buffer; entry: IndexEntry }[] = [];
  let before: Buffer | undefined;
  for (const { key, value } of rows) {
    if (before !== undefined && Buffer.compare(before, key) * (desc ? -1 : 1) >= 0) {
      throw corrupted('order of the index');
    }
    found.push({ key, entry: decodeIndexEntry(key, value) });
    before = key;
  }
  if (rows.length < limit) checkEnd(table, low, high, desc, before);
  return found;
}

/** What stands on the other side of the start must lie outside of the range. */
function checkStart(table: Table, low: Buffer, high: Buffer, desc: boolean): void {
  const [outside] = desc
    ? table.keys({ start: high, limit: 1 })
    : table.keys({ start: low, exclusiveStart: true, reverse: true, limit: 1 });
  if (outside === undefined) return;
  if (desc ? Buffer.compare(outside, high) < 0 : Buffer.compare(outside, low) >= 0) {
    throw corrupted('order of the index');
  }
}

/** Found from the other end, the last key must be the same. */
function checkEnd(
  table: Table,
  low: Buffer,
  high: Buffer,
  desc: boolean,
  last: Buffer | undefined,
): void {
  const [fromEnd] = desc
    ? table.keys({ start: low, end: high, limit: 1 })
    : table.keys({
        start: high,
        exclusiveStart: true,
        end: low,
        inclusiveEnd: true,
        reverse: true,
        limit: 1,
      });
  if (fromEnd === undefined ? last !== undefined : last === undefined || !fromEnd.equals(last)) {
    throw corrupted('a range of the index');
  }
}
