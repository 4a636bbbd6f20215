import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  METHOD_NAMES,
  type MethodName,
  methods,
  pb,
  WireDecodeError,
  type WireErrorCode,
} from '../../src/wire/index.js';
import { readVector } from '../support/project.js';

const samples = readVector('wire-samples.json') as { method: MethodName; hex: string }[];

function fromHex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** Anything but a message or a `WireDecodeError` fails the test. */
function tryDecode(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
  try {
    decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof WireDecodeError) return false;
    throw error;
  }
}

function refused(code: WireErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof WireDecodeError && error.code === code;
}

describe('64-bit numbers', () => {
  const varints: [string, number][] = [
    ['ffffffffffffff0f', 2 ** 53 - 1],
    ['8080808080808010', Number.POSITIVE_INFINITY],
    ['ffffffffffffffff7f', Number.POSITIVE_INFINITY],
    ['80808080 10', 2 ** 32],
    ['ffffffff0f', 2 ** 32 - 1],
    ['ffffffff07', 2 ** 31 - 1],
    ['8080808008', 2 ** 31],
    ['808000', 0],
  ];

  test('unsigned: exact up to 2^53 - 1, infinity above', () => {
    for (const [hex, value] of varints) {
      assert.equal(pb.decodeKeyRequest(fromHex(`10${hex}`)).atTx, value, hex);
    }
    assert.equal(
      pb.decodeKeyRequest(fromHex('18 ffffffffffffffffff01')).sinceTx,
      Number.POSITIVE_INFINITY,
    );
  });

  test('signed: exact within 2^53 - 1, infinity with the sign beyond', () => {
    const signed: [string, number][] = [
      ...varints,
      ['ffffffffffffffffff01', -1],
      ['818080808080 80f0ff01', -(2 ** 53 - 1)],
      ['808080808080 80f0ff01', Number.NEGATIVE_INFINITY],
      ['80808080808080808001', Number.NEGATIVE_INFINITY],
      ['ffffffffffffffff7f', Number.POSITIVE_INFINITY],
    ];
    for (const [hex, value] of signed) {
      assert.equal(pb.decodeKeyRequest(fromHex(`28${hex}`)).atRevision, value, hex);
    }
  });

  test('are written and read without loss', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeInteger(), (atTx, atRevision) => {
        const read = pb.decodeKeyRequest(pb.encodeKeyRequest({ atTx, atRevision }));
        assert.equal(read.atTx, atTx);
        assert.equal(read.atRevision, atRevision);
      }),
    );
  });

  test('that are no safe integers are not written but refused, naming the field', () => {
    const wrong: unknown[] = [2 ** 53, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 5n, '5'];
    for (const value of wrong) {
      assert.throws(() => pb.encodeKeyRequest({ atTx: value as number }), {
        name: 'RangeError',
        message: /^KeyRequest\.atTx: expected a safe integer from 0, got /,
      });
    }
    for (const value of [-(2 ** 53), 1.5, Number.NEGATIVE_INFINITY, 5n, 0n]) {
      assert.throws(() => pb.encodeKeyRequest({ atRevision: value as number }), RangeError);
    }
    for (const value of [2 ** 31, -(2 ** 31) - 1, 0.5, 7n]) {
      assert.throws(() => pb.encodeHistoryRequest({ limit: value as number }), RangeError);
    }
    for (const value of [2 ** 32, -1, 0.5, 7n]) {
      assert.throws(() => pb.encodeTxScanRequest({ limit: value as number }), RangeError);
    }
    assert.throws(() => pb.encodeScore({ score: 1n as unknown as number }), RangeError);
  });

  test('a refused message leaves nothing behind in the next one', () => {
    assert.throws(() => pb.encodeKeyRequest({ sinceTx: 9, atTx: -1 }), RangeError);
    assert.equal(pb.encodeKeyRequest({ atTx: 1 }).toString('hex'), '1001');
  });
});

describe('hostile bytes', () => {
  test('a message cut at any place is read or refused, never more', () => {
    for (const { method, hex } of samples) {
      const whole = fromHex(hex);
      for (let end = 0; end < whole.length; end++) {
        tryDecode(methods[method].decodeRequest, whole.subarray(0, end));
      }
    }
    assert.throws(() => pb.decodeKey(fromHex('0a0561')), refused('messageTruncated'));
    assert.throws(() => pb.decodeKeyRequest(fromHex('10')), refused('messageTruncated'));
    assert.throws(() => pb.decodeKeyRequest(fromHex('1080')), refused('messageTruncated'));
    assert.throws(() => pb.decodeScore(fromHex('09000000')), refused('messageTruncated'));
  });

  test('random bytes and changed bytes give a message or a WireDecodeError', () => {
    const method = fc.constantFrom(...METHOD_NAMES);
    fc.assert(
      fc.property(method, fc.uint8Array({ maxLength: 60 }), (name, bytes) => {
        tryDecode(methods[name].decodeRequest, bytes);
        tryDecode(methods[name].decodeResponse, bytes);
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(), fc.nat(255), (sample, at, byte) => {
        const bytes = fromHex(sample.hex);
        bytes[at % bytes.length] = byte;
        tryDecode(methods[sample.method].decodeRequest, bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test('a field must not reach beyond the message that it stands in', () => {
    // KeyValue of 3 bytes whose key declares 2; the second byte belongs to SetRequest.
    assert.throws(
      () => pb.decodeSetRequest(fromHex('0a03 0a0261 1001')),
      refused('messageTruncated'),
    );
  });

  test('a declared length beyond the input is refused', () => {
    assert.throws(() => pb.decodeKey(fromHex('0affffffff0f')), refused('messageTruncated'));
    assert.throws(
      () => pb.decodeKey(fromHex('0affffffffffffffffff01')),
      refused('messageTruncated'),
    );
  });

  test('numbers over 64 bits, field number 0 and unknown wire types are malformed', () => {
    const malformed = refused('messageMalformed');
    assert.throws(() => pb.decodeKeyRequest(fromHex('10 ffffffffffffffffffff01')), malformed);
    assert.throws(() => pb.decodeKeyRequest(fromHex('10 ffffffffffffffffff02')), malformed);
    assert.throws(() => pb.decodeKeyRequest(fromHex('00')), malformed);
    assert.throws(() => pb.decodeKeyRequest(fromHex('0201')), malformed);
    assert.throws(() => pb.decodeKeyRequest(fromHex('8000 01')), malformed);
    assert.throws(() => pb.decodeKeyRequest(fromHex('7e')), malformed);
    assert.throws(() => pb.decodeKeyRequest(fromHex('7f')), malformed);
    assert.throws(() => pb.decodeKeyRequest(fromHex('8080808010 00')), malformed);
  });

  test('unknown fields of every wire type are skipped, and known ones with a foreign wire type', () => {
    const unknown = '7805 790102030405060708 7a026162 7d01020304 7b 0801 7c';
    const read = pb.decodeKeyRequest(fromHex(`${unknown} 1007 ${unknown} 0d01020304`));
    assert.equal(read.atTx, 7);
    assert.equal(read.key.length, 0);
    assert.throws(() => pb.decodeKeyRequest(fromHex('7a05 61')), refused('messageTruncated'));
  });

  test('groups are skipped to a bounded depth, and must end where they began', () => {
    const nested = (depth: number) => fromHex('7b'.repeat(depth) + '7c'.repeat(depth));
    assert.equal(pb.decodeKeyRequest(nested(100)).atTx, 0);
    assert.throws(() => pb.decodeKeyRequest(nested(101)), refused('messageMalformed'));
    assert.throws(() => pb.decodeKeyRequest(nested(1_000_000)), refused('messageMalformed'));
    assert.throws(() => pb.decodeKeyRequest(fromHex('7c')), refused('messageMalformed'));
    assert.throws(() => pb.decodeKeyRequest(fromHex('7b 74')), refused('messageMalformed'));
    assert.throws(() => pb.decodeKeyRequest(fromHex('7b')), refused('messageTruncated'));
  });

  test('text that is not UTF-8 is refused, the replacement character itself is not', () => {
    assert.throws(() => pb.decodeDatabase(fromHex('0a02 c328')), refused('messageInvalidText'));
    assert.equal(pb.decodeDatabase(fromHex('0a03 efbfbd')).databaseName, '\ufffd');
  });

  test('more elements than the bound are refused before they fill the memory', () => {
    const empties = Buffer.alloc(2 * 262_145);
    for (let i = 0; i < empties.length; i += 2) empties[i] = 0x0a;
    const tooMany = refused('messageTooManyElements');
    assert.throws(() => methods.Set.decodeRequest(empties), tooMany);
    assert.throws(() => methods.GetAll.decodeRequest(empties), tooMany);
    assert.equal(methods.Set.decodeRequest(empties.subarray(2)).KVs.length, 262_144);
    assert.equal(methods.Scan.decodeResponse(empties).entries.length, 262_145);
    assert.throws(() => pb.decodeChunk(fromHex('12001200'), 1), tooMany);
  });

  test('a message that occurs a hundred thousand times is merged in one pass', () => {
    const once = pb.encodeVerifiableSetRequest({ setRequest: { KVs: [{}] } });
    const all = Buffer.concat(Array.from({ length: 100_000 }, () => once));
    assert.equal(pb.decodeVerifiableSetRequest(all).setRequest?.KVs.length, 100_000);
  });

  test('map entries: the last of equal keys holds, missing parts have defaults', () => {
    const chunk = pb.decodeChunk(fromHex('1206 0a0161 120162 1206 0a0161 120163 1200'));
    assert.deepEqual([...chunk.metadata.keys()], ['a', '']);
    assert.deepEqual(chunk.metadata.get('a'), new Uint8Array([0x63]));
    assert.equal(chunk.metadata.get('')?.length, 0);
    const proto = pb.decodeChunk(
      pb.encodeChunk({ metadata: new Map([['__proto__', fromHex('01')]]) }),
    );
    assert.equal(proto.metadata.get('__proto__')?.length, 1);
  });
});
