import { DatabaseError, type WriteOptions } from '../../database/index.js';
import { askedTxId, type Init, type pb, txHeaderToMessage } from '../../wire/index.js';
import type { DatabaseContext } from '../context.js';
import { entryToMessage } from '../convert/entries.js';
import { keyRequestFrom, keyValueFrom, preconditionFrom } from '../convert/requests.js';

/** How the call came in decides a header version that is not fixed yet. */
export function writeOptions(
  { caller }: DatabaseContext,
  request: { readonly noWait?: boolean; readonly preconditions?: readonly pb.Precondition[] },
): WriteOptions {
  const { noWait, preconditions } = request;
  return {
    generation: caller.generation,
    ...(noWait === undefined ? {} : { noWait }),
    ...(preconditions === undefined || preconditions.length === 0
      ? {}
      : { preconditions: preconditions.map(preconditionFrom) }),
  };
}

/** Clients of some writes know these with their first words twice. */
const REPEATED = /: (?:max key length exceeded|invalid transaction ID)$/;

export async function withRepeatedWords<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (cause) {
    if (!(cause instanceof DatabaseError) || cause.code !== 'invalidPrecondition') throw cause;
    if (!REPEATED.test(cause.message)) throw cause;
    const message = `invalid precondition: ${cause.message}`;
    throw new DatabaseError('invalidPrecondition', message, { cause });
  }
}

export async function set(
  context: DatabaseContext,
  request: pb.SetRequest,
): Promise<Init<pb.TxHeader>> {
  const kvs = request.KVs.map(keyValueFrom);
  const write = context.database.set(kvs, writeOptions(context, request));
  return txHeaderToMessage(await withRepeatedWords(write));
}

export function get({ database }: DatabaseContext, request: pb.KeyRequest): Init<pb.Entry> {
  return entryToMessage(database.get(keyRequestFrom(request)));
}

export function getAll(
  { database }: DatabaseContext,
  request: pb.KeyListRequest,
): Init<pb.Entries> {
  const sinceTx = askedTxId(request.sinceTx);
  return { entries: database.getAll(request.keys, sinceTx).map(entryToMessage) };
}

export async function deleteKeys(
  context: DatabaseContext,
  request: pb.DeleteKeysRequest,
): Promise<Init<pb.TxHeader>> {
  const sinceTx = askedTxId(request.sinceTx);
  const options = writeOptions(context, { noWait: request.noWait });
  return txHeaderToMessage(await context.database.delete(request.keys, sinceTx, options));
}
