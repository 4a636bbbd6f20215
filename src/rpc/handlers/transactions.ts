import type { Init, pb } from '../../wire/index.js';
import type { DatabaseContext } from '../context.js';
import { txToMessage } from '../convert/entries.js';
import { txRequestFrom, txScanRequestFrom } from '../convert/requests.js';
import { signerOf } from './verifiable.js';

export function txById({ database }: DatabaseContext, request: pb.TxRequest): Init<pb.Tx> {
  return txToMessage(database.txById(txRequestFrom(request)));
}

export function txScan({ database }: DatabaseContext, request: pb.TxScanRequest): Init<pb.TxList> {
  return { txs: database.txScan(txScanRequestFrom(request)).map(txToMessage) };
}

export function currentState(context: DatabaseContext): Init<pb.ImmutableState> {
  return signerOf(context).stateToMessage(context.database.state());
}
