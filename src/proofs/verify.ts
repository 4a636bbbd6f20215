import { equalBytes } from '../base/bytes.js';
import { sha256 } from '../base/sha256.js';
import { DIGEST_BYTES, ifAccepted } from './checks.js';
import { entryDigest, entryDigestInto } from './digest.js';
import { rawKeyOf, rawReferenceValue, rawSortedSetKey, rawValueOf } from './entries.js';
import { hashTreeRoot, verifyHashTreeProof } from './hash-tree.js';
import { encodeKvMetadata } from './metadata.js';
import { checkAnswer, linkToTrust, type ProvedTx, type Trust } from './trust.js';
import type { HeaderVersion, InclusionProof, KvMetadata } from './types.js';
import { invalid, type StateVerdict } from './verdict.js';

/**
 * What a client checks before it believes a verifiable answer (proofs reference, section 10, as the Go
 * client 1.11.1 does), for both header versions. Where an honest server always complies these are
 * stricter: a write is newer than the trusted state and has the metadata that was asked for, the header
 * is bound whole and not only by its eH, an inclusion proof has the width of its transaction, and the
 * entries of a transaction are checked. No argument makes them throw.
 */

export interface HashedEntry {
  readonly rawKey: Uint8Array;
  readonly hValue: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
}

export interface ProvedReference {
  readonly txId: number;
  readonly key: Uint8Array;
  /** 0 when unbound. */
  readonly atTx: number;
  readonly metadata?: KvMetadata | undefined;
}

/** The answer to a get. The header is of the transaction of `referencedBy` if that is present. */
export interface ProvedEntry extends ProvedTx {
  readonly txId: number;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
  readonly referencedBy?: ProvedReference | undefined;
  readonly inclusionProof: InclusionProof;
}

const NO_BYTES = Buffer.alloc(0);

/** Digest of an entry under a header version. */
type DigestOf = (version: HeaderVersion) => Buffer;

/** The eH of a write stands for the entries that were asked for, in their order, and for nothing else. */
function verifyWrite(digestsOf: readonly DigestOf[], answer: ProvedTx, trust: Trust): StateVerdict {
  const fault = checkAnswer(answer, trust);
  if (fault !== undefined) return invalid(fault);
  const { header } = answer;
  if (header.id <= trust.state.txId) {
    return invalid('the transaction is not newer than the trusted state');
  }
  if (digestsOf.length === 0 || header.nentries !== digestsOf.length) {
    return invalid('the transaction has not the number of entries that were written');
  }
  const digests = ifAccepted(() =>
    Buffer.concat(digestsOf.map((digestOf) => digestOf(header.version))),
  );
  if (digests === undefined) return invalid('an entry cannot be in such a transaction');
  if (!equalBytes(hashTreeRoot(digests), header.eH)) {
    return invalid('the transaction holds something else than was written');
  }
  return linkToTrust(answer, trust);
}

/** A plain entry to be written; its metadata must have been stored unchanged. */
export interface WrittenEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly metadata?: KvMetadata | undefined;
}

/** @param entries all of the request, in order */
export function verifySet(
  entries: readonly WrittenEntry[],
  answer: ProvedTx,
  trust: Trust,
): StateVerdict {
  if (!Array.isArray(entries)) return invalid('there is no list of entries');
  const digestsOf = entries.map(
    (entry: WrittenEntry): DigestOf =>
      (version) => {
        const { key, value, metadata } = entry;
        const hValue = sha256(rawValueOf(value));
        return entryDigest(version, encodeKvMetadata(metadata), rawKeyOf(key), hValue);
      },
  );
  return verifyWrite(digestsOf, answer, trust);
}

/** @param request.atTx the transaction that the reference is bound to, 0 if none */
export function verifySetReference(
  request: { readonly key: Uint8Array; readonly referencedKey: Uint8Array; readonly atTx: number },
  answer: ProvedTx,
  trust: Trust,
): StateVerdict {
  const digestOf: DigestOf = (version) => {
    const rawValue = rawReferenceValue(request.referencedKey, request.atTx);
    return entryDigest(version, NO_BYTES, rawKeyOf(request.key), sha256(rawValue));
  };
  return verifyWrite([digestOf], answer, trust);
}

/** @param request.atTx the transaction that the element is bound to, 0 if none */
export function verifyZAdd(
  request: {
    readonly set: Uint8Array;
    readonly score: number;
    readonly key: Uint8Array;
    readonly atTx: number;
  },
  answer: ProvedTx,
  trust: Trust,
): StateVerdict {
  const digestOf: DigestOf = (version) => {
    const rawKey = rawSortedSetKey(request.set, request.score, request.key, request.atTx);
    return entryDigest(version, NO_BYTES, rawKey, sha256(NO_BYTES));
  };
  return verifyWrite([digestOf], answer, trust);
}

/**
 * The entries must be all of the transaction, in order. A value that came with an entry is for the caller
 * to compare with its hValue.
 */
export function verifyTxById(
  txId: number,
  answer: ProvedTx & { readonly entries: readonly HashedEntry[] },
  trust: Trust,
): StateVerdict {
  const fault = checkAnswer(answer, trust);
  if (fault !== undefined) return invalid(fault);
  const { header, entries } = answer;
  if (header.id !== txId) return invalid('the transaction is another one than was asked for');
  if (!Array.isArray(entries) || entries.length !== header.nentries) {
    return invalid('the entries are not those of the transaction');
  }
  const digests = ifAccepted(() => digestsOf(header.version, entries));
  if (digests === undefined) return invalid('an entry is malformed');
  if (!equalBytes(hashTreeRoot(digests), header.eH)) {
    return invalid('the entries are not those of the transaction');
  }
  return linkToTrust(answer, trust);
}

function digestsOf(version: HeaderVersion, entries: readonly HashedEntry[]): Buffer {
  const digests = Buffer.allocUnsafe(DIGEST_BYTES * entries.length);
  for (let i = 0; i < entries.length; i++) {
    const { rawKey, hValue, metadata } = entries[i] as HashedEntry;
    entryDigestInto(digests, DIGEST_BYTES * i, version, encodeKvMetadata(metadata), rawKey, hValue);
  }
  return digests;
}

/**
 * Of a resolved reference the reference is proved, but not the entry that it leads to: who needs the
 * value proved gets the referenced key as well. Revision and expiry are not part of any proof, nor is
 * that no newer entry exists.
 * @param request.atTx the transaction asked for; absent or 0 for the newest entry
 */
export function verifyGet(
  request: { readonly key: Uint8Array; readonly atTx?: number | undefined },
  answer: ProvedEntry,
  trust: Trust,
): StateVerdict {
  const fault = checkAnswer(answer, trust);
  if (fault !== undefined) return invalid(fault);
  const expected = ifAccepted(() => expectedEntry(request.key, answer));
  if (expected === undefined) return invalid('the entry is malformed');
  if (typeof expected === 'string') return invalid(expected);
  const { header, inclusionProof } = answer;
  const { atTx = 0 } = request;
  if (atTx !== 0 && atTx !== expected.txId) {
    return invalid('the entry is of another transaction than was asked for');
  }
  if (header.id !== expected.txId) return invalid('the header is of another transaction');
  const digest = ifAccepted(() => expected.digestOf(header.version));
  if (digest === undefined) return invalid('the entry cannot be in such a transaction');
  if (
    !verifyHashTreeProof(inclusionProof, digest, header.eH) ||
    inclusionProof.width !== header.nentries
  ) {
    return invalid('the entry is not in its transaction');
  }
  return linkToTrust(answer, trust);
}

/** What the transaction must hold for an answer; a text when the answer contradicts itself. */
function expectedEntry(
  key: Uint8Array,
  answer: ProvedEntry,
): { readonly txId: number; readonly digestOf: DigestOf } | string {
  const { referencedBy: reference } = answer;
  const { metadata, txId } = reference ?? answer;
  if (metadata?.deleted === true) return 'the entry is deleted';
  if (!equalBytes((reference ?? answer).key, key)) return 'the entry is of another key';
  if (reference !== undefined && reference.atTx > 0 && reference.atTx !== answer.txId) {
    return 'the entry is of another transaction than the reference is bound to';
  }
  const rawValue =
    reference === undefined
      ? rawValueOf(answer.value)
      : rawReferenceValue(answer.key, reference.atTx);
  const digestOf: DigestOf = (version) =>
    entryDigest(version, encodeKvMetadata(metadata), rawKeyOf(key), sha256(rawValue));
  return { txId, digestOf };
}
