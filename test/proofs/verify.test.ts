import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import {
  EMPTY_HASH,
  type HeaderVersion,
  type KvMetadata,
  PLAIN_KEY_PREFIX,
  type ProvedEntry,
  type ProvedTx,
  parseReferenceValue,
  parseSortedSetKey,
  rawKeyOf,
  rawReferenceValue,
  rawSortedSetKey,
  rawValueOf,
  StateSigner,
  type StateVerdict,
  StateVerifier,
  type Trust,
  verifyGet,
  verifySet,
  verifySetReference,
  verifyTxById,
  verifyZAdd,
} from '../../src/proofs/index.js';
import { readVector } from '../support/project.js';
import { Ledger, type LedgerEntry } from './ledger.js';
import { bitFlips, paths, replaced, valueAt } from './mutations.js';
import { sha } from './naive.js';
import { headerOf, hex, type VectorStore } from './vectors.js';

const text = (value: string): Buffer => Buffer.from(value);
const trustOf = (chain: Ledger, txId: number): Trust => ({ state: chain.state(txId) });

function accepted(verdict: StateVerdict, chain: Ledger, txId: number): void {
  assert.deepEqual(verdict, { ok: true, state: chain.state(txId) });
}

function refused(verdict: StateVerdict, reason: RegExp): void {
  assert.ok(!verdict.ok, 'must be refused');
  assert.match(verdict.reason, reason);
}

function plain(key: string, value: string, metadata?: KvMetadata): LedgerEntry {
  const entry = { rawKey: rawKeyOf(text(key)), rawValue: rawValueOf(text(value)) };
  return metadata === undefined ? entry : { ...entry, metadata };
}

/** Answers of a server that holds this chain, for the newest plain value at `index` of `txId`. */
function getAnswer(
  chain: Ledger,
  txId: number,
  index: number,
  since: number,
  proved = chain.answer(txId, since),
): ProvedEntry {
  const { rawKey, rawValue, metadata } = chain.tx(txId).entries[index] as LedgerEntry;
  return {
    ...proved,
    txId,
    key: rawKey.subarray(1),
    value: rawValue.subarray(1),
    ...(metadata === undefined ? {} : { metadata }),
    inclusionProof: chain.inclusionProof(txId, index),
  };
}

/** The same for a reference at `index` of `txId` that leads to a value of `valueTx`. */
function referenceAnswer(
  chain: Ledger,
  txId: number,
  index: number,
  valueTx: number,
  since: number,
  proved = chain.answer(txId, since),
): ProvedEntry {
  const { rawKey, rawValue } = chain.tx(txId).entries[index] as LedgerEntry;
  const reference = parseReferenceValue(rawValue);
  assert.ok(reference);
  return {
    ...proved,
    txId: valueTx,
    key: reference.referencedKey,
    value: text('resolved'),
    referencedBy: { txId, key: rawKey.subarray(1), atTx: reference.atTx },
    inclusionProof: chain.inclusionProof(txId, index),
  };
}

function hashedEntries(chain: Ledger, txId: number) {
  return chain.tx(txId).entries.map(({ rawKey, rawValue, metadata }) => ({
    rawKey,
    hValue: sha(rawValue),
    metadata,
  }));
}

function txAnswer(chain: Ledger, txId: number, since: number) {
  return { ...chain.answer(txId, since), entries: hashedEntries(chain, txId) };
}

describe('on the recorded chains', () => {
  const { stores } = readVector('dual-proof.json') as { stores: readonly VectorStore[] };
  for (const store of stores) {
    const chain = Ledger.of(
      store.txs.map(({ header, entries }) => ({
        header: headerOf(header),
        entries: entries.map(({ key, value }) => ({ rawKey: hex(key), rawValue: hex(value) })),
      })),
    );

    test(`${store.name}: every entry and transaction verifies from every trusted state`, () => {
      const counts = { plain: 0, reference: 0 };
      for (let since = 0; since <= chain.size; since++) {
        for (let txId = 1; txId <= chain.size; txId++) {
          const trust = trustOf(chain, since);
          const newest = Math.max(since, txId);
          const proved = chain.answer(txId, since);
          const withEntries = { ...proved, entries: hashedEntries(chain, txId) };
          accepted(verifyTxById(txId, withEntries, trust), chain, newest);
          for (const [index, { rawKey, rawValue }] of chain.tx(txId).entries.entries()) {
            if (rawKey[0] !== PLAIN_KEY_PREFIX) continue;
            const atTx = parseReferenceValue(rawValue)?.atTx;
            const answer =
              atTx === undefined
                ? getAnswer(chain, txId, index, since, proved)
                : referenceAnswer(chain, txId, index, atTx || 1, since, proved);
            accepted(verifyGet({ key: rawKey.subarray(1) }, answer, trust), chain, newest);
            counts[atTx === undefined ? 'plain' : 'reference']++;
          }
        }
      }
      assert.ok(counts.plain > 1000 && counts.reference > 100);
    });

    test(`${store.name}: every transaction of one entry verifies as the write that made it`, () => {
      let count = 0;
      for (let txId = 1; txId <= chain.size; txId++) {
        const [entry, ...others] = chain.tx(txId).entries;
        if (entry === undefined || others.length > 0) continue;
        for (let since = 0; since < txId; since++) {
          const verdict = writeVerdict(entry, chain.answer(txId, since), trustOf(chain, since));
          accepted(verdict, chain, txId);
          count++;
        }
      }
      assert.ok(count > 0);
    });
  }
});

function writeVerdict({ rawKey, rawValue }: LedgerEntry, answer: ProvedTx, trust: Trust) {
  const element = parseSortedSetKey(rawKey);
  if (element !== undefined) return verifyZAdd(element, answer, trust);
  const key = rawKey.subarray(1);
  const reference = parseReferenceValue(rawValue);
  return reference === undefined
    ? verifySet([{ key, value: rawValue.subarray(1) }], answer, trust)
    : verifySetReference({ key, ...reference }, answer, trust);
}

for (const version of [0, 1] as const satisfies readonly HeaderVersion[]) {
  describe(`with header version ${version}`, () => {
    const chain = new Ledger();
    const options = { version };
    const key = text('key');
    const set = text('set');
    chain.append([plain('key', 'value')], options);
    chain.append([plain('a', '1'), plain('b', '2'), plain('c', '')], options);
    const bound = rawReferenceValue(key, 1);
    chain.append([{ rawKey: rawKeyOf(text('bound')), rawValue: bound }], options);
    const unbound = rawReferenceValue(key, 0);
    chain.append([{ rawKey: rawKeyOf(text('unbound')), rawValue: unbound }], options);
    const nothing = Buffer.alloc(0);
    chain.append([{ rawKey: rawSortedSetKey(set, -1.5, key, 0), rawValue: nothing }], options);
    chain.append([{ rawKey: rawSortedSetKey(set, -0, key, 1), rawValue: nothing }], options);
    chain.append([plain('key', 'second')], options);

    test('a set is believed from no state and from every older one', () => {
      for (const since of [0, 1, 2, 5, 6]) {
        const entries = [{ key, value: text('second') }];
        accepted(verifySet(entries, chain.answer(7, since), trustOf(chain, since)), chain, 7);
      }
      const several = ['a', 'b', 'c'].map((each, i) => ({
        key: text(each),
        value: text(['1', '2', ''][i] as string),
      }));
      accepted(verifySet(several, chain.answer(2, 1), trustOf(chain, 1)), chain, 2);
    });

    test('a set of something else, in another order or of more or less is refused', () => {
      const check = (entries: readonly { key: Buffer; value: Buffer; metadata?: KvMetadata }[]) =>
        verifySet(entries, chain.answer(2, 1), trustOf(chain, 1));
      const [a, b, c] = [
        { key: text('a'), value: text('1') },
        { key: text('b'), value: text('2') },
        { key: text('c'), value: text('') },
      ];
      assert.ok(check([a, b, c]).ok);
      refused(check([b, a, c]), /something else/);
      refused(check([a, b]), /number of entries/);
      refused(check([a, b, c, c]), /number of entries/);
      refused(check([]), /number of entries/);
      refused(check([a, b, { key: text('c'), value: text('3') }]), /something else/);
      refused(check([a, b, { key: text('d'), value: text('') }]), /something else/);
      const expiring = { ...c, metadata: { expiresAt: 5 } };
      refused(check([a, b, expiring]), version === 0 ? /cannot be in such/ : /something else/);
      refused(check([a, b, { ...c, key: Buffer.alloc(70_000) }]), /cannot be in such/);
    });

    test('a set that is answered with the trusted or an older transaction is refused', () => {
      const entries = [{ key, value: text('value') }];
      for (const since of [1, 2, 7]) {
        const verdict = verifySet(entries, chain.answer(1, since), trustOf(chain, since));
        refused(verdict, /not newer/);
      }
    });

    test('a reference is believed as it was asked for and no other way', () => {
      const referencedKey = key;
      const check = (request: Parameters<typeof verifySetReference>[0], txId: number) =>
        verifySetReference(request, chain.answer(txId, 2), trustOf(chain, 2));
      accepted(check({ key: text('bound'), referencedKey, atTx: 1 }, 3), chain, 3);
      accepted(check({ key: text('unbound'), referencedKey, atTx: 0 }, 4), chain, 4);
      refused(check({ key: text('bound'), referencedKey, atTx: 0 }, 3), /something else/);
      refused(check({ key: text('bound'), referencedKey, atTx: 2 }, 3), /something else/);
      refused(
        check({ key: text('bound'), referencedKey: text('k'), atTx: 1 }, 3),
        /something else/,
      );
      refused(check({ key: text('other'), referencedKey, atTx: 1 }, 3), /something else/);
      refused(check({ key: text('bound'), referencedKey, atTx: -1 }, 3), /cannot be in such/);
    });

    test('an element of a sorted set is believed as it was asked for and no other way', () => {
      const check = (change: object, txId: number) => {
        const request = { set, key, score: -1.5, atTx: 0, ...change };
        return verifyZAdd(request, chain.answer(txId, 3), trustOf(chain, 3));
      };
      accepted(check({}, 5), chain, 5);
      accepted(check({ score: -0, atTx: 1 }, 6), chain, 6);
      refused(check({ score: 0, atTx: 1 }, 6), /something else/);
      refused(check({ score: 1.5 }, 5), /something else/);
      refused(check({ atTx: 1 }, 5), /something else/);
      refused(check({ key: text('keys') }, 5), /something else/);
      refused(check({ set: text('sets') }, 5), /something else/);
      refused(check({ score: Number.NaN }, 5), /cannot be in such/);
    });

    test('an entry is believed whether the trusted state is older, the same or newer', () => {
      for (let since = 0; since <= chain.size; since++) {
        const trust = trustOf(chain, since);
        const newest = (txId: number) => Math.max(txId, since);
        accepted(verifyGet({ key }, getAnswer(chain, 7, 0, since), trust), chain, newest(7));
        const old = getAnswer(chain, 1, 0, since);
        accepted(verifyGet({ key, atTx: 1 }, old, trust), chain, newest(1));
        for (const [index, name] of ['a', 'b', 'c'].entries()) {
          const answer = getAnswer(chain, 2, index, since);
          accepted(verifyGet({ key: text(name) }, answer, trust), chain, newest(2));
        }
        const atOne = referenceAnswer(chain, 3, 0, 1, since);
        accepted(verifyGet({ key: text('bound') }, atOne, trust), chain, newest(3));
        const atAny = referenceAnswer(chain, 4, 0, 7, since);
        accepted(verifyGet({ key: text('unbound'), atTx: 4 }, atAny, trust), chain, newest(4));
      }
    });

    test('an entry that is not the one asked for is refused', () => {
      const trust = trustOf(chain, 6);
      const answer = getAnswer(chain, 2, 1, 6);
      const check = (change: object, request: object = {}) =>
        verifyGet({ key: text('b'), ...request }, { ...answer, ...change }, trust);
      assert.ok(check({}).ok);
      refused(check({ value: text('3') }), /not in its transaction/);
      refused(check({ value: undefined }), /malformed/);
      refused(check({ key: text('a') }), /another key/);
      refused(check({ key: text('a') }, { key: text('a') }), /not in its transaction/);
      refused(check({}, { atTx: 1 }), /another transaction than was asked for/);
      refused(check({ txId: 3 }), /header is of another transaction/);
      refused(check({ metadata: { deleted: true } }), /deleted/);
      refused(check({ metadata: { nonIndexable: true } }), /cannot be in|not in its/);
      refused(check({ inclusionProof: undefined }), /not in its transaction/);
      refused(check({ inclusionProof: { ...answer.inclusionProof, width: 4 } }), /not in its/);
      refused(check({ inclusionProof: chain.inclusionProof(2, 0) }), /not in its transaction/);
      refused(check({ header: chain.header(3) }), /header is of another transaction/);
      const passedOff = getAnswer(chain, 1, 0, 6);
      refused(verifyGet({ key, atTx: 7 }, passedOff, trust), /another transaction than was asked/);
    });

    test('a reference that is not the one asked for is refused', () => {
      const trust = trustOf(chain, 6);
      const answer = referenceAnswer(chain, 3, 0, 1, 6);
      const reference = answer.referencedBy;
      const check = (change: object, referenceChange: object = {}) =>
        verifyGet(
          { key: text('bound') },
          {
            ...answer,
            referencedBy: { ...reference, ...referenceChange },
            ...change,
          } as ProvedEntry,
          trust,
        );
      assert.ok(check({}).ok);
      refused(check({ key: text('other') }), /not in its transaction/);
      refused(check({ txId: 2 }), /than the reference is bound to/);
      refused(check({}, { key: text('other') }), /another key/);
      refused(check({}, { txId: 4 }), /header is of another transaction/);
      refused(check({}, { atTx: 0 }), /not in its transaction/);
      refused(check({ txId: 2 }, { atTx: 2 }), /not in its transaction/);
      refused(check({}, { atTx: Number.NaN }), /malformed/);
      refused(check({}, { metadata: { deleted: true } }), /deleted/);
      refused(check({ referencedBy: undefined }), /another key/);
      refused(check({ referencedBy: null }), /another key/);
    });

    test('a transaction is believed with exactly its entries', () => {
      const trust = trustOf(chain, 5);
      const answer = txAnswer(chain, 2, 5);
      const check = (entries: unknown) =>
        verifyTxById(2, { ...answer, entries: entries as typeof answer.entries }, trust);
      const { entries } = answer;
      accepted(check(entries), chain, 5);
      refused(check(entries.slice(1)), /not those of the transaction/);
      refused(check(entries.toReversed()), /not those of the transaction/);
      refused(check([...entries, entries[0]]), /not those of the transaction/);
      refused(check(entries.with(0, { ...entries[0], hValue: sha() } as never)), /not those/);
      refused(check(new Array(3)), /malformed/);
      refused(check(undefined), /not those of the transaction/);
      refused(verifyTxById(3, answer, trust), /another one than was asked for/);
    });

    test('any flipped bit of an answer is refused, but in what no proof covers', () => {
      const since = 6;
      const trust = trustOf(chain, since);
      const get = (key_: string) => (answer: ProvedEntry) =>
        verifyGet({ key: text(key_) }, answer, trust);
      const cases: [
        ProvedEntry | ReturnType<typeof txAnswer>,
        (answer: never) => StateVerdict,
        RegExp?,
      ][] = [
        [getAnswer(chain, 7, 0, since), get('key')],
        [getAnswer(chain, 2, 1, since), get('b')],
        [referenceAnswer(chain, 3, 0, 1, since), get('bound'), /^value$/],
        [referenceAnswer(chain, 4, 0, 7, since), get('unbound'), /^(value|txId)$/],
        [txAnswer(chain, 2, since), (answer) => verifyTxById(2, answer, trust)],
      ];
      for (const [answer, check, uncovered = /^$/] of cases) {
        assert.ok(check(answer as never).ok);
        for (const path of paths(answer)) {
          // Not needed between neighbours (proofs reference, section 8.2).
          const isIdle = path[1] === 'inclusionProof' && answer.header.id === since + 1;
          const isFree = isIdle || uncovered.test(path.join('.'));
          for (const flipped of bitFlips(valueAt(answer, path), path.at(-1))) {
            const verdict = check(replaced(answer, path, flipped) as never);
            assert.equal(verdict.ok, isFree, path.join('.'));
          }
        }
      }
    });
  });
}

describe('with metadata', () => {
  const chain = new Ledger();
  const key = text('key');
  const metadata = { expiresAt: 1_800_000_000, nonIndexable: true };
  chain.append([plain('key', 'value', metadata)]);
  chain.append([{ rawKey: rawKeyOf(key), rawValue: Buffer.alloc(0), metadata: { deleted: true } }]);
  chain.append([], { metadata: { truncatedTxId: 1 } });
  const trust = trustOf(chain, 0);

  test('a set is believed with the metadata that was asked for and no other', () => {
    const check = (asked?: KvMetadata) =>
      verifySet([{ key, value: text('value'), metadata: asked }], chain.answer(1, 0), trust);
    accepted(check(metadata), chain, 1);
    refused(check(), /something else/);
    refused(check({ expiresAt: 1_800_000_000 }), /something else/);
    refused(check({ ...metadata, expiresAt: 1 }), /something else/);
    refused(check({ expiresAt: Number.NaN }), /cannot be in such/);
  });

  test('an entry is believed with its metadata and no other', () => {
    const answer = getAnswer(chain, 1, 0, 0);
    accepted(verifyGet({ key }, answer, trust), chain, 1);
    for (const other of [undefined, {}, { nonIndexable: true }, { ...metadata, expiresAt: 1 }]) {
      refused(verifyGet({ key }, { ...answer, metadata: other }, trust), /not in its transaction/);
    }
  });

  test('a deletion is never passed off as a value', () => {
    const answer = getAnswer(chain, 2, 0, 0);
    refused(verifyGet({ key }, answer, trust), /deleted/);
    const disguised = { ...answer, value: Buffer.alloc(0), metadata: undefined };
    refused(verifyGet({ key }, disguised, trust), /not in its transaction/);
  });

  test('transactions with deletions, metadata of their own or no entries are believed', () => {
    for (const txId of [1, 2, 3]) {
      accepted(verifyTxById(txId, txAnswer(chain, txId, 0), trust), chain, txId);
    }
    refused(verifySet([], chain.answer(3, 0), trust), /number of entries/);
  });
});

test('an entry of version 0 is not passed off as one of version 1', () => {
  const chain = new Ledger();
  const victim = rawKeyOf(text('victim'));
  const size = Buffer.from([0, 0, 0, victim.length]);
  const rawValue = rawValueOf(text('value'));
  chain.append([{ rawKey: Buffer.concat([size, victim]), rawValue }], { version: 0 });
  const answer = { ...getAnswer(chain, 1, 0, 0), key: text('victim') };
  refused(verifyGet({ key: text('victim') }, answer, trustOf(chain, 0)), /not in its transaction/);
  const dressed: ProvedEntry = { ...answer, header: { ...answer.header, version: 1 } };
  refused(verifyGet({ key: text('victim') }, dressed, trustOf(chain, 0)), /another transaction/);
});

test('a header that counts other than its entries is refused, though it hashes', () => {
  const chain = new Ledger();
  chain.append([plain('key', 'value')]);
  const answer = txAnswer(chain, 1, 0);
  const header = { ...answer.header, nentries: 2 };
  const inflated = {
    ...answer,
    header,
    dualProof: { ...answer.dualProof, targetTxHeader: header },
  };
  refused(verifyTxById(1, inflated, trustOf(chain, 0)), /not those of the transaction/);
});

describe('the trusted state', () => {
  const chain = new Ledger();
  const fork = new Ledger();
  for (let i = 1; i <= 9; i++) {
    chain.append([plain('key', `value ${i}`)]);
    fork.append([plain('key', `value ${i === 4 ? 'forged' : i}`)]);
  }
  const key = text('key');

  test('is kept against an answer from a fork, in either direction', () => {
    for (const since of [4, 6, 9]) {
      const trust = trustOf(chain, since);
      for (const txId of [4, 6, 9]) {
        refused(verifyTxById(txId, txAnswer(fork, txId, since), trust), /Alh/);
        const verdict = verifyGet({ key }, getAnswer(fork, txId, 0, since), trust);
        refused(verdict, /Alh/);
      }
    }
    const entries = [{ key, value: text('value 9') }];
    refused(verifySet(entries, fork.answer(9, 6), trustOf(chain, 6)), /Alh/);
  });

  test('of the first transaction is kept as well', () => {
    const other = new Ledger();
    for (let i = 1; i <= 5; i++) other.append([plain('key', `other ${i}`)]);
    refused(verifyTxById(5, txAnswer(other, 5, 1), trustOf(chain, 1)), /Alh/);
  });

  test('with txId 0 takes the first answer, whose proof must be about the same transaction', () => {
    const trust = { state: { txId: 0, txHash: EMPTY_HASH } };
    accepted(verifyGet({ key }, getAnswer(chain, 5, 0, 0), trust), chain, 5);
    const other = { ...getAnswer(chain, 5, 0, 0), dualProof: chain.answer(6, 0).dualProof };
    refused(verifyGet({ key }, other, trust), /about another transaction/);
    const without = { ...getAnswer(chain, 5, 0, 0), dualProof: undefined as never };
    refused(verifyGet({ key }, without, trust), /about another transaction/);
  });

  test('that is malformed trusts nothing', () => {
    const answer = getAnswer(chain, 5, 0, 0);
    const states = [
      undefined,
      null,
      {},
      { txId: -1, txHash: EMPTY_HASH },
      { txId: Number.NaN, txHash: EMPTY_HASH },
      { txId: 0, txHash: Buffer.alloc(31) },
    ];
    for (const state of states) {
      refused(verifyGet({ key }, answer, { state } as never), /trusted state is malformed/);
    }
    const unsigned = { state: chain.state(0), signing: null };
    refused(verifyGet({ key }, answer, unsigned as never), /trusted state is malformed/);
  });
});

describe('with a public key configured', () => {
  const chain = new Ledger();
  for (let i = 1; i <= 5; i++) chain.append([plain('key', `value ${i}`)]);
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = new StateSigner(pair.privateKey.export({ type: 'sec1', format: 'pem' }) as string);
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const verifier = StateVerifier.fromPem(pem);
  const key = text('key');
  const trust = (since: number): Trust => ({
    state: chain.state(since),
    signing: { db: 'defaultdb', verifier },
  });
  const signed = <T extends ProvedTx>(answer: T, txId: number, db = 'defaultdb'): T => ({
    ...answer,
    signature: signer.sign(db, chain.state(txId)),
  });

  test('an answer is believed when the state of its target is signed for this database', () => {
    accepted(verifyGet({ key }, signed(getAnswer(chain, 3, 0, 2), 3), trust(2)), chain, 3);
    accepted(verifyGet({ key }, signed(getAnswer(chain, 3, 0, 5), 5), trust(5)), chain, 5);
    accepted(verifyGet({ key }, signed(getAnswer(chain, 3, 0, 0), 3), trust(0)), chain, 3);
    const entries = [{ key, value: text('value 4') }];
    accepted(verifySet(entries, signed(chain.answer(4, 2), 4), trust(2)), chain, 4);
    accepted(verifyTxById(4, signed(txAnswer(chain, 4, 2), 4), trust(2)), chain, 4);
  });

  test('an answer without a signature, or with one over something else, is refused', () => {
    const answer = getAnswer(chain, 3, 0, 2);
    refused(verifyGet({ key }, answer, trust(2)), /not signed/);
    refused(verifyGet({ key }, { ...answer, signature: undefined }, trust(2)), /not signed/);
    refused(verifyGet({ key }, signed(answer, 2), trust(2)), /signature of the state/);
    refused(verifyGet({ key }, signed(answer, 3, 'other'), trust(2)), /signature of the state/);
    const empty = { ...answer, signature: Buffer.alloc(0) };
    refused(verifyGet({ key }, empty, trust(2)), /signature of the state/);
  });
});
