import { equalBytes } from '../base/bytes.js';
import { sha256 } from '../base/sha256.js';
import { encodeKvMetadata, REFERENCE_VALUE_PREFIX, rawKeyOf, rawValueOf } from '../proofs/index.js';
import type { VerificationFailure } from './errors.js';
import type { Entry, RawEntry, Transaction } from './values.js';

/**
 * Whether an entry of a history is what its verified transaction holds for the key. The value of an
 * expired version is not shown by servers, so only its key and attributes can be compared.
 */
export function checkVersion(
  key: Uint8Array,
  entry: Entry,
  tx: Transaction,
  place: { readonly revision: number; readonly after: number },
): VerificationFailure | undefined {
  if (!equalBytes(entry.key, key)) {
    return failure('a version is of another key', 'the key that was asked for', 'another one');
  }
  if (entry.txId <= place.after) {
    const expected = `a transaction after ${place.after}`;
    return failure('the versions are not in order', expected, `transaction ${entry.txId}`);
  }
  if (entry.revision !== 0 && entry.revision !== place.revision) {
    const expected = `revision ${place.revision}`;
    return failure('versions are left out of the history', expected, `revision ${entry.revision}`);
  }
  const rawKey = rawKeyOf(key);
  const holds = tx.entries.some((raw) => equalBytes(raw.rawKey, rawKey) && isVersion(entry, raw));
  if (holds) return undefined;
  return failure(
    'a version is not what its transaction holds',
    `the entry of transaction ${entry.txId}`,
    'another one',
  );
}

function isVersion(entry: Entry, raw: RawEntry): boolean {
  if (!equalBytes(encodeKvMetadata(entry.metadata), encodeKvMetadata(raw.metadata))) return false;
  if (entry.expired) return true;
  const forms =
    entry.metadata?.deleted === true
      ? [Buffer.alloc(0), rawValueOf(entry.value)]
      : [rawValueOf(entry.value), Buffer.concat([REFERENCE_PREFIX, entry.value])];
  return forms.some((form) => equalBytes(sha256(form), raw.hValue));
}

const REFERENCE_PREFIX = Buffer.from([REFERENCE_VALUE_PREFIX]);

function failure(reason: string, expected: string, found: string): VerificationFailure {
  return { check: 'history', reason, expected, found };
}
