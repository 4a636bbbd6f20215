import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  consistencyTerms,
  decodeTxMetadata,
  EMPTY_HASH,
  encodeTxMetadata,
  inclusionTerms,
  innerHash,
  MetadataError,
  makeDualProof,
  makeLinearAdvanceProof,
  makeLinearProof,
  verifyConsistency,
  verifyDualProof,
  verifyHashTreeProof,
  verifyInclusion,
  verifyLastInclusion,
  verifyLinearAdvanceProof,
  verifyLinearProof,
} from '../../src/proofs/index.js';
import { digestOf, Ledger } from './ledger.js';
import { type Path, paths, replaced, valueAt } from './mutations.js';

/**
 * Proofs all of whose parts are needed, with one part at a time made malformed: not throwing is not
 * enough, each must be refused. The lag makes even the linear advance proof needed.
 */

const chain = new Ledger();
for (let i = 1; i <= 24; i++) {
  const entries = ['a', 'b', 'c'].map((key) => ({
    rawKey: Buffer.from(`\0${key}${i}`),
    rawValue: Buffer.from('\0value'),
  }));
  chain.append(entries, { lag: i % 6 });
}
const root = (size: number) => chain.nodes.head(0, size);
// Transaction 11 lags by 5, transaction 24 by none.
const [source, target] = [chain.header(11), chain.header(24)];

type Verifier = (...args: never[]) => boolean | { readonly ok: boolean };

const cases: [Verifier, readonly unknown[]][] = [
  [verifyInclusion, [inclusionTerms(chain.nodes, 5, 11), 5, 11, chain.alh(5), root(11)]],
  [verifyLastInclusion, [inclusionTerms(chain.nodes, 7, 7), 7, chain.alh(7), root(7)]],
  [verifyConsistency, [consistencyTerms(chain.nodes, 5, 11), 5, 11, root(5), root(11)]],
  [
    verifyHashTreeProof,
    [chain.inclusionProof(3, 1), digestOf(1, chain.tx(3).entries[1] as never), chain.header(3).eH],
  ],
  [verifyLinearProof, [makeLinearProof(chain, 3, 6), 3, 6, chain.alh(3), chain.alh(6)]],
  [
    verifyLinearAdvanceProof,
    [makeLinearAdvanceProof(chain, source, target), source, target, chain.alh(11)],
  ],
  [verifyDualProof, [makeDualProof(source, target, chain), 11, 24, chain.alh(11), chain.alh(24)]],
];

const MALFORMED: readonly unknown[] = [
  undefined,
  null,
  Number.NaN,
  -1,
  0,
  0.5,
  2 ** 53,
  1n,
  '',
  [],
  new Array(3),
  [new Uint8Array(31)],
  {},
  new Uint8Array(31),
  new Uint8Array(33),
  { length: 32 },
];

function holds(verify: Verifier, args: readonly unknown[]): boolean {
  const answer = verify(...(args as never[]));
  return typeof answer === 'boolean' ? answer : answer.ok;
}

/** Well formed, and fields that a dual proof binds by the Alhs of its headers, and this proof does not. */
const UNBOUND: Readonly<Record<string, readonly unknown[]>> = {
  ts: [-1, 0],
  version: [0],
  nentries: [0],
};

function isFree(verify: Verifier, [argument, field]: Path, by: unknown): boolean {
  if (verify !== verifyLinearAdvanceProof || (argument !== 1 && argument !== 2)) return false;
  return UNBOUND[String(field)]?.includes(by) ?? false;
}

describe('a malformed part', () => {
  for (const [verify, args] of cases) {
    test(`is refused by ${verify.name}`, () => {
      assert.ok(holds(verify, args), 'the whole proof must hold');
      for (const path of paths(args)) {
        for (const by of MALFORMED) {
          if (isFree(verify, path, by)) continue;
          const verdict = holds(verify, replaced(args, path, by));
          assert.equal(
            verdict,
            false,
            `${path.join('.')}: ${typeof by} for ${typeof valueAt(args, path)}`,
          );
        }
      }
    });
  }
});

test('no linear proof begins before the first transaction', () => {
  const inner = [1, 2, 3].map((id) => innerHash(chain.header(id)));
  const proof = { sourceTxId: 0, targetTxId: 3, terms: [EMPTY_HASH, ...inner] };
  assert.ok(!verifyLinearProof(proof, 0, 3, EMPTY_HASH, chain.alh(3)));
  const shifted = { sourceTxId: -1, targetTxId: 3, terms: [EMPTY_HASH, ...inner, ...inner] };
  assert.ok(!verifyLinearProof(shifted, -1, 3, EMPTY_HASH, chain.alh(3)));
});

test('no proof ends before it begins', () => {
  const proof = { sourceTxId: 5, targetTxId: 4, terms: [] };
  assert.ok(!verifyLinearProof(proof, 5, 4, chain.alh(5), chain.alh(4)));
  assert.ok(!verifyInclusion([], 5, 4, chain.alh(5), root(4)));
  assert.ok(!verifyConsistency([], 5, 4, root(5), root(4)));
});

test('metadata that is cut short is refused, not read as shorter metadata', () => {
  const whole = encodeTxMetadata({ extra: Buffer.alloc(9, 1) });
  for (let length = 1; length < whole.length; length++) {
    assert.throws(() => decodeTxMetadata(whole.subarray(0, length)), MetadataError, `${length}`);
  }
});
