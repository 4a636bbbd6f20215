import { rawKeyOf } from '../proofs/index.js';
import { DatabaseError } from './errors.js';
import type { DatabaseSettings } from './settings.js';
import type { Precondition } from './types.js';
import type { WriteContext } from './write-context.js';

function invalid(reason: string): DatabaseError {
  return new DatabaseError('invalidPrecondition', `invalid precondition: ${reason}`);
}

function failed(kind: string): DatabaseError {
  return new DatabaseError('preconditionFailed', `precondition failed: ${kind}`);
}

/** Refuses preconditions that could never be checked, before anything waits. */
export function validatePreconditions(
  preconditions: readonly Precondition[],
  settings: DatabaseSettings,
): void {
  if (preconditions.length > settings.maxTxEntries) throw invalid('too many preconditions');
  for (const precondition of preconditions) {
    if (precondition.kind === 'unset') throw invalid('null');
    if (precondition.key.length === 0) throw invalid('null key');
    if (precondition.key.length + 1 > settings.maxKeyLen) throw invalid('max key length exceeded');
    if (precondition.kind === 'keyNotModifiedAfterTx' && precondition.txId === 0) {
      throw invalid('invalid transaction ID');
    }
  }
}

/** All must hold in the state on which the transaction is built. */
export function checkPreconditions(
  preconditions: readonly Precondition[],
  context: WriteContext,
): void {
  for (const precondition of preconditions) checkOne(precondition, context);
}

function checkOne(precondition: Precondition, context: WriteContext): void {
  switch (precondition.kind) {
    case 'unset':
      throw invalid('null');
    case 'keyMustExist':
      if (context.live(rawKeyOf(precondition.key)) === undefined) throw failed('KeyMustExist');
      return;
    case 'keyMustNotExist':
      if (context.live(rawKeyOf(precondition.key)) !== undefined) throw failed('KeyMustNotExist');
      return;
    case 'keyNotModifiedAfterTx': {
      const newest = context.newest(rawKeyOf(precondition.key));
      if (newest !== undefined && newest.tx > precondition.txId) {
        throw failed('KeyNotModifiedAfterTxID');
      }
    }
  }
}
