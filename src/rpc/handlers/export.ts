import { DatabaseError } from '../../database/index.js';
import { askedTxId, type Init, type pb, valueChunksFrom } from '../../wire/index.js';
import type { DatabaseContext } from '../context.js';

type Chunk = Init<pb.Chunk>;

/** Tells how far the exported history goes. */
const COMMITTED_TX_ID = 'committed-txid-bin';

export async function* exportTx(
  { database, services }: DatabaseContext,
  request: pb.ExportTxRequest,
): AsyncGenerator<Chunk> {
  // Nothing here waits for the acknowledgement of a replica.
  if (request.replicaState !== undefined) {
    throw new DatabaseError(
      'illegalStateExplained',
      'illegal state: replica state was NOT expected',
    );
  }
  const { length, pieces } = database.exportTx(askedTxId(request.tx));
  const committed = Buffer.alloc(8);
  committed.writeBigUInt64BE(BigInt(database.state().txId));
  let metadata: Map<string, Uint8Array> | undefined = new Map([[COMMITTED_TX_ID, committed]]);
  for await (const content of valueChunksFrom(pieces(), length, services.chunkBytesMax)) {
    yield metadata === undefined ? { content } : { content, metadata };
    metadata = undefined;
  }
}

/** One frame for each request; the call ends with OK when the client has no more. */
export async function* streamExportTx(
  context: DatabaseContext,
  requests: AsyncIterable<pb.ExportTxRequest>,
): AsyncGenerator<Chunk> {
  for await (const request of requests) yield* exportTx(context, request);
}

/** Databases of this server are written by their users alone. */
export async function replicateTx(): Promise<Init<pb.TxHeader>> {
  throw new DatabaseError('notAReplica', 'database is NOT a replica');
}
