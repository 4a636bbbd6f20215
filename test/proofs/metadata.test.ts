import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  decodeKvMetadata,
  decodeTxMetadata,
  encodeKvMetadata,
  encodeTxMetadata,
  type KvMetadata,
  MetadataError,
  type TxMetadata,
} from '../../src/proofs/index.js';
import { readVector } from '../support/project.js';
import { hex } from './vectors.js';

interface Decode {
  readonly encoded: string;
  readonly decodes: boolean;
  readonly reencoded?: string;
}

interface EncodingVector {
  readonly kvMetadata: readonly {
    deleted: boolean;
    expiresAt: string | null;
    nonIndexable: boolean;
    encoded: string;
  }[];
  readonly kvMetadataDecode: readonly Decode[];
  readonly txMetadata: readonly { truncatedTxID: string | null; extra: string; encoded: string }[];
  readonly txMetadataDecode: readonly Decode[];
}

const vector = readVector('encoding.json') as EncodingVector;

describe('recorded entry metadata', () => {
  test('is encoded and decoded here', () => {
    assert.equal(vector.kvMetadata.length, 24);
    for (const { deleted, expiresAt, nonIndexable, encoded } of vector.kvMetadata) {
      const metadata: KvMetadata = {
        ...(deleted ? { deleted } : {}),
        ...(expiresAt === null ? {} : { expiresAt: Number(expiresAt) }),
        ...(nonIndexable ? { nonIndexable } : {}),
      };
      assert.equal(encodeKvMetadata(metadata).toString('hex'), encoded);
      assert.deepEqual(decodeKvMetadata(hex(encoded)), encoded === '' ? undefined : metadata);
      const spelledOut = { ...metadata, deleted, nonIndexable };
      assert.equal(encodeKvMetadata(spelledOut).toString('hex'), encoded);
    }
  });

  test('decodes or is refused as recorded', () => {
    assert.equal(vector.kvMetadataDecode.length, 7);
    for (const { encoded, decodes, reencoded } of vector.kvMetadataDecode) {
      if (decodes) {
        assert.equal(encodeKvMetadata(decodeKvMetadata(hex(encoded))).toString('hex'), reencoded);
      } else assert.throws(() => decodeKvMetadata(hex(encoded)), MetadataError, encoded);
    }
  });
});

describe('recorded transaction metadata', () => {
  test('is encoded and decoded here, or refused for an id that is no safe integer', () => {
    assert.equal(vector.txMetadata.length, 16);
    for (const { truncatedTxID, extra, encoded } of vector.txMetadata) {
      const metadata: TxMetadata = {
        ...(truncatedTxID === null ? {} : { truncatedTxId: Number(truncatedTxID) }),
        ...(extra === '' ? {} : { extra: hex(extra) }),
      };
      if (Number.isSafeInteger(Number(truncatedTxID))) {
        assert.equal(encodeTxMetadata(metadata).toString('hex'), encoded);
        assert.deepEqual(decodeTxMetadata(hex(encoded)), encoded === '' ? undefined : metadata);
      } else {
        assert.throws(() => encodeTxMetadata(metadata), RangeError);
        assert.throws(() => decodeTxMetadata(hex(encoded)), MetadataError);
      }
    }
  });

  test('decodes or is refused as recorded', () => {
    assert.equal(vector.txMetadataDecode.length, 5);
    for (const { encoded, decodes, reencoded } of vector.txMetadataDecode) {
      if (decodes) {
        assert.equal(encodeTxMetadata(decodeTxMetadata(hex(encoded))).toString('hex'), reencoded);
      } else assert.throws(() => decodeTxMetadata(hex(encoded)), MetadataError, encoded);
    }
  });
});

test('nothing set is zero bytes', () => {
  for (const nothing of [undefined, {}, { deleted: false, nonIndexable: false }]) {
    assert.equal(encodeKvMetadata(nothing).length, 0);
  }
  for (const nothing of [undefined, {}]) assert.equal(encodeTxMetadata(nothing).length, 0);
});

test('any bytes decode or are refused as malformed, and what decodes is stable', () => {
  const codes = fc.oneof(fc.constantFrom(0, 1, 2), fc.nat(255));
  const input = fc.array(codes, { maxLength: 300 }).map((numbers) => Uint8Array.from(numbers));
  const [kv, tx] = [
    (bytes: Uint8Array) => encodeKvMetadata(decodeKvMetadata(bytes)),
    (bytes: Uint8Array) => encodeTxMetadata(decodeTxMetadata(bytes)),
  ];
  fc.assert(
    fc.property(input, fc.constantFrom(kv, tx), (bytes, recode) => {
      try {
        const once = recode(bytes);
        assert.deepEqual(recode(once), once);
      } catch (error) {
        if (!(error instanceof MetadataError)) throw error;
        assert.equal(error.code, 'metadataMalformed');
      }
    }),
  );
});

test('lengths beyond the largest valid ones are refused', () => {
  assert.throws(() => decodeKvMetadata(Buffer.alloc(12)), MetadataError);
  assert.doesNotThrow(() => decodeKvMetadata(Buffer.alloc(11)));
  const extra = Buffer.alloc(256, 1);
  const longest = encodeTxMetadata({ truncatedTxId: 1, extra });
  assert.equal(longest.length, 268);
  assert.deepEqual(decodeTxMetadata(longest), { truncatedTxId: 1, extra });
  assert.throws(() => decodeTxMetadata(Buffer.concat([longest, longest])), MetadataError);
  const tooLong = Buffer.concat([Buffer.from([1, 1, 1]), extra, Buffer.alloc(1)]);
  assert.throws(() => decodeTxMetadata(tooLong), MetadataError);
  for (let length = 10; length < longest.length; length++) {
    assert.throws(() => decodeTxMetadata(longest.subarray(0, length)), MetadataError);
  }
});

test('numbers that would not survive are refused', () => {
  const beyond = Buffer.from('010020000000000000', 'hex');
  assert.throws(() => decodeKvMetadata(beyond), MetadataError);
  for (const number of [0.5, Number.NaN, 2 ** 53, Number.NEGATIVE_INFINITY]) {
    assert.throws(() => encodeKvMetadata({ expiresAt: number }), {
      name: 'RangeError',
      message: /^expiresAt /,
    });
    assert.throws(() => encodeTxMetadata({ truncatedTxId: number }), {
      name: 'RangeError',
      message: /^truncatedTxId /,
    });
  }
  assert.throws(() => encodeTxMetadata({ truncatedTxId: -1 }), RangeError);
  assert.throws(() => encodeTxMetadata({ truncatedTxId: 1n as never }), TypeError);
  assert.throws(() => encodeTxMetadata({ extra: 'text' as never }), {
    name: 'TypeError',
    message: /^extra /,
  });
  assert.throws(() => encodeTxMetadata({ extra: Buffer.alloc(257) }), {
    name: 'RangeError',
    message: /^extra /,
  });
});
