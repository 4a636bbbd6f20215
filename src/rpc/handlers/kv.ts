import type { WriteOptions } from '../../database/index.js';
import { type Init, type pb, safeInteger, txHeaderToMessage } from '../../wire/index.js';
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

export async function set(
  context: DatabaseContext,
  request: pb.SetRequest,
): Promise<Init<pb.TxHeader>> {
  const kvs = request.KVs.map(keyValueFrom);
  return txHeaderToMessage(await context.database.set(kvs, writeOptions(context, request)));
}

export function get({ database }: DatabaseContext, request: pb.KeyRequest): Init<pb.Entry> {
  return entryToMessage(database.get(keyRequestFrom(request)));
}

export function getAll(
  { database }: DatabaseContext,
  request: pb.KeyListRequest,
): Init<pb.Entries> {
  const sinceTx = safeInteger(request.sinceTx, 'KeyListRequest.sinceTx');
  return { entries: database.getAll(request.keys, sinceTx).map(entryToMessage) };
}

export async function deleteKeys(
  context: DatabaseContext,
  request: pb.DeleteKeysRequest,
): Promise<Init<pb.TxHeader>> {
  const sinceTx = safeInteger(request.sinceTx, 'DeleteKeysRequest.sinceTx');
  const options = writeOptions(context, { noWait: request.noWait });
  return txHeaderToMessage(await context.database.delete(request.keys, sinceTx, options));
}
