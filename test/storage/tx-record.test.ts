import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { sha256 } from '../../src/base/sha256.js';
import { alhOf, encodeKvMetadata, type TxHeader } from '../../src/proofs/index.js';
import { TX_ENTRIES_MAX } from '../../src/storage/layout.js';
import { decodeEntries, decodeEntry, decodeHead } from '../../src/storage/tx-decoder.js';
import { encodeTx } from '../../src/storage/tx-encoder.js';
import type { LogEntry } from '../../src/storage/tx-record.js';
import { storageError } from '../support/store-fixture.js';

function header(id: number, nentries: number, more: Partial<TxHeader> = {}): TxHeader {
  return {
    id,
    ts: -5,
    version: 1,
    nentries,
    prevAlh: randomBytes(32),
    eH: randomBytes(32),
    blTxId: id - 1,
    blRoot: randomBytes(32),
    ...more,
  };
}

function entry(key: string, value: Buffer, more: Partial<LogEntry> = {}): LogEntry {
  return {
    rawKey: Buffer.from(key),
    metadata: Buffer.alloc(0),
    hValue: sha256(value),
    vLen: value.length,
    inline: value,
    blobId: 0,
    truncated: false,
    ...more,
  };
}

/** The fields, out of the getters of a decoded entry. */
function fieldsOf({ rawKey, metadata, hValue, vLen, inline, blobId, truncated }: LogEntry) {
  return { rawKey, metadata, hValue, vLen, inline, blobId, truncated };
}

const METADATA = encodeKvMetadata({ expiresAt: 2_000_000_000, nonIndexable: true });

const MIXED: readonly LogEntry[] = [
  entry('\0a', Buffer.from('\0value')),
  entry('\0b', Buffer.alloc(0), { metadata: encodeKvMetadata({ deleted: true }) }),
  entry('\0c', Buffer.alloc(3_000_000), { inline: undefined, blobId: 2 ** 40 + 7 }),
  entry('\0d', Buffer.from('\0gone'), { inline: undefined, truncated: true }),
  entry('\0e'.repeat(500), Buffer.alloc(2048, 7), { metadata: METADATA }),
];

test('a transaction of every kind of entry is read back as it was written', () => {
  for (const version of [0, 1] as const) {
    const id = 2 ** 33 + 5;
    const metadata = version === 1 ? { metadata: { extra: Buffer.from('extra') } } : {};
    const written = header(id, MIXED.length, { version, ...metadata });
    const alh = alhOf(written);
    const { segments } = encodeTx(written, alh, MIXED);
    const head = decodeHead(id, segments[0] as Buffer);
    assert.deepEqual(head.header, written);
    assert.deepEqual(head.alh, alh);
    assert.deepEqual(
      segments.flatMap((s) => decodeEntries(id, s)).map(fieldsOf),
      MIXED.map(fieldsOf),
    );
  }
});

test('a long transaction is cut into segments of which each is found and read alone', () => {
  const entries = Array.from({ length: 1024 }, (_, i) =>
    entry(`\0key ${i}`, Buffer.alloc(i % 300, i)),
  );
  const { segments, segmentOf, bytes } = encodeTx(header(9, 1024), randomBytes(32), entries);
  assert.equal(
    bytes,
    segments.reduce((sum, { length }) => sum + length, 0),
  );
  assert.ok(segments.length > 20);
  for (const segment of segments) assert.ok(segment.length <= 4300, `${segment.length} bytes`);
  const { segmentStarts } = decodeHead(9, segments[0] as Buffer);
  assert.equal(segmentStarts.length, segments.length);
  entries.forEach((written, i) => {
    const segment = segmentOf[i] as number;
    assert.ok((segmentStarts[segment] as number) <= i);
    assert.deepEqual(fieldsOf(decodeEntry(9, i, segments[segment] as Buffer)), fieldsOf(written));
  });
});

test('the largest transaction of the largest entries is written and read', () => {
  const value = Buffer.alloc(2048);
  const written = entry('\0k'.padEnd(1978), value);
  const entries = new Array<LogEntry>(TX_ENTRIES_MAX).fill(written);
  const { segments, segmentOf } = encodeTx(header(1, TX_ENTRIES_MAX), randomBytes(32), entries);
  assert.equal(decodeHead(1, segments[0] as Buffer).segmentStarts.length, segments.length);
  for (const i of [0, 1, 40_000, TX_ENTRIES_MAX - 1]) {
    const read = decodeEntry(1, i, segments[segmentOf[i] as number] as Buffer);
    assert.deepEqual(fieldsOf(read), fieldsOf(written));
  }
});

test('given segment starts are kept', () => {
  const starts = [0, 2, 3];
  const { segments, segmentOf } = encodeTx(header(4, 5), randomBytes(32), MIXED, starts);
  assert.deepEqual(decodeHead(4, segments[0] as Buffer).segmentStarts, starts);
  assert.deepEqual([...segmentOf], [0, 0, 1, 2, 2]);
});

test('any changed bit of a header is refused', () => {
  const { segments } = encodeTx(header(3, 5), randomBytes(32), MIXED, [0, 3]);
  const segment = segments[0] as Buffer;
  const headEnd = 6 + 157 + 2;
  for (let at = 0; at < headEnd; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = Buffer.from(segment);
      damaged[at] = (damaged[at] as number) ^ (1 << bit);
      assert.throws(() => decodeHead(3, damaged), storageError('corrupted'), `byte ${at}`);
    }
  }
});

test('any changed bit of a segment gives an error or the same entry, but for the value itself', () => {
  const values = Buffer.from('\0some value');
  const entries = [entry('\0first', values), ...MIXED.slice(1, 4), entry('\0last', values)];
  for (const starts of [[0], [0, 2]]) {
    const { segments, segmentOf } = encodeTx(header(3, 5), randomBytes(32), entries, starts);
    segments.forEach((segment, number) => {
      for (let bit = 0; bit < segment.length * 8; bit++) {
        const damaged = Buffer.from(segment);
        damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
        entries.forEach((written, i) => {
          if (segmentOf[i] !== number) return;
          let read: LogEntry;
          try {
            read = decodeEntry(3, i, damaged);
          } catch (error) {
            assert.ok(storageError('corrupted')(error));
            return;
          }
          assert.deepEqual({ ...fieldsOf(read), inline: 0 }, { ...fieldsOf(written), inline: 0 });
          if (written.inline === undefined) assert.equal(read.inline, undefined);
          else if (!read.inline?.equals(written.inline)) {
            assert.notDeepEqual(sha256(read.inline as Buffer), written.hValue);
          }
        });
      }
    });
  }
});

test('an entry is refused at another place than its own', () => {
  const { segments } = encodeTx(header(3, 5), randomBytes(32), MIXED);
  const bytes = segments[0] as Buffer;
  assert.throws(() => decodeEntry(4, 1, bytes), storageError('corrupted'));
  assert.throws(() => decodeHead(4, bytes), storageError('corrupted'));
  assert.throws(() => decodeEntry(3, 99, bytes), storageError('corrupted'));
  const swapped = Buffer.from(bytes);
  const offsetsAt = 6 + 157;
  bytes.copy(swapped, offsetsAt, offsetsAt + 2, offsetsAt + 4);
  assert.throws(() => decodeEntry(3, 0, swapped), storageError('corrupted'));
});

test('a cut record is refused, however short', () => {
  const { segments } = encodeTx(header(3, 5), randomBytes(32), MIXED);
  const bytes = segments[0] as Buffer;
  for (let length = 0; length < 400; length++) {
    const cut = bytes.subarray(0, length);
    for (const read of [() => decodeEntries(3, cut), () => decodeEntry(3, 4, cut)]) {
      assert.throws(read, storageError('corrupted'), `${length} bytes`);
    }
  }
});
