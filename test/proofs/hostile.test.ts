import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  consistencyTerms,
  inclusionTerms,
  makeDualProof,
  makeLinearAdvanceProof,
  makeLinearProof,
  rawKeyOf,
  rawValueOf,
  verifyConsistency,
  verifyDualProof,
  verifyGet,
  verifyHashTreeProof,
  verifyInclusion,
  verifyLastInclusion,
  verifyLinearAdvanceProof,
  verifyLinearProof,
  verifySet,
  verifySetReference,
  verifyTxById,
  verifyZAdd,
} from '../../src/proofs/index.js';
import { digestOf, Ledger } from './ledger.js';
import { paths, replaced } from './mutations.js';
import { sha } from './naive.js';

/**
 * Every verifier gets arguments that it accepts, in which one or several parts at any depth are replaced
 * by what a hostile or broken server could make a client hold. It must answer, and never throw.
 */

const chain = new Ledger();
for (let i = 1; i <= 12; i++) {
  const entries = [i, i + 100].map((n) => ({
    rawKey: rawKeyOf(Buffer.from(`key ${n}`)),
    rawValue: rawValueOf(Buffer.from(`value ${n}`)),
    metadata: { expiresAt: 1_800_000_000 },
  }));
  const metadata = i === 5 ? { metadata: { truncatedTxId: 1, extra: Buffer.from('extra') } } : {};
  chain.append(i === 9 ? entries.slice(0, 1) : entries, { lag: i < 8 ? i % 4 : 0, ...metadata });
}
const root = (size: number) => chain.nodes.head(0, size);
const trust = { state: chain.state(5) };
const [key, value] = [Buffer.from('key 9'), Buffer.from('value 9')];
const metadata = { expiresAt: 1_800_000_000 };
const proved = chain.answer(9, 5);
const entries = chain.tx(9).entries.map((entry) => ({ ...entry, hValue: sha(entry.rawValue) }));
const got = {
  ...proved,
  txId: 9,
  key,
  value,
  metadata,
  inclusionProof: chain.inclusionProof(9, 0),
};
const referencedBy = { txId: 9, key, atTx: 1, metadata };
const [source, target] = [chain.header(7), chain.header(12)];

type Verifier = (...args: never[]) => unknown;

const cases: [Verifier, readonly unknown[], boolean][] = [
  [verifyInclusion, [inclusionTerms(chain.nodes, 5, 11), 5, 11, chain.alh(5), root(11)], true],
  [verifyLastInclusion, [inclusionTerms(chain.nodes, 7, 7), 7, chain.alh(7), root(7)], true],
  [verifyConsistency, [consistencyTerms(chain.nodes, 5, 11), 5, 11, root(5), root(11)], true],
  [verifyConsistency, [consistencyTerms(chain.nodes, 7, 7), 7, 7, root(7), root(7)], true],
  [
    verifyHashTreeProof,
    [chain.inclusionProof(3, 1), digestOf(1, chain.tx(3).entries[1] as never), chain.header(3).eH],
    true,
  ],
  [verifyLinearProof, [makeLinearProof(chain, 3, 6), 3, 6, chain.alh(3), chain.alh(6)], true],
  [
    verifyLinearAdvanceProof,
    [makeLinearAdvanceProof(chain, source, target), source, target, chain.alh(7)],
    true,
  ],
  [
    verifyDualProof,
    [makeDualProof(source, target, chain), 7, 12, chain.alh(7), chain.alh(12)],
    true,
  ],
  [verifySet, [[{ key, value, metadata }], proved, trust], true],
  [verifySetReference, [{ key, referencedKey: key, atTx: 1 }, proved, trust], false],
  [verifyZAdd, [{ set: key, score: 1, key, atTx: 1 }, proved, trust], false],
  [verifyTxById, [9, { ...proved, entries }, trust], true],
  [verifyGet, [{ key, atTx: 9 }, got, trust], true],
  [verifyGet, [{ key, atTx: 9 }, { ...got, referencedBy }, trust], false],
];

const HOSTILE: readonly unknown[] = [
  undefined,
  null,
  true,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  -0,
  0,
  0.5,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  Number.MAX_VALUE,
  1n,
  '',
  'text',
  Symbol('symbol'),
  () => undefined,
  [],
  [null],
  new Array(3),
  new Array(100_000),
  [new Uint8Array(5)],
  Array.from({ length: 200 }, () => sha()),
  {},
  Object.create(null),
  { length: 2 ** 53 },
  { length: 32 },
  new Uint8Array(0),
  new Uint8Array(31),
  new Uint8Array(33),
  new Uint8Array(32),
  new Uint16Array(32),
  new ArrayBuffer(32),
  new DataView(new ArrayBuffer(32)),
];

/** The answer of a verifier; anything but a well-formed one fails the test. */
function answerOf(verify: Verifier, args: readonly unknown[]): boolean {
  const answer = verify(...(args as never[]));
  if (typeof answer === 'boolean') return answer;
  const { ok, reason } = answer as { ok: unknown; reason?: unknown };
  if (ok !== true) {
    assert.equal(ok, false);
    assert.equal(typeof reason, 'string');
  }
  return ok;
}

describe('verifiers answer and never throw', () => {
  test('to what they accept, if anything', () => {
    for (const [verify, args, ok] of cases) assert.equal(answerOf(verify, args), ok, verify.name);
  });

  test('when any single part is replaced', () => {
    for (const [verify, args] of cases) {
      for (const path of paths(args)) {
        for (const hostile of HOSTILE) answerOf(verify, replaced(args, path, hostile));
      }
    }
  });

  test('when arguments are missing', () => {
    for (const [verify, args] of cases) {
      for (let count = 0; count < args.length; count++) {
        assert.equal(answerOf(verify, args.slice(0, count)), false, verify.name);
      }
    }
  });

  test('when several parts are replaced', () => {
    const hostile = fc.oneof(
      fc.constantFrom(...HOSTILE),
      fc.anything({ withTypedArray: true, withSparseArray: true, withNullPrototype: true }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.array(fc.tuple(fc.nat(), hostile), { minLength: 1, maxLength: 4 }),
        ([verify, args], changes) => {
          let changed: readonly unknown[] = args;
          for (const [pick, by] of changes) {
            const all = [...paths(changed)];
            changed = replaced(changed, all[pick % all.length] ?? [0], by);
          }
          answerOf(verify, changed);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('when everything is replaced', () => {
    const anything = fc.anything({ withTypedArray: true, withBigInt: true });
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.array(anything, { minLength: 5, maxLength: 5 }),
        ([verify], args) => assert.equal(answerOf(verify, args), false),
      ),
      { numRuns: 1000 },
    );
  });
});
