import type {
  EntriesSpec,
  EntryAction,
  HistoryRequest,
  KeyRequest,
  KeyValue,
  Operation,
  Precondition,
  ReferenceOp,
  ScanRequest,
  TxRequest,
  TxScanRequest,
  ZAddOp,
  ZScanRequest,
} from '../../database/index.js';
import { askedTxId, kvMetadataFromMessage, type pb, safeInteger } from '../../wire/index.js';
import { RpcError } from '../rpc-error.js';

/**
 * Requests as the database takes them. A number that cannot be exact is refused by the name of its
 * field, but for ids of transactions that are only asked for; bytes stay views on the request.
 */

/** A part that a request cannot do without. */
export function required<T>(message: T | undefined): T {
  if (message === undefined) throw new RpcError('messageMissing');
  return message;
}

export function keyRequestFrom(message: pb.KeyRequest): KeyRequest {
  const { key, noWait } = message;
  return {
    key,
    atTx: askedTxId(message.atTx),
    sinceTx: askedTxId(message.sinceTx),
    noWait,
    atRevision: safeInteger(message.atRevision, 'KeyRequest.atRevision'),
  };
}

export function keyValueFrom(message: pb.KeyValue): KeyValue {
  const { key, value } = message;
  const metadata = kvMetadataFromMessage(message.metadata);
  return metadata === undefined ? { key, value } : { key, value, metadata };
}

export function referenceFrom(message: pb.ReferenceRequest): ReferenceOp {
  const { key, referencedKey, boundRef } = message;
  return { key, referencedKey, boundRef, atTx: askedTxId(message.atTx) };
}

export function zAddFrom(message: pb.ZAddRequest): ZAddOp {
  const { set, score, key, boundRef } = message;
  return { set, score, key, boundRef, atTx: askedTxId(message.atTx) };
}

export function operationFrom(message: pb.Op): Operation {
  switch (message.operation) {
    case 'kv':
      return { kind: 'kv', kv: keyValueFrom(message.kv) };
    case 'ref':
      return { kind: 'ref', ref: referenceFrom(message.ref) };
    case 'zAdd':
      return { kind: 'zAdd', zAdd: zAddFrom(message.zAdd) };
    case undefined:
      return { kind: 'unset' };
  }
}

export function preconditionFrom(message: pb.Precondition): Precondition {
  switch (message.precondition) {
    case 'keyMustExist':
      return { kind: 'keyMustExist', key: message.keyMustExist.key };
    case 'keyMustNotExist':
      return { kind: 'keyMustNotExist', key: message.keyMustNotExist.key };
    case 'keyNotModifiedAfterTX': {
      const { key, txID } = message.keyNotModifiedAfterTX;
      const txId = safeInteger(txID, 'KeyNotModifiedAfterTXPrecondition.txID');
      return { kind: 'keyNotModifiedAfterTx', key, txId };
    }
    case undefined:
      return { kind: 'unset' };
  }
}

export function scanRequestFrom(message: pb.ScanRequest): ScanRequest {
  return {
    ...message,
    limit: safeInteger(message.limit, 'ScanRequest.limit'),
    offset: safeInteger(message.offset, 'ScanRequest.offset'),
    sinceTx: askedTxId(message.sinceTx),
  };
}

export function zScanRequestFrom(message: pb.ZScanRequest): ZScanRequest {
  const { minScore, maxScore, noWait, ...rest } = message;
  return {
    ...rest,
    noWait,
    limit: safeInteger(message.limit, 'ZScanRequest.limit'),
    offset: safeInteger(message.offset, 'ZScanRequest.offset'),
    seekAtTx: safeInteger(message.seekAtTx, 'ZScanRequest.seekAtTx'),
    sinceTx: askedTxId(message.sinceTx),
    ...(minScore === undefined ? {} : { minScore: minScore.score }),
    ...(maxScore === undefined ? {} : { maxScore: maxScore.score }),
  };
}

export function historyRequestFrom(message: pb.HistoryRequest): HistoryRequest {
  const { key, limit, desc } = message;
  return {
    key,
    limit,
    desc,
    offset: safeInteger(message.offset, 'HistoryRequest.offset'),
    sinceTx: askedTxId(message.sinceTx),
  };
}

export function txRequestFrom(message: pb.TxRequest | pb.VerifiableTxRequest): TxRequest {
  return {
    tx: askedTxId(message.tx),
    sinceTx: askedTxId(message.sinceTx),
    keepReferencesUnresolved: message.keepReferencesUnresolved,
    ...entriesSpecFrom(message.entriesSpec),
  };
}

export function txScanRequestFrom(message: pb.TxScanRequest): TxScanRequest {
  const { limit, desc } = message;
  return {
    limit,
    desc,
    initialTx: askedTxId(message.initialTx),
    sinceTx: askedTxId(message.sinceTx),
    ...entriesSpecFrom(message.entriesSpec),
  };
}

const ACTIONS: readonly EntryAction[] = ['exclude', 'onlyDigest', 'rawValue', 'resolve'];

function entriesSpecFrom(message: pb.EntriesSpec | undefined): { entriesSpec?: EntriesSpec } {
  if (message === undefined) return {};
  return {
    entriesSpec: {
      kv: actionFrom(message.kvEntriesSpec),
      z: actionFrom(message.zEntriesSpec),
      sql: actionFrom(message.sqlEntriesSpec),
    },
  };
}

function actionFrom(spec: pb.EntryTypeSpec | undefined): EntryAction {
  if (spec === undefined) return 'exclude';
  const action = ACTIONS[spec.action];
  if (action === undefined) throw new RpcError('messageMissing');
  return action;
}
