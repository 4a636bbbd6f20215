import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  alhFrom,
  alhOf,
  EMPTY_HASH,
  entryDigest,
  hashTreeProof,
  hashTreeRoot,
  headerBytes,
  innerHash,
  parseHeaderBytes,
  type TxHeader,
  verifyHashTreeProof,
} from '../../src/proofs/index.js';
import { readVector } from '../support/project.js';
import { sha } from './naive.js';
import {
  headerOf,
  hex,
  hexes,
  isRepresentable,
  type VectorHeader,
  type VectorTx,
} from './vectors.js';

type Recorded<Header> = {
  readonly txs: readonly VectorTx[];
  readonly headerOnly: readonly Header[];
};

const v0 = readVector('tx-v0.json') as Recorded<
  Omit<VectorHeader, 'alh' | 'innerHash'> & {
    alhV0_9_2: string;
    alhV1_11_1: string;
    innerHashV1_11_1: string;
  }
>;
const v1 = readVector('tx-v1.json') as Recorded<VectorHeader>;

const header: TxHeader = {
  id: 7,
  prevAlh: sha(Buffer.from('prevAlh')),
  ts: 1_700_000_000,
  version: 1,
  nentries: 3,
  eH: sha(Buffer.from('eH')),
  blTxId: 6,
  blRoot: sha(Buffer.from('blRoot')),
};

for (const [name, recorded, count] of [
  ['version 0', v0.txs, 11],
  ['version 1', v1.txs, 33],
] as const) {
  describe(`recorded transactions of ${name}`, () => {
    test('have the entry digests, the tree and the inclusion proofs that are made here', () => {
      assert.equal(recorded.length, count);
      for (const tx of recorded) {
        const digests = tx.entries.map((entry) => {
          assert.equal(sha(hex(entry.value)).toString('hex'), entry.hValue, tx.name);
          const metadata = hex(entry.metadata ?? '');
          return entryDigest(tx.header.version, metadata, hex(entry.key), hex(entry.hValue));
        });
        assert.deepEqual(digests, hexes(tx.entries.map(({ digest }) => digest)), tx.name);
        const leaves = Buffer.concat(digests);
        assert.equal(hashTreeRoot(leaves).toString('hex'), tx.header.eH, tx.name);
        assert.equal(tx.inclusionProofs.length, digests.length);
        for (const [index, { leaf, width, terms }] of tx.inclusionProofs.entries()) {
          const proof = { leaf, width, terms: hexes(terms) };
          assert.deepEqual(hashTreeProof(leaves, index), proof);
          assert.ok(verifyHashTreeProof(proof, digests[index] as Buffer, hex(tx.header.eH)));
        }
      }
    });

    test('have the inner hash, the Alh and the bytes that are made here', () => {
      for (const tx of recorded.filter((each) => isRepresentable(each.header))) {
        const read = headerOf(tx.header);
        assert.equal(innerHash(read).toString('hex'), tx.header.innerHash, tx.name);
        assert.equal(alhOf(read).toString('hex'), tx.header.alh, tx.name);
        assert.equal(headerBytes(read).toString('hex'), tx.header.headerBytes, tx.name);
        assert.deepEqual(parseHeaderBytes(hex(tx.header.headerBytes)), read, tx.name);
        const inner = hex(tx.header.innerHash);
        assert.equal(alhFrom(read.id, read.prevAlh, inner).toString('hex'), tx.header.alh);
      }
    });

    test('are refused when a number is no safe integer', () => {
      const large = recorded.filter((each) => !isRepresentable(each.header));
      assert.equal(large.length, 1);
      for (const tx of large) {
        assert.throws(() => alhOf(headerOf(tx.header)), { name: 'RangeError', message: /^id / });
        assert.equal(parseHeaderBytes(hex(tx.header.headerBytes)), undefined);
      }
    });
  });
}

test('recorded headers of version 0 hash up to 65535 entries and are refused above', () => {
  assert.equal(v0.headerOnly.length, 9);
  for (const recorded of v0.headerOnly) {
    const read = headerOf({ ...recorded, version: 0, innerHash: '', alh: '' });
    if (recorded.nentries > 0xffff) {
      assert.notEqual(recorded.alhV0_9_2, recorded.alhV1_11_1);
      assert.throws(() => alhOf(read), { name: 'RangeError', message: /^nentries .*65535/ });
    } else {
      assert.equal(alhOf(read).toString('hex'), recorded.alhV0_9_2);
      assert.equal(recorded.alhV1_11_1, recorded.alhV0_9_2);
      assert.equal(innerHash(read).toString('hex'), recorded.innerHashV1_11_1);
    }
  }
});

test('recorded headers of version 1 hash with any number of entries', () => {
  assert.equal(v1.headerOnly.length, 9);
  for (const recorded of v1.headerOnly) {
    assert.equal(innerHash(headerOf(recorded)).toString('hex'), recorded.innerHash);
    assert.equal(alhOf(headerOf(recorded)).toString('hex'), recorded.alh);
  }
});

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
const txMetadata = fc.option(
  fc
    .record(
      {
        truncatedTxId: fc.maxSafeNat(),
        extra: fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes)),
      },
      { requiredKeys: [], noNullPrototype: true },
    )
    .filter((metadata) => Object.keys(metadata).length > 0),
  { nil: undefined },
);
const headers: fc.Arbitrary<TxHeader> = fc
  .record({
    version: fc.constantFrom<0 | 1>(0, 1),
    id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    prevAlh: digests,
    ts: fc.maxSafeInteger(),
    nentries: fc.nat(0xffff),
    eH: digests,
    lag: fc.nat(100),
    blRoot: digests,
    metadata: txMetadata,
  })
  .map(({ lag, metadata, ...rest }) => ({
    ...rest,
    blTxId: Math.max(0, rest.id - 1 - lag),
    ...(metadata === undefined || rest.version === 0 ? {} : { metadata }),
  }));

test('a header is read back as it was written, and hashes the same', () => {
  fc.assert(
    fc.property(headers, (written) => {
      const read = parseHeaderBytes(headerBytes(written));
      assert.deepEqual(read, written);
      assert.deepEqual(alhOf(read as TxHeader), alhOf(written));
    }),
  );
});

test('bytes that are no header are never half read', () => {
  const bytes = headerBytes({ ...header, metadata: { truncatedTxId: 5, extra: Buffer.alloc(9) } });
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(parseHeaderBytes(bytes.subarray(0, length)), undefined);
  }
  assert.equal(parseHeaderBytes(Buffer.concat([bytes, Buffer.alloc(1)])), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 124, maxLength: 160 }), (input) => {
      const read = parseHeaderBytes(input);
      if (read !== undefined) assert.deepEqual(headerBytes(read), Buffer.from(input));
    }),
  );
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    const read = parseHeaderBytes(flipped);
    if (read !== undefined) assert.deepEqual(headerBytes(read), flipped);
  }
});

test('metadata that would be written differently again is not read', () => {
  const bytes = headerBytes({ ...header, metadata: { truncatedTxId: 5, extra: Buffer.alloc(1) } });
  const [truncated, extra] = [bytes.subarray(52, 61), bytes.subarray(61, 65)];
  const turned = Buffer.concat([bytes.subarray(0, 52), extra, truncated, bytes.subarray(65)]);
  assert.notEqual(parseHeaderBytes(bytes), undefined);
  assert.equal(turned.length, bytes.length);
  assert.equal(parseHeaderBytes(turned), undefined);
});

test('every field takes part in the Alh', () => {
  const other = sha(Buffer.from('other'));
  const changes: Partial<TxHeader>[] = [
    { id: 8 },
    { prevAlh: other },
    { ts: header.ts + 1 },
    { version: 0 },
    { metadata: { truncatedTxId: 1 } },
    { metadata: { truncatedTxId: 0 } },
    { metadata: { extra: Buffer.from([1]) } },
    { nentries: 4 },
    { eH: other },
    { blTxId: 5 },
    { blRoot: other },
  ];
  const seen = new Set([alhOf(header).toString('hex')]);
  for (const change of changes) seen.add(alhOf({ ...header, ...change }).toString('hex'));
  assert.equal(seen.size, changes.length + 1);
});

test('a header that cannot be hashed is refused by the name of the field', () => {
  const wrong: [keyof TxHeader, unknown[], string][] = [
    ['id', [0, -1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY], 'RangeError'],
    ['id', ['7', 7n, null, undefined], 'TypeError'],
    ['ts', [Number.NaN, 2 ** 53, -(2 ** 53), 0.5], 'RangeError'],
    ['ts', ['0', 0n], 'TypeError'],
    ['version', [2, -1, Number.NaN, '1', undefined], 'RangeError'],
    ['nentries', [-1, 2 ** 32, Number.NaN], 'RangeError'],
    ['nentries', [null], 'TypeError'],
    ['blTxId', [-1, 7, 8, Number.NaN], 'RangeError'],
    ['prevAlh', [Buffer.alloc(31), Buffer.alloc(33), Buffer.alloc(0)], 'RangeError'],
    ['prevAlh', [undefined, 'text', new Array(32).fill(0)], 'TypeError'],
    ['eH', [Buffer.alloc(31)], 'RangeError'],
    ['eH', [null], 'TypeError'],
    ['blRoot', [Buffer.alloc(33)], 'RangeError'],
    ['blRoot', [{}], 'TypeError'],
    ['metadata', ['text', null], 'TypeError'],
  ];
  for (const [field, values, name] of wrong) {
    for (const value of values) {
      const bad = { ...header, [field]: value } as TxHeader;
      for (const make of [alhOf, innerHash, headerBytes]) {
        assert.throws(() => make(bad), { name, message: new RegExp(`^${field} `) }, field);
      }
    }
  }
  const tooLong = { ...header, metadata: { extra: Buffer.alloc(257) } };
  assert.throws(() => alhOf(tooLong), { name: 'RangeError', message: /^extra / });
  const unhashed: TxHeader = { ...header, version: 0, metadata: { truncatedTxId: 5 } };
  assert.throws(() => alhOf(unhashed), { name: 'RangeError', message: /^metadata / });
  assert.doesNotThrow(() => alhOf({ ...header, version: 0, metadata: {} }));
});

test('alhFrom refuses what it cannot hash', () => {
  assert.throws(() => alhFrom(0, EMPTY_HASH, EMPTY_HASH), { name: 'RangeError', message: /^id / });
  assert.throws(() => alhFrom(1, Buffer.alloc(5), EMPTY_HASH), {
    name: 'RangeError',
    message: /^prevAlh /,
  });
  assert.throws(() => alhFrom(1, EMPTY_HASH, Buffer.alloc(5)), {
    name: 'RangeError',
    message: /^inner /,
  });
});
