import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { DualProof, KvMetadata, TxHeader } from '../../src/proofs/types.js';
import {
  dualProofFromMessage,
  dualProofToMessage,
  inclusionProofFromMessage,
  inclusionProofToMessage,
  kvMetadataFromMessage,
  kvMetadataToMessage,
  pb,
  safeInteger,
  signatureFromMessage,
  signatureToMessage,
  stateFromMessage,
  txHeaderFromMessage,
  txHeaderToMessage,
  WireDecodeError,
} from '../../src/wire/index.js';

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const digests = fc.array(digest, { maxLength: 4 });
const count = fc.maxSafeNat();
const plain = { noNullPrototype: true };

const header: fc.Arbitrary<TxHeader> = fc
  .record({
    id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    prevAlh: digest,
    ts: fc.maxSafeInteger(),
    version: fc.constantFrom(0 as const, 1 as const),
    metadata: fc.option(
      fc.oneof(
        fc.record({ truncatedTxId: fc.integer({ min: 1 }) }, plain),
        fc.record({ extra: fc.uint8Array({ minLength: 1 }) }, plain),
      ),
      { nil: undefined },
    ),
    nentries: fc.nat(),
    eH: digest,
    blTxId: count,
    blRoot: digest,
  })
  .map(({ metadata, ...rest }) => (metadata === undefined ? rest : { ...rest, metadata }));

const dualProof: fc.Arbitrary<DualProof> = fc
  .record({
    sourceTxHeader: header,
    targetTxHeader: header,
    inclusionProof: digests,
    consistencyProof: digests,
    targetBlTxAlh: digest,
    lastInclusionProof: digests,
    linearProof: fc.record({ sourceTxId: count, targetTxId: count, terms: digests }, plain),
    advance: fc.option(
      fc.record(
        { linearProofTerms: digests, inclusionProofs: fc.array(digests, { maxLength: 3 }) },
        plain,
      ),
      { nil: undefined },
    ),
  })
  .map(({ advance, ...rest }) =>
    advance === undefined ? rest : { ...rest, linearAdvanceProof: advance },
  );

function sampleHeader(): TxHeader {
  const zeros = new Uint8Array(32);
  return {
    id: 1,
    prevAlh: zeros,
    ts: 1,
    version: 1,
    nentries: 1,
    eH: zeros,
    blTxId: 0,
    blRoot: zeros,
  };
}

function sampleProof(): pb.DualProof {
  const zeros = new Uint8Array(32);
  const proof: DualProof = {
    sourceTxHeader: sampleHeader(),
    targetTxHeader: sampleHeader(),
    inclusionProof: [zeros],
    consistencyProof: [],
    targetBlTxAlh: zeros,
    lastInclusionProof: [],
    linearProof: { sourceTxId: 1, targetTxId: 1, terms: [zeros] },
    linearAdvanceProof: { linearProofTerms: [zeros], inclusionProofs: [[zeros]] },
  };
  return pb.decodeDualProof(pb.encodeDualProof(dualProofToMessage(proof)));
}

function refused(field: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof WireDecodeError &&
    error.code === 'messageInvalidField' &&
    error.message.startsWith(`${field}: `);
}

describe('entry metadata', () => {
  test('is absent on the wire when it holds nothing', () => {
    const empty: (KvMetadata | undefined)[] = [undefined, {}, { deleted: false }];
    for (const metadata of empty) assert.equal(kvMetadataToMessage(metadata), undefined);
    assert.equal(kvMetadataFromMessage(undefined), undefined);
    assert.equal(kvMetadataFromMessage({ deleted: false, nonIndexable: false }), undefined);
  });

  test('comes back from the wire as it went', () => {
    const all: KvMetadata[] = [
      { deleted: true },
      { expiresAt: 0 },
      { expiresAt: 1_790_000_000, nonIndexable: true },
      { deleted: true, expiresAt: -1, nonIndexable: true },
    ];
    for (const metadata of all) {
      const bytes = pb.encodeKVMetadata(kvMetadataToMessage(metadata) ?? {});
      assert.deepEqual(kvMetadataFromMessage(pb.decodeKVMetadata(bytes)), metadata);
    }
  });

  test('with an expiry beyond 2^53 - 1 is refused', () => {
    const message = {
      deleted: false,
      nonIndexable: false,
      expiration: { expiresAt: Number.POSITIVE_INFINITY },
    };
    assert.throws(() => kvMetadataFromMessage(message), refused('Expiration.expiresAt'));
  });
});

describe('headers', () => {
  test('come back from the wire as they went', () => {
    fc.assert(
      fc.property(header, (value) => {
        const bytes = pb.encodeTxHeader(txHeaderToMessage(value));
        assert.deepEqual(txHeaderFromMessage(pb.decodeTxHeader(bytes)), value);
      }),
    );
  });

  test('leave metadata out when it holds nothing', () => {
    for (const metadata of [{}, { extra: new Uint8Array(0) }]) {
      assert.equal(txHeaderToMessage({ ...sampleHeader(), metadata }).metadata, undefined);
    }
    const message = pb.decodeTxHeader(pb.encodeTxHeader(txHeaderToMessage(sampleHeader())));
    const withEmpty = { ...message, metadata: { truncatedTxID: 0, extra: new Uint8Array(0) } };
    assert.equal('metadata' in txHeaderFromMessage(withEmpty), false);
  });

  test('always carry all 32 bytes of a digest', () => {
    const bytes = pb.encodeTxHeader(txHeaderToMessage(sampleHeader()));
    assert.equal(pb.decodeTxHeader(bytes).blRoot.length, 32);
    const short = { ...sampleHeader(), eH: new Uint8Array(31) };
    assert.throws(() => txHeaderToMessage(short), RangeError);
  });

  test('with a field of the wrong length or out of range are refused, naming it', () => {
    const good = pb.decodeTxHeader(pb.encodeTxHeader(txHeaderToMessage(sampleHeader())));
    const wrong: [Partial<pb.TxHeader>, string][] = [
      [{ id: 0 }, 'TxHeader.id'],
      [{ id: Number.POSITIVE_INFINITY }, 'TxHeader.id'],
      [{ prevAlh: new Uint8Array(0) }, 'TxHeader.prevAlh'],
      [{ eH: new Uint8Array(33) }, 'TxHeader.eH'],
      [{ blRoot: new Uint8Array(31) }, 'TxHeader.blRoot'],
      [{ ts: Number.NEGATIVE_INFINITY }, 'TxHeader.ts'],
      [{ nentries: -1 }, 'TxHeader.nentries'],
      [{ version: 2 }, 'TxHeader.version'],
      [{ version: -1 }, 'TxHeader.version'],
      [{ blTxId: Number.POSITIVE_INFINITY }, 'TxHeader.blTxId'],
      [
        { metadata: { truncatedTxID: Number.POSITIVE_INFINITY, extra: new Uint8Array(0) } },
        'TxHeader.metadata.truncatedTxID',
      ],
    ];
    assert.doesNotThrow(() => txHeaderFromMessage(good));
    for (const [change, field] of wrong) {
      assert.throws(() => txHeaderFromMessage({ ...good, ...change }), refused(field), field);
    }
    assert.throws(() => txHeaderFromMessage(undefined), refused('TxHeader'));
  });
});

describe('proofs', () => {
  test('come back from the wire as they went', () => {
    fc.assert(
      fc.property(dualProof, (proof) => {
        const bytes = pb.encodeDualProof(dualProofToMessage(proof));
        assert.deepEqual(dualProofFromMessage(pb.decodeDualProof(bytes)), proof);
      }),
      { numRuns: 50 },
    );
    const inclusion = { leaf: 2, width: 5, terms: [new Uint8Array(32)] };
    const bytes = pb.encodeInclusionProof(inclusionProofToMessage(inclusion));
    assert.deepEqual(inclusionProofFromMessage(pb.decodeInclusionProof(bytes)), inclusion);
  });

  test('that lack a part are refused, naming it', () => {
    const parts = ['sourceTxHeader', 'targetTxHeader', 'linearProof'] as const;
    for (const part of parts) {
      const { [part]: _, ...rest } = sampleProof();
      assert.throws(() => dualProofFromMessage(rest), refused(`DualProof.${part}`), part);
    }
    assert.throws(() => dualProofFromMessage(undefined), refused('DualProof'));
    assert.throws(() => inclusionProofFromMessage(undefined), refused('InclusionProof'));
  });

  test('with a term that is no digest are refused, naming the list', () => {
    const short = [new Uint8Array(31)];
    const lists = ['inclusionProof', 'consistencyProof', 'lastInclusionProof'] as const;
    for (const list of lists) {
      const proof = { ...sampleProof(), [list]: short };
      assert.throws(() => dualProofFromMessage(proof), refused(`DualProof.${list}`), list);
    }
    const proof = sampleProof();
    assert.throws(
      () => dualProofFromMessage({ ...proof, targetBlTxAlh: new Uint8Array(0) }),
      refused('DualProof.targetBlTxAlh'),
    );
    assert.throws(
      () =>
        dualProofFromMessage({
          ...proof,
          linearProof: { sourceTxId: 1, TargetTxId: 2, terms: short },
        }),
      refused('DualProof.linearProof.terms'),
    );
    assert.throws(
      () =>
        dualProofFromMessage({
          ...proof,
          LinearAdvanceProof: {
            linearProofTerms: [],
            inclusionProofs: [{ leaf: 0, width: 0, terms: short }],
          },
        }),
      refused('DualProof.LinearAdvanceProof.inclusionProofs'),
    );
  });

  test('with a position that is negative or inexact are refused', () => {
    assert.throws(
      () => inclusionProofFromMessage({ leaf: -1, width: 1, terms: [] }),
      refused('InclusionProof.leaf'),
    );
    assert.throws(
      () => inclusionProofFromMessage({ leaf: 0, width: -1, terms: [] }),
      refused('InclusionProof.width'),
    );
  });
});

describe('states and numbers', () => {
  test('a state needs an exact id and a digest', () => {
    const message = pb.decodeImmutableState(
      pb.encodeImmutableState({ db: 'defaultdb', txId: 7, txHash: new Uint8Array(32) }),
    );
    assert.deepEqual(stateFromMessage(message), { txId: 7, txHash: new Uint8Array(32) });
    assert.throws(
      () => stateFromMessage({ ...message, txId: Number.POSITIVE_INFINITY }),
      refused('ImmutableState.txId'),
    );
    assert.throws(
      () => stateFromMessage({ ...message, txHash: new Uint8Array(5) }),
      refused('ImmutableState.txHash'),
    );
  });

  test('a signature is absent when its message is absent or empty', () => {
    const signature = { publicKey: new Uint8Array([4]), signature: new Uint8Array([48]) };
    const bytes = pb.encodeSignature(signatureToMessage(signature));
    assert.deepEqual(signatureFromMessage(pb.decodeSignature(bytes)), signature);
    assert.equal(signatureFromMessage(undefined), undefined);
    assert.equal(signatureFromMessage(pb.decodeSignature(Buffer.alloc(0))), undefined);
  });

  test('an inexact number is refused, naming its field', () => {
    assert.equal(safeInteger(2 ** 53 - 1, 'KeyRequest.atTx'), 2 ** 53 - 1);
    assert.throws(
      () => safeInteger(Number.POSITIVE_INFINITY, 'KeyRequest.atTx'),
      refused('KeyRequest.atTx'),
    );
  });
});
