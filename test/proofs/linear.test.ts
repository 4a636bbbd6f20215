import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  makeLinearAdvanceProof,
  makeLinearProof,
  verifyLinearAdvanceProof,
  verifyLinearProof,
} from '../../src/proofs/index.js';
import { Ledger } from './ledger.js';
import { sha } from './naive.js';

const LAG = 6;
const chain = new Ledger();
for (let i = 0; i < 20; i++) {
  chain.append([{ rawKey: Buffer.from(`\0${i}`), rawValue: Buffer.from('\0') }], { lag: i % LAG });
}

test('a linear proof verifies between all pairs and for no other pair', () => {
  for (let b = 1; b <= chain.size; b++) {
    for (let a = 1; a <= b; a++) {
      const proof = makeLinearProof(chain, a, b);
      assert.equal(proof.terms.length, b - a + 1);
      assert.ok(verifyLinearProof(proof, a, b, chain.alh(a), chain.alh(b)));
      assert.ok(!verifyLinearProof(proof, a + 1, b, chain.alh(a), chain.alh(b)));
      assert.ok(!verifyLinearProof(proof, a, b + 1, chain.alh(a), chain.alh(b)));
      assert.ok(!verifyLinearProof(proof, a, b, sha(), chain.alh(b)));
      assert.ok(!verifyLinearProof(proof, a, b, chain.alh(a), sha()));
    }
  }
});

test('a linear proof that leaves out the way is refused', () => {
  const proof = makeLinearProof(chain, 5, 9);
  const short = { ...proof, terms: proof.terms.slice(0, 1) };
  assert.ok(!verifyLinearProof(short, 5, 9, chain.alh(5), chain.alh(5)));
  const long = { ...proof, terms: [...proof.terms, sha()] };
  assert.ok(!verifyLinearProof(long, 5, 9, chain.alh(5), chain.alh(9)));
  assert.ok(!verifyLinearProof({ ...proof, terms: [] }, 5, 9, chain.alh(5), chain.alh(9)));
});

test('a linear advance proof covers what the target tree holds and the source tree does not', () => {
  let made = 0;
  for (let b = 1; b <= chain.size; b++) {
    for (let a = 1; a <= b; a++) {
      const [source, target] = [chain.header(a), chain.header(b)];
      const end = Math.min(a, target.blTxId);
      if (end < source.blTxId) continue;
      const proof = makeLinearAdvanceProof(chain, source, target);
      const endAlh = end === 0 ? sha() : chain.alh(end);
      assert.ok(verifyLinearAdvanceProof(proof, source, target, endAlh));
      if (proof === undefined) continue;
      made++;
      assert.equal(proof.linearProofTerms.length, end - source.blTxId);
      assert.ok(!verifyLinearAdvanceProof(proof, source, target, sha()));
      assert.ok(!verifyLinearAdvanceProof(undefined, source, target, endAlh));
      const holey = { ...proof, inclusionProofs: new Array(proof.inclusionProofs.length) };
      assert.ok(!verifyLinearAdvanceProof(holey, source, target, endAlh));
    }
  }
  assert.ok(made > 30);
});

test('arguments that make no sense are refused by name', () => {
  for (const bad of [0, -1, 0.5, Number.NaN]) {
    assert.throws(() => makeLinearProof(chain, bad, 5), { name: 'RangeError', message: /^a / });
    assert.throws(() => makeLinearProof(chain, 1, bad), { name: 'RangeError', message: /^b / });
  }
  assert.throws(() => makeLinearProof(chain, 6, 5), { name: 'RangeError', message: /^a / });
  const [source, target] = [{ ...chain.header(19), blTxId: 18 }, chain.header(6)];
  assert.throws(() => makeLinearAdvanceProof(chain, source, target), {
    name: 'RangeError',
    message: /^target /,
  });
  assert.ok(!verifyLinearAdvanceProof(undefined, source, target, sha()));
});
