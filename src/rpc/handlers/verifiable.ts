import { DatabaseError } from '../../database/index.js';
import { type Init, type pb, safeInteger } from '../../wire/index.js';
import type { DatabaseContext } from '../context.js';
import { DatabaseSigner } from '../convert/entries.js';
import {
  keyRequestFrom,
  keyValueFrom,
  referenceFrom,
  required,
  txRequestFrom,
  zAddFrom,
} from '../convert/requests.js';
import { withRepeatedWords, writeOptions } from './kv.js';

export function signerOf({ services, database }: DatabaseContext): DatabaseSigner {
  return new DatabaseSigner(services.signer, database);
}

export async function verifiableSet(
  context: DatabaseContext,
  request: pb.VerifiableSetRequest,
): Promise<Init<pb.VerifiableTx>> {
  const setRequest = required(request.setRequest);
  const kvs = setRequest.KVs.map(keyValueFrom);
  const since = safeInteger(request.proveSinceTx, 'VerifiableSetRequest.proveSinceTx');
  const options = writeOptions(context, setRequest);
  const tx = await withRepeatedWords(context.database.verifiableSet(kvs, since, options));
  return signerOf(context).verifiableTxToMessage(tx);
}

/** The request without its key request is an error of its own. */
export function verifiableKeyRequest(request: pb.VerifiableGetRequest): pb.KeyRequest {
  if (request.keyRequest !== undefined) return request.keyRequest;
  throw new DatabaseError('emptyRequest', 'illegal arguments: empty request');
}

export function verifiableGet(
  context: DatabaseContext,
  request: pb.VerifiableGetRequest,
): Init<pb.VerifiableEntry> {
  const keyRequest = keyRequestFrom(verifiableKeyRequest(request));
  const since = safeInteger(request.proveSinceTx, 'VerifiableGetRequest.proveSinceTx');
  const entry = context.database.verifiableGet(keyRequest, since);
  return signerOf(context).verifiableEntryToMessage(entry);
}

export async function verifiableSetReference(
  context: DatabaseContext,
  request: pb.VerifiableReferenceRequest,
): Promise<Init<pb.VerifiableTx>> {
  const reference = required(request.referenceRequest);
  const since = safeInteger(request.proveSinceTx, 'VerifiableReferenceRequest.proveSinceTx');
  const options = writeOptions(context, reference);
  const write = context.database.verifiableSetReference(referenceFrom(reference), since, options);
  const tx = await withRepeatedWords(write);
  return signerOf(context).verifiableTxToMessage(tx);
}

export async function verifiableZAdd(
  context: DatabaseContext,
  request: pb.VerifiableZAddRequest,
): Promise<Init<pb.VerifiableTx>> {
  const zAdd = required(request.zAddRequest);
  const since = safeInteger(request.proveSinceTx, 'VerifiableZAddRequest.proveSinceTx');
  const options = writeOptions(context, { noWait: zAdd.noWait });
  const tx = await context.database.verifiableZAdd(zAddFrom(zAdd), since, options);
  return signerOf(context).verifiableTxToMessage(tx);
}

export function verifiableTxById(
  context: DatabaseContext,
  request: pb.VerifiableTxRequest,
): Init<pb.VerifiableTx> {
  const since = safeInteger(request.proveSinceTx, 'VerifiableTxRequest.proveSinceTx');
  const tx = context.database.verifiableTxById(txRequestFrom(request), since);
  return signerOf(context).verifiableTxToMessage(tx);
}
