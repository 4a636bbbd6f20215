import { copyBytes } from '../base/bytes.js';
import {
  type KvMetadata,
  PLAIN_VALUE_PREFIX,
  REFERENCE_VALUE_PREFIX,
  rawKeyOf,
  rawReferenceValue,
  rawSortedSetKey,
  rawValueOf,
} from '../proofs/index.js';
import type { DraftEntry } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { illegalArguments, keyExpired, keyNotFound, txNotFound } from './failures.js';
import type { DatabaseSettings } from './settings.js';
import type { KeyValue, ReferenceOp, StagedValue, ZAddOp } from './types.js';
import type { WriteContext } from './write-context.js';

/** Entries of writes that ask for nothing but limits, checked before they wait for their turn. */

export function isStaged(value: Uint8Array | StagedValue): value is StagedValue {
  return !(value instanceof Uint8Array);
}

const EMPTY = Buffer.alloc(0);

export function checkKeyLength(key: Uint8Array, settings: DatabaseSettings): void {
  if (key.length + 1 > settings.maxKeyLen) {
    throw new DatabaseError('keyTooLong', 'max key length exceeded');
  }
}

export function kvEntry(kv: KeyValue, settings: DatabaseSettings): DraftEntry {
  if (kv.key.length === 0) throw illegalArguments();
  checkKeyLength(kv.key, settings);
  if (kv.value.length + 1 > settings.maxValueLen) {
    throw new DatabaseError('valueTooLong', 'max value length exceeded');
  }
  const metadata = normalMetadata(kv.metadata);
  if (metadata?.deleted === true) throw illegalArguments();
  return {
    rawKey: rawKeyOf(kv.key),
    value: isStaged(kv.value)
      ? {
          blobId: kv.value.blobId,
          length: kv.value.length + 1,
          hValue: Buffer.from(kv.value.hValue),
          kind: PLAIN_VALUE_PREFIX,
        }
      : rawValueOf(kv.value),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** Metadata that says nothing is none. */
function normalMetadata(metadata: KvMetadata | undefined): KvMetadata | undefined {
  if (metadata === undefined) return undefined;
  const { deleted, expiresAt, nonIndexable } = metadata;
  return deleted === true || expiresAt !== undefined || nonIndexable === true
    ? metadata
    : undefined;
}

export function checkEntryCount(count: number, settings: DatabaseSettings): void {
  if (count === 0) throw new DatabaseError('noEntries', 'no entries provided');
  if (count > settings.maxTxEntries) {
    throw new DatabaseError('tooManyEntries', 'max number of entries per tx exceeded');
  }
}

export function duplicateKey(key?: Uint8Array): DatabaseError {
  const suffix = key === undefined ? '' : `: key/reference '${Buffer.from(key).toString()}'`;
  return new DatabaseError(
    'duplicateKey',
    `duplicated keys are not supported in single batch transaction${suffix}`,
  );
}

/** @throws DatabaseError for the first key that stands twice */
export function checkDistinct(entries: readonly DraftEntry[]): void {
  const seen = new Set<string>();
  for (const { rawKey } of entries) {
    const name = rawKey.latin1Slice();
    if (seen.has(name)) throw duplicateKey();
    seen.add(name);
  }
}

/** Deletion entries; every key must be live, and is not any more when it is named again. */
export function deleteEntries(keys: readonly Buffer[], context: WriteContext): DraftEntry[] {
  const named = new Set<string>();
  return keys.map((rawKey) => {
    const newest = context.newest(rawKey);
    const name = rawKey.latin1Slice();
    if (newest === undefined || newest.deleted || named.has(name)) throw keyNotFound();
    named.add(name);
    if (context.isExpired(newest)) throw keyExpired();
    return { rawKey, value: EMPTY, metadata: { deleted: true } };
  });
}

export function checkReference(ref: ReferenceOp): void {
  if (ref.key.length === 0 || ref.referencedKey.length === 0) throw illegalArguments();
  if (ref.boundRef !== ref.atTx > 0) throw illegalArguments();
}

export function referenceEntry(ref: ReferenceOp, atTx: number): DraftEntry {
  return { rawKey: rawKeyOf(ref.key), value: rawReferenceValue(ref.referencedKey, atTx) };
}

/** The key of a reference must not hold a plain value. */
export function checkReferenceKey(rawKey: Buffer, context: WriteContext): void {
  const newest = context.live(rawKey);
  if (newest !== undefined && !newest.isReference) {
    throw new DatabaseError('keyIsNotReference', 'final key cannot be converted into a reference');
  }
}

/** What is referenced must be there, at that transaction when it is bound, and hold a value itself. */
export function checkTarget(key: Uint8Array, atTx: number, context: WriteContext): void {
  const rawKey = rawKeyOf(key);
  if (atTx > 0) {
    if (!context.isCommitted(atTx)) throw txNotFound();
    const found = context.kindAt(atTx, rawKey);
    if (found?.kind === undefined) throw keyNotFound();
    if (found.expired) throw keyExpired();
    if (found.kind === REFERENCE_VALUE_PREFIX) throw referencedIsReference();
    return;
  }
  const newest = context.newest(rawKey);
  if (newest === undefined || newest.deleted) throw keyNotFound();
  if (context.isExpired(newest)) throw keyExpired();
  if (newest.isReference) throw referencedIsReference();
}

function referencedIsReference(): DatabaseError {
  return new DatabaseError('referencedKeyIsReference', 'referenced key cannot be a reference');
}

export function checkZAdd(zAdd: ZAddOp, settings: DatabaseSettings): void {
  if (zAdd.set.length === 0 || zAdd.key.length === 0) throw illegalArguments();
  if (!Number.isFinite(zAdd.score)) {
    throw new DatabaseError('invalidScore', 'illegal arguments: score must be a finite number');
  }
  const length = 1 + 8 + zAdd.set.length + 8 + 8 + 1 + zAdd.key.length + 8;
  if (length > settings.maxKeyLen) {
    throw new DatabaseError('keyTooLong', 'max key length exceeded');
  }
}

export function checkZAddBinding(zAdd: ZAddOp): void {
  if (zAdd.boundRef !== zAdd.atTx > 0) throw illegalArguments();
}

export function zAddEntry(zAdd: ZAddOp, atTx: number): DraftEntry {
  const { set, score, key } = zAdd;
  return { rawKey: rawSortedSetKey(set, score, key, atTx), value: EMPTY };
}

/** Copies what must outlive the request's buffer. */
export function rawKeys(keys: readonly Uint8Array[]): Buffer[] {
  return keys.map((key) => rawKeyOf(copyBytes(key)));
}

/** About how many bytes a write will take, for the bound of a batch. */
export function bytesOf(entries: readonly DraftEntry[]): number {
  let bytes = 0;
  for (const { rawKey, value } of entries) {
    bytes += rawKey.length + (Buffer.isBuffer(value) ? value.length : 0) + 64;
  }
  return bytes;
}
