import { type Init, type pb, txHeaderToMessage } from '../../wire/index.js';
import type { DatabaseContext } from '../context.js';
import { operationFrom, referenceFrom, zAddFrom } from '../convert/requests.js';
import { withRepeatedWords, writeOptions } from './kv.js';

export async function setReference(
  context: DatabaseContext,
  request: pb.ReferenceRequest,
): Promise<Init<pb.TxHeader>> {
  const options = writeOptions(context, request);
  const write = context.database.setReference(referenceFrom(request), options);
  return txHeaderToMessage(await withRepeatedWords(write));
}

export async function zAdd(
  context: DatabaseContext,
  request: pb.ZAddRequest,
): Promise<Init<pb.TxHeader>> {
  const options = writeOptions(context, { noWait: request.noWait });
  return txHeaderToMessage(await context.database.zAdd(zAddFrom(request), options));
}

export async function execAll(
  context: DatabaseContext,
  request: pb.ExecAllRequest,
): Promise<Init<pb.TxHeader>> {
  const operations = request.Operations.map(operationFrom);
  const options = writeOptions(context, request);
  return txHeaderToMessage(await context.database.execAll(operations, options));
}

/** Keys that the operations write or bind, for events. */
export function operationKeys(operations: readonly pb.Op[]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const operation of operations) {
    if (operation.operation === 'kv') keys.push(operation.kv.key);
    else if (operation.operation === 'ref') keys.push(operation.ref.key);
    else if (operation.operation === 'zAdd') keys.push(operation.zAdd.key);
  }
  return keys;
}
