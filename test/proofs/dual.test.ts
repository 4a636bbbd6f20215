import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  alhOf,
  consistencyTerms,
  type DualProof,
  hashTreeRoot,
  inclusionTerms,
  innerHash,
  makeDualProof,
  type TxHeader,
  verifyConsistency,
  verifyDualProof,
  verifyInclusion,
} from '../../src/proofs/index.js';
import { readVector } from '../support/project.js';
import { Ledger } from './ledger.js';
import { bitFlips, paths, replaced, valueAt } from './mutations.js';
import { sha } from './naive.js';
import { dualProofOf, headerOf, hex, hexes, type VectorStore } from './vectors.js';

const { stores } = readVector('dual-proof.json') as { readonly stores: readonly VectorStore[] };

function ledgerOf(store: VectorStore): Ledger {
  const txs = store.txs.map((tx) => ({
    header: headerOf(tx.header),
    entries: tx.entries.map(({ key, value }) => ({ rawKey: hex(key), rawValue: hex(value) })),
  }));
  return Ledger.of(txs);
}

const ledgers = new Map(stores.map((store) => [store.name, ledgerOf(store)]));

function ledger(name: VectorStore['name']): Ledger {
  const found = ledgers.get(name);
  assert.ok(found);
  return found;
}

function verify(proof: DualProof, chain: Ledger, source: number, target: number): boolean {
  return verifyDualProof(proof, source, target, chain.alh(source), chain.alh(target)).ok;
}

/** Section 8.2: which parts a verifier has to look at. */
function isNeeded(part: string | number | undefined, source: TxHeader, target: TxHeader): boolean {
  if (part === 'inclusionProof') return source.id < target.blTxId;
  if (part === 'consistencyProof') return source.blTxId > 0;
  if (part === 'targetBlTxAlh' || part === 'lastInclusionProof') return target.blTxId > 0;
  return true;
}

const COUNTS = { v0: [40, 310], 'v0-lag': [26, 300], v1: [40, 310], 'v1-lag': [30, 306] } as const;

for (const store of stores) {
  describe(`the recorded chain ${store.name}`, () => {
    const chain = ledger(store.name);

    test('has the digests, roots and hashes that are made here', () => {
      assert.deepEqual([store.txs.length, store.dualProofs.length], COUNTS[store.name]);
      for (const [index, { header, entries }] of store.txs.entries()) {
        const { header: read, digests } = chain.tx(index + 1);
        assert.deepEqual(digests, Buffer.concat(hexes(entries.map(({ digest }) => digest))));
        assert.deepEqual(hashTreeRoot(digests), read.eH);
        assert.equal(innerHash(read).toString('hex'), header.innerHash);
        assert.equal(alhOf(read).toString('hex'), header.alh);
        assert.equal(
          read.blTxId === 0,
          read.blRoot.every((byte) => byte === 0),
        );
        if (read.blTxId > 0) assert.deepEqual(chain.nodes.head(0, read.blTxId), read.blRoot);
        if (index > 0) assert.deepEqual(read.prevAlh, chain.alh(index));
      }
    });

    test('has the dual proofs that are made here, and these verify', () => {
      for (const recorded of store.dualProofs) {
        const { source, target } = recorded;
        const made = makeDualProof(chain.header(source), chain.header(target), chain);
        const read = dualProofOf(recorded, chain.header(source), chain.header(target));
        // The older recording has no linear advance proofs.
        const { linearAdvanceProof, ...rest } = made;
        assert.deepEqual(store.source === 'v0.9.2' ? rest : made, read, `${source} to ${target}`);
        assert.ok(verify(made, chain, source, target), `${source} to ${target}`);
        if (linearAdvanceProof === undefined || store.source !== 'v0.9.2') {
          assert.ok(verify(read, chain, source, target), `${source} to ${target}`);
        }
      }
    });

    test('has dual proofs for every pair, which verify for no other pair', () => {
      for (let target = 1; target <= chain.size; target++) {
        for (let source = 1; source <= target; source++) {
          const proof = makeDualProof(chain.header(source), chain.header(target), chain);
          assert.ok(verify(proof, chain, source, target), `${source} to ${target}`);
          const others = [
            [source - 1, target],
            [source + 1, target],
            [source, target - 1],
            [source, target + 1],
            [target, source],
          ] as const;
          for (const [a, b] of others) {
            if (a === source && b === target) continue;
            if (a < 1 || b < 1 || a > chain.size || b > chain.size) continue;
            assert.ok(!verify(proof, chain, a, b), `${source} to ${target} as ${a} to ${b}`);
          }
        }
      }
    });
  });
}

describe('recorded proofs for documents', () => {
  const store = stores.find(({ name }) => name === 'v1');
  const chain = ledger('v1');

  test('are made of the same terms, and these verify', () => {
    assert.equal(store?.dualProofsV2?.length, 121);
    for (const recorded of store.dualProofsV2) {
      const [source, target] = [chain.header(recorded.source), chain.header(recorded.target)];
      if (source.id === target.id) {
        assert.deepEqual([recorded.inclusionProof, recorded.consistencyProof], [[], []]);
        continue;
      }
      const size = target.blTxId;
      const from = Math.max(1, source.blTxId);
      const [inclusion, consistency] = [
        inclusionTerms(chain.nodes, source.id, size),
        consistencyTerms(chain.nodes, from, size),
      ];
      assert.deepEqual(inclusion, hexes(recorded.inclusionProof));
      assert.deepEqual(consistency, hexes(recorded.consistencyProof));
      assert.ok(verifyInclusion(inclusion, source.id, size, chain.alh(source.id), target.blRoot));
      const root = chain.nodes.head(0, from);
      assert.ok(verifyConsistency(consistency, from, size, root, target.blRoot));
    }
  });
});

test('recorded mutations get the recorded verdict', () => {
  const mutated = stores.flatMap((store) => store.mutated ?? []);
  assert.equal(mutated.length, 17);
  for (const recorded of mutated) {
    const { proof, source, target, sourceTxId, targetTxId, sourceAlh, targetAlh } = recorded;
    const chain = ledger('v1');
    const read = dualProofOf(proof, chain.header(source), chain.header(target));
    const verdict = verifyDualProof(read, sourceTxId, targetTxId, hex(sourceAlh), hex(targetAlh));
    assert.equal(verdict.ok, recorded.verifies, recorded.case);
  }
});

const PAIRS: readonly (readonly [VectorStore['name'], number, number])[] = [
  ['v0', 5, 20],
  ['v0', 1, 40],
  ['v1', 1, 1],
  ['v1', 1, 2],
  ['v1', 2, 2],
  ['v1', 7, 7],
  ['v1', 8, 9],
  ['v1', 5, 20],
  ['v0-lag', 3, 15],
  ['v0-lag', 20, 26],
  ['v1-lag', 1, 3],
  ['v1-lag', 6, 13],
  ['v1-lag', 12, 21],
  ['v1-lag', 20, 30],
];

describe('a dual proof', () => {
  test('with any single bit flipped in a part that is needed is refused', () => {
    let flips = 0;
    for (const [name, source, target] of PAIRS) {
      const chain = ledger(name);
      const [from, to] = [chain.header(source), chain.header(target)];
      const proof = makeDualProof(from, to, chain);
      for (const path of paths(proof)) {
        const value = valueAt(proof, path);
        for (const flipped of bitFlips(value, path.at(-1))) {
          const verifies = verify(replaced(proof, path, flipped), chain, source, target);
          assert.equal(
            verifies,
            !isNeeded(path[0], from, to),
            `${name} ${source} ${path.join('.')}`,
          );
          flips++;
        }
      }
    }
    assert.ok(flips > 30_000);
  });

  test('with a term left out, added, doubled or swapped where it is needed is refused', () => {
    for (const [name, source, target] of PAIRS) {
      const chain = ledger(name);
      const [from, to] = [chain.header(source), chain.header(target)];
      const proof = makeDualProof(from, to, chain);
      for (const path of paths(proof)) {
        const list = valueAt(proof, path);
        if (!Array.isArray(list) || !isNeeded(path[0], from, to)) continue;
        const extra = Array.isArray(list[0]) ? [] : sha();
        const variants = [[extra, ...list], [...list, extra], list.slice(1), list.slice(0, -1)];
        for (let i = 1; i < list.length; i++) {
          variants.push(list.with(i, list[i - 1]).with(i - 1, list[i]));
          variants.push(list.toSpliced(i, 1), list.toSpliced(i, 0, list[i]));
        }
        for (const changed of variants) {
          // Nothing was there, or two headers that are equal need no terms to be compared.
          if (changed.length === list.length && list.length === 0) continue;
          if (path[0] === 'consistencyProof' && changed.length === 0 && source === target) continue;
          if (isSame(changed, list)) continue;
          const verifies = verify(replaced(proof, path, changed), chain, source, target);
          assert.ok(!verifies, `${name} ${source} to ${target} ${path.join('.')}`);
        }
      }
    }
  });

  test('ignores parts that it does not need', () => {
    const chain = ledger('v1');
    const junk = [Buffer.alloc(32, 1), Buffer.alloc(3)];
    const adjacent = makeDualProof(chain.header(8), chain.header(9), chain);
    assert.ok(verify({ ...adjacent, inclusionProof: junk }, chain, 8, 9));
    const first = makeDualProof(chain.header(1), chain.header(1), chain);
    const decorated: DualProof = {
      ...first,
      inclusionProof: junk,
      consistencyProof: junk,
      targetBlTxAlh: Buffer.alloc(0),
      lastInclusionProof: junk,
      linearAdvanceProof: { linearProofTerms: junk, inclusionProofs: [junk] },
    };
    assert.ok(verify(decorated, chain, 1, 1));
    const same = makeDualProof(chain.header(7), chain.header(7), chain);
    assert.ok(verify({ ...same, consistencyProof: [] }, chain, 7, 7));
  });

  test('needs a linear advance proof exactly when the source lags by two or more', () => {
    const chain = ledger('v1-lag');
    let needed = 0;
    for (let target = 1; target <= chain.size; target++) {
      for (let source = 1; source <= target; source++) {
        const [from, to] = [chain.header(source), chain.header(target)];
        const { linearAdvanceProof, ...rest } = makeDualProof(from, to, chain);
        const isPresent = linearAdvanceProof !== undefined;
        assert.equal(isPresent, Math.min(source, to.blTxId) > from.blTxId + 1);
        assert.equal(verify(rest, chain, source, target), !isPresent);
        if (isPresent) needed++;
      }
    }
    assert.ok(needed > 100);
  });

  test('over a fork in the middle of a lagging chain is refused', () => {
    const honest = new Ledger();
    for (let i = 0; i < 12; i++) honest.append([entry(`key ${i}`)], { lag: i < 6 ? i : 0 });
    const forked = new Ledger();
    for (let i = 0; i < 12; i++) {
      forked.append([entry(i === 3 ? 'another' : `key ${i}`)], { lag: i < 6 ? i : 0 });
    }
    for (let target = 5; target <= 12; target++) {
      for (const source of [4, 5].filter((id) => id < target)) {
        assert.ok(verify(proofOf(honest, source, target), honest, source, target));
        const grafted: DualProof = {
          ...makeDualProof(forked.header(source), forked.header(target), forked),
          sourceTxHeader: honest.header(source),
        };
        const verdict = verifyDualProof(
          grafted,
          source,
          target,
          honest.alh(source),
          forked.alh(target),
        );
        assert.ok(!verdict.ok);
      }
    }
  });

  test('says why it is refused', () => {
    const chain = ledger('v1');
    const proof = makeDualProof(chain.header(5), chain.header(20), chain);
    const other = sha();
    const reasons: [Partial<DualProof>, RegExp][] = [
      [{ sourceTxHeader: { ...chain.header(5), ts: 0 } }, /source header does not give its Alh/],
      [{ targetTxHeader: { ...chain.header(20), ts: 0 } }, /target header does not give its Alh/],
      [{ targetTxHeader: { ...chain.header(20), eH: Buffer.alloc(5) } }, /header is malformed/],
      [{ inclusionProof: [] }, /^inclusion proof/],
      [{ consistencyProof: [] }, /^consistency proof/],
      [{ targetBlTxAlh: other }, /last-inclusion proof/],
      [{ linearProof: { ...proof.linearProof, terms: [] } }, /linear proof/],
    ];
    for (const [change, reason] of reasons) {
      const args = [5, 20, chain.alh(5), chain.alh(20)] as const;
      const verdict = verifyDualProof({ ...proof, ...change }, ...args);
      assert.ok(!verdict.ok);
      assert.match(verdict.reason, reason);
    }
    const reversed = verifyDualProof(proof, 20, 5, chain.alh(20), chain.alh(5));
    assert.ok(!reversed.ok && /not in order/.test(reversed.reason));
    const missing = verifyDualProof(proof, 5, 20, Buffer.alloc(0), chain.alh(20));
    assert.ok(!missing.ok && /expected Alh is malformed/.test(missing.reason));
  });
});

function entry(text: string) {
  return { rawKey: Buffer.from(`\0${text}`), rawValue: Buffer.from('\0value') };
}

function proofOf(chain: Ledger, source: number, target: number): DualProof {
  return makeDualProof(chain.header(source), chain.header(target), chain);
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

test('headers that cannot be of one history give no proof', () => {
  const chain = ledger('v1-lag');
  assert.throws(() => makeDualProof(chain.header(5), chain.header(4), chain), {
    name: 'RangeError',
    message: /source/,
  });
  const regressed = { ...chain.header(20), blTxId: 3 };
  assert.throws(() => makeDualProof(chain.header(16), regressed, chain), {
    name: 'RangeError',
    message: /target/,
  });
});

test('a chain whose header version changes is proved throughout', () => {
  const chain = new Ledger();
  for (let i = 0; i < 20; i++) {
    const version = i < 7 ? 0 : 1;
    const metadata = { truncatedTxId: 3, extra: Buffer.from('extra') };
    chain.append([entry(`key ${i}`)], { version, ...(i === 12 ? { metadata } : {}) });
  }
  for (let target = 1; target <= 20; target++) {
    for (let source = 1; source <= target; source++) {
      const proof = makeDualProof(chain.header(source), chain.header(target), chain);
      assert.ok(verify(proof, chain, source, target), `${source} to ${target}`);
    }
  }
});
