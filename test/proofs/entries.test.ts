import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  parseReferenceValue,
  parseSortedSetKey,
  rawKeyOf,
  rawReferenceValue,
  rawSortedSetKey,
  rawValueOf,
} from '../../src/proofs/index.js';
import { readVector } from '../support/project.js';
import { hex } from './vectors.js';

interface EncodingVector {
  readonly setKeys: readonly { key: string; encoded: string }[];
  readonly plainValues: readonly { value: string; encoded: string }[];
  readonly references: readonly {
    key: string;
    referencedKey: string;
    atTx: string;
    encodedKey: string;
    encodedValue: string;
  }[];
  readonly sortedSetKeys: readonly {
    set: string;
    score: string;
    key: string;
    atTx: string;
    encodedKey: string;
    encodedValue: string;
  }[];
}

const vector = readVector('encoding.json') as EncodingVector;

function scoreOf(text: string): number {
  return Number(text.replace('Inf', 'Infinity'));
}

describe('recorded encodings', () => {
  test('of plain keys and values are those made here', () => {
    assert.equal(vector.setKeys.length, 5);
    for (const { key, encoded } of vector.setKeys) {
      assert.equal(rawKeyOf(hex(key)).toString('hex'), encoded);
    }
    assert.equal(vector.plainValues.length, 3);
    for (const { value, encoded } of vector.plainValues) {
      assert.equal(rawValueOf(hex(value)).toString('hex'), encoded);
    }
  });

  test('of references are made and read here', () => {
    assert.equal(vector.references.length, 3);
    for (const { key, referencedKey, atTx, encodedKey, encodedValue } of vector.references) {
      assert.equal(rawKeyOf(hex(key)).toString('hex'), encodedKey);
      if (!Number.isSafeInteger(Number(atTx))) {
        assert.equal(parseReferenceValue(hex(encodedValue)), undefined);
        continue;
      }
      const encoded = rawReferenceValue(hex(referencedKey), Number(atTx));
      assert.equal(encoded.toString('hex'), encodedValue);
      const expected = { atTx: Number(atTx), referencedKey: hex(referencedKey) };
      assert.deepEqual(parseReferenceValue(encoded), expected);
    }
  });

  test('of sorted-set entries are made and read here, every score bit by bit', () => {
    assert.equal(vector.sortedSetKeys.length, 23);
    for (const recorded of vector.sortedSetKeys) {
      const { set, key, encodedKey, encodedValue } = recorded;
      const [score, atTx] = [scoreOf(recorded.score), Number(recorded.atTx)];
      assert.equal(encodedValue, '');
      if (!Number.isSafeInteger(atTx)) {
        assert.equal(parseSortedSetKey(hex(encodedKey)), undefined);
        continue;
      }
      assert.equal(rawSortedSetKey(hex(set), score, hex(key), atTx).toString('hex'), encodedKey);
      const expected = { set: hex(set), score, key: hex(key), atTx };
      assert.deepEqual(parseSortedSetKey(hex(encodedKey)), expected);
    }
  });
});

const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => Buffer.from(each));

test('what was written is read back', () => {
  fc.assert(
    fc.property(
      bytes,
      fc.double({ noNaN: true }),
      bytes,
      fc.maxSafeNat(),
      (set, score, key, atTx) => {
        const element = { set, score, key, atTx };
        assert.deepEqual(parseSortedSetKey(rawSortedSetKey(set, score, key, atTx)), element);
        const reference = { atTx, referencedKey: key };
        assert.deepEqual(parseReferenceValue(rawReferenceValue(key, atTx)), reference);
      },
    ),
  );
});

test('bytes of another kind, cut or prolonged ones are not read', () => {
  const element = rawSortedSetKey(Buffer.from('set'), 1.5, Buffer.from('key'), 3);
  const reference = rawReferenceValue(Buffer.from('key'), 3);
  for (let length = 0; length < element.length; length++) {
    assert.equal(parseSortedSetKey(element.subarray(0, length)), undefined);
  }
  assert.equal(parseSortedSetKey(Buffer.concat([element, Buffer.alloc(1)])), undefined);
  for (let length = 0; length < 10; length++) {
    assert.equal(parseReferenceValue(reference.subarray(0, length)), undefined);
  }
  for (const at of [0, 1, 8, 20, 27, 28]) {
    const changed = Buffer.from(element);
    changed[at] = 0xff;
    assert.equal(parseSortedSetKey(changed), undefined, `byte ${at}`);
  }
  for (const at of [0, 1, 9]) {
    const changed = Buffer.from(reference);
    changed[at] = 0xff;
    assert.equal(parseReferenceValue(changed), undefined, `byte ${at}`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (input) => {
      const read = parseSortedSetKey(input);
      if (read === undefined || Number.isNaN(read.score)) return;
      const again = rawSortedSetKey(read.set, read.score, read.key, read.atTx);
      assert.deepEqual(again, Buffer.from(input));
    }),
  );
});

test('arguments that make no sense are refused by name', () => {
  const some = Buffer.from('some');
  for (const atTx of [-1, 0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => rawReferenceValue(some, atTx), { name: 'RangeError', message: /^atTx / });
    assert.throws(() => rawSortedSetKey(some, 1, some, atTx), {
      name: 'RangeError',
      message: /^atTx /,
    });
  }
  assert.throws(() => rawSortedSetKey(some, Number.NaN, some, 0), {
    name: 'RangeError',
    message: /^score /,
  });
  assert.throws(() => rawSortedSetKey(some, '1' as never, some, 0), {
    name: 'TypeError',
    message: /^score /,
  });
  const text = 'text' as never;
  assert.throws(() => rawKeyOf(text), { name: 'TypeError', message: /^key / });
  assert.throws(() => rawValueOf(text), { name: 'TypeError', message: /^value / });
  assert.throws(() => rawReferenceValue(text, 0), {
    name: 'TypeError',
    message: /^referencedKey /,
  });
  assert.throws(() => rawSortedSetKey(text, 1, some, 0), { name: 'TypeError', message: /^set / });
  assert.throws(() => rawSortedSetKey(some, 1, text, 0), { name: 'TypeError', message: /^key / });
});
