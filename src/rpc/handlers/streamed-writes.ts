import {
  DatabaseError,
  type KeyValue,
  type Operation,
  type WriteOptions,
} from '../../database/index.js';
import {
  FrameReader,
  type Init,
  pb,
  safeInteger,
  txHeaderToMessage,
  WireError,
} from '../../wire/index.js';
import type { DatabaseContext } from '../context.js';
import { zAddFrom } from '../convert/requests.js';
import { mapError } from '../errors.js';
import { RpcError, type RpcErrorCode } from '../rpc-error.js';
import { StreamValues } from './stream-values.js';
import { signerOf } from './verifiable.js';

type Chunks = AsyncIterable<pb.Chunk>;

/** Kinds of operations, one byte each. */
const OPERATION_KV = 1;
const OPERATION_ZADD = 2;
const OPERATION_REFERENCE = 4;

const NUMBER_BYTES = 8;
const Z_ADD_FRAME_BYTES_MAX = 65_536;

async function* contentsOf(chunks: Chunks): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { content } of chunks) yield content;
}

/** Streams can express neither preconditions nor `noWait`. */
function optionsOf({ caller }: DatabaseContext): WriteOptions {
  return { generation: caller.generation };
}

/** Gives the stream to `write`, and takes staged values back when it fails. */
async function withFrames<T>(
  chunks: Chunks,
  write: (reader: FrameReader, track: (values: StreamValues) => StreamValues) => Promise<T>,
): Promise<T> {
  const reader = new FrameReader(contentsOf(chunks));
  let tracked: StreamValues | undefined;
  try {
    return await write(reader, (values) => {
      tracked = values;
      return values;
    });
  } catch (error) {
    await tracked?.discard();
    throw error;
  } finally {
    await reader.close();
  }
}

/** Refusals of the database reach the clients of streams in a wrapping that they know. */
async function wrapped<T>(code: RpcErrorCode, prefix: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const { status, text } = mapError(error);
    if (status === 'UNAVAILABLE' || status === 'RESOURCE_EXHAUSTED') throw error;
    throw new RpcError(code, `${prefix}: ${text}`, { cause: error });
  }
}

async function readPairs(context: DatabaseContext, values: StreamValues): Promise<KeyValue[]> {
  const { maxTxEntries } = context.database.settings;
  const kvs: KeyValue[] = [];
  for (;;) {
    const key = await values.nextKey();
    if (key === undefined) return kvs;
    refuseMoreThan(maxTxEntries, kvs.length);
    context.noteKey(key);
    kvs.push({ key, value: await values.requireValue() });
  }
}

function refuseMoreThan(max: number, count: number): void {
  if (count < max) return;
  throw new DatabaseError('tooManyEntries', 'max number of entries per tx exceeded');
}

export function streamSet(context: DatabaseContext, chunks: Chunks): Promise<Init<pb.TxHeader>> {
  return withFrames(chunks, (reader, track) =>
    wrapped('streamSetFailed', 'StreamSet receives following error', async () => {
      const values = track(new StreamValues(context.database, reader));
      const kvs = await readPairs(context, values);
      return txHeaderToMessage(await context.database.set(kvs, optionsOf(context)));
    }),
  );
}

export function streamVerifiableSet(
  context: DatabaseContext,
  chunks: Chunks,
): Promise<Init<pb.VerifiableTx>> {
  const prefix = 'StreamVerifiableSet received the following error';
  return withFrames(chunks, (reader, track) =>
    wrapped('streamVerifiableSetFailed', prefix, async () => {
      const since = await readNumber(reader, 'proveSinceTx');
      const values = track(new StreamValues(context.database, reader, NUMBER_BYTES));
      const kvs = await readPairs(context, values);
      const tx = await context.database.verifiableSet(kvs, since, optionsOf(context));
      return signerOf(context).verifiableTxToMessage(tx);
    }),
  );
}

async function readNumber(reader: FrameReader, what: string): Promise<number> {
  const frame = await reader.requireFrame(what, NUMBER_BYTES);
  if (frame.length < NUMBER_BYTES) throw new RpcError('streamNumberCutShort');
  const number = Buffer.from(frame).readBigUInt64BE();
  return safeInteger(number > Number.MAX_SAFE_INTEGER ? Infinity : Number(number), what);
}

export function streamExecAll(
  context: DatabaseContext,
  chunks: Chunks,
): Promise<Init<pb.TxHeader>> {
  return withFrames(chunks, async (reader, track) => {
    const values = track(new StreamValues(context.database, reader));
    const operations: Operation[] = [];
    for (;;) {
      const kind = await reader.nextFrame('operation', 1);
      if (kind === undefined) break;
      refuseMoreThan(context.database.settings.maxTxEntries, operations.length);
      operations.push(await readOperation(kind[0], context, reader, values));
    }
    return txHeaderToMessage(await context.database.execAll(operations, optionsOf(context)));
  });
}

async function readOperation(
  kind: number | undefined,
  context: DatabaseContext,
  reader: FrameReader,
  values: StreamValues,
): Promise<Operation> {
  switch (kind) {
    case OPERATION_KV: {
      const key = await values.requireKey();
      context.noteKey(key);
      return { kind: 'kv', kv: { key, value: await values.requireValue() } };
    }
    case OPERATION_ZADD: {
      const zAdd = zAddFrom(decodeZAdd(await reader.requireFrame('zAdd', Z_ADD_FRAME_BYTES_MAX)));
      context.noteKey(zAdd.key);
      return { kind: 'zAdd', zAdd };
    }
    case OPERATION_REFERENCE:
      throw new RpcError('streamReferenceUnsupported');
    default:
      // The original takes it for the end of the list and drops the rest.
      throw new DatabaseError('operationNotSet', 'operation is not set');
  }
}

function decodeZAdd(frame: Uint8Array): pb.ZAddRequest {
  try {
    return pb.decodeZAddRequest(frame);
  } catch (cause) {
    if (cause instanceof WireError) throw new RpcError('streamZAddMalformed', undefined, { cause });
    throw cause;
  }
}
