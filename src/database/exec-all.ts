import { rawKeyOf } from '../proofs/index.js';
import type { DraftEntry } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { illegalArguments, keyNotFound } from './failures.js';
import type { DatabaseSettings } from './settings.js';
import type { Operation, ReferenceOp, ZAddOp } from './types.js';
import type { WriteContext } from './write-context.js';
import {
  checkKeyLength,
  checkReferenceKey,
  checkTarget,
  checkZAdd,
  duplicateKey,
  kvEntry,
  referenceEntry,
  zAddEntry,
} from './writes.js';

function nameOf(...parts: readonly (Uint8Array | number)[]): string {
  return parts
    .map((part) => (typeof part === 'number' ? String(part) : Buffer.from(part).toString('latin1')))
    .map((part) => `${part.length}:${part}`)
    .join('');
}

/** Refuses what can be refused without looking at the database. */
export function validateOperations(
  operations: readonly Operation[],
  settings: DatabaseSettings,
): void {
  if (operations.length === 0) throw new DatabaseError('emptySet', 'empty set');
  if (operations.length > settings.maxTxEntries) {
    throw new DatabaseError('tooManyEntries', 'max number of entries per tx exceeded');
  }
  const keys = new Set<string>();
  const zAdds = new Set<string>();
  const takeKey = (key: Uint8Array) => {
    const name = nameOf(key);
    if (keys.has(name)) throw duplicateKey(key);
    keys.add(name);
  };
  for (const operation of operations) {
    switch (operation.kind) {
      case 'unset':
        throw new DatabaseError('operationNotSet', 'operation is not set');
      case 'kv':
        takeKey(operation.kv.key);
        break;
      case 'ref':
        takeKey(operation.ref.key);
        break;
      case 'zAdd': {
        const { set, key, atTx } = operation.zAdd;
        const name = nameOf(set, key, atTx);
        if (zAdds.has(name)) {
          throw new DatabaseError(
            'duplicateZAdd',
            'duplicated index inside zAdd insertions are not supported in single batch transaction',
          );
        }
        zAdds.add(name);
      }
    }
  }
}

const NOT_SELF_CONTAINED = 'no wait operation must be self-contained: illegal arguments: ';

/**
 * Without waiting for the index a call may depend on nothing but itself: every reference and sorted-set
 * entry is bound to this transaction and to a key that an earlier operation sets.
 */
export function validateSelfContained(operations: readonly Operation[]): void {
  const set = new Set<string>();
  for (const operation of operations) {
    if (operation.kind === 'kv') set.add(nameOf(operation.kv.key));
    if (operation.kind !== 'ref' && operation.kind !== 'zAdd') continue;
    const op = operation.kind === 'ref' ? operation.ref : operation.zAdd;
    const target = operation.kind === 'ref' ? operation.ref.referencedKey : operation.zAdd.key;
    if (!op.boundRef || op.atTx !== 0) {
      throw notSelfContained(
        'can only set references to keys added within same transaction, ' +
          'please use bound references with AtTx set to 0',
      );
    }
    if (!set.has(nameOf(target))) {
      const what = operation.kind === 'ref' ? 'to a key' : 'into a set for a key';
      throw notSelfContained(
        `can not create a reference ${what} that was not set in the same transaction`,
      );
    }
  }
}

function notSelfContained(reason: string): DatabaseError {
  return new DatabaseError('notSelfContained', NOT_SELF_CONTAINED + reason);
}

/** Entry i comes from operation i. */
export function execAllEntries(
  operations: readonly Operation[],
  context: WriteContext,
): DraftEntry[] {
  const written = new Set<string>();
  const entries: DraftEntry[] = [];
  for (const operation of operations) {
    entries.push(execEntry(operation, context, written));
    if (operation.kind === 'kv') written.add(nameOf(operation.kv.key));
  }
  return entries;
}

function execEntry(
  operation: Operation,
  context: WriteContext,
  written: ReadonlySet<string>,
): DraftEntry {
  switch (operation.kind) {
    case 'unset':
      throw new DatabaseError('operationNotSet', 'operation is not set');
    case 'kv':
      return kvEntry(operation.kv, context.settings);
    case 'ref':
      return execReference(operation.ref, context, written);
    case 'zAdd':
      return execZAdd(operation.zAdd, context, written);
  }
}

function execReference(
  ref: ReferenceOp,
  context: WriteContext,
  written: ReadonlySet<string>,
): DraftEntry {
  if (ref.key.length === 0 || ref.referencedKey.length === 0) throw illegalArguments();
  checkKeyLength(ref.key, context.settings);
  checkReferenceKey(rawKeyOf(ref.key), context);
  return referenceEntry(ref, bind(ref, ref.referencedKey, context, written));
}

function execZAdd(zAdd: ZAddOp, context: WriteContext, written: ReadonlySet<string>): DraftEntry {
  checkZAdd(zAdd, context.settings);
  return zAddEntry(zAdd, bind(zAdd, zAdd.key, context, written));
}

/**
 * Checks that the target is there and gives the transaction it is bound to; 0 is unbound.
 * @param written keys that earlier operations set
 */
function bind(
  op: { readonly atTx: number; readonly boundRef: boolean },
  target: Uint8Array,
  context: WriteContext,
  written: ReadonlySet<string>,
): number {
  if (op.atTx > 0 && !op.boundRef) throw illegalArguments();
  const isSetHere = written.has(nameOf(target));
  if (op.boundRef && op.atTx === 0) {
    if (!isSetHere) throw keyNotFound();
    return context.txId;
  }
  if (op.atTx === 0 && isSetHere) return 0;
  checkTarget(target, op.atTx, context);
  return op.atTx;
}
