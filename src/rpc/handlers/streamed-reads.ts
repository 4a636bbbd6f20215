import type { StreamedEntry } from '../../database/index.js';
import {
  frameChunk,
  type Init,
  inclusionProofToMessage,
  pb,
  safeInteger,
  valueChunksFrom,
} from '../../wire/index.js';
import type { DatabaseContext } from '../context.js';
import { streamedEntryToMessage } from '../convert/entries.js';
import {
  historyRequestFrom,
  keyRequestFrom,
  scanRequestFrom,
  zScanRequestFrom,
} from '../convert/requests.js';
import { signerOf, verifiableKeyRequest } from './verifiable.js';

type Chunk = Init<pb.Chunk>;

function frame(payload: Uint8Array): Chunk {
  return { content: frameChunk(payload) };
}

async function* valueFrame(
  { services }: DatabaseContext,
  entry: StreamedEntry,
): AsyncGenerator<Chunk> {
  const chunks = valueChunksFrom(entry.value(), entry.valueLength, services.chunkBytesMax);
  for await (const content of chunks) yield { content };
}

async function* keyAndValue(context: DatabaseContext, entry: StreamedEntry): AsyncGenerator<Chunk> {
  yield frame(entry.key);
  yield* valueFrame(context, entry);
}

export async function* streamGet(
  context: DatabaseContext,
  request: pb.KeyRequest,
): AsyncGenerator<Chunk> {
  yield* keyAndValue(context, context.database.getStreamed(keyRequestFrom(request)));
}

export async function* streamVerifiableGet(
  context: DatabaseContext,
  request: pb.VerifiableGetRequest,
): AsyncGenerator<Chunk> {
  const keyRequest = keyRequestFrom(verifiableKeyRequest(request));
  const since = safeInteger(request.proveSinceTx, 'VerifiableGetRequest.proveSinceTx');
  const { entry, verifiableTx, inclusionProof } = context.database.verifiableGetStreamed(
    keyRequest,
    since,
  );
  yield frame(pb.encodeEntry(streamedEntryToMessage(entry)));
  yield frame(pb.encodeVerifiableTx(signerOf(context).verifiableTxToMessage(verifiableTx)));
  yield frame(pb.encodeInclusionProof(inclusionProofToMessage(inclusionProof)));
  yield* valueFrame(context, entry);
}

export async function* streamScan(
  context: DatabaseContext,
  request: pb.ScanRequest,
): AsyncGenerator<Chunk> {
  for await (const entry of context.database.scanStreamed(scanRequestFrom(request))) {
    yield* keyAndValue(context, entry);
  }
}

export async function* streamHistory(
  context: DatabaseContext,
  request: pb.HistoryRequest,
): AsyncGenerator<Chunk> {
  for await (const entry of context.database.historyStreamed(historyRequestFrom(request))) {
    yield* keyAndValue(context, entry);
  }
}

export async function* streamZScan(
  context: DatabaseContext,
  request: pb.ZScanRequest,
): AsyncGenerator<Chunk> {
  const elements = context.database.zScanStreamed(zScanRequestFrom(request));
  for await (const { set, key, score, atTx, streamed } of elements) {
    const scoreBytes = Buffer.alloc(8);
    scoreBytes.writeDoubleBE(score);
    const atTxBytes = Buffer.alloc(8);
    atTxBytes.writeBigUInt64BE(BigInt(atTx));
    for (const part of [set, key, scoreBytes, atTxBytes]) yield frame(part);
    yield* valueFrame(context, streamed);
  }
}
