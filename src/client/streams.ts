import { writeU64 } from '../base/bytes.js';
import type { TxHeader } from '../proofs/index.js';
import {
  FrameReader,
  frameChunk,
  type Init,
  pb,
  type RequestInitOf,
  txHeaderFromMessage,
  valueChunks,
  valueChunksFrom,
} from '../wire/index.js';
import type { CallOptions } from './options.js';
import {
  type HistoryOptions,
  keyRequest,
  PlainClient,
  type ScanOptions,
  type WhichVersion,
} from './plain.js';
import { type Bytes, bytesOf } from './values.js';

/** A value that comes in pieces which add up to `length` bytes. */
export interface ValueSource {
  readonly length: number;
  readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

export interface StreamedKeyValue {
  readonly key: Bytes;
  readonly value: Bytes | ValueSource;
}

export interface StreamedValue {
  readonly key: Uint8Array;
  readonly length: number;
  /** To be read once; leaving it early ends the call. */
  readonly pieces: AsyncGenerator<Uint8Array, void, undefined>;
}

export interface StreamedSortedSetEntry {
  readonly set: Uint8Array;
  readonly key: Uint8Array;
  readonly score: number;
  readonly atTx: number;
  readonly value: Uint8Array;
}

/** Bytes of a frame that is held whole. */
const FRAME_BYTES_MAX = 256 * 1024 * 1024;
/** Of a value that is handed out in pieces. */
const VALUE_BYTES_MAX = Number.MAX_SAFE_INTEGER;

async function* contentsOf(chunks: AsyncIterable<pb.Chunk>): AsyncGenerator<Uint8Array> {
  for await (const { content } of chunks) yield content;
}

async function* chunksOf({ key, value }: StreamedKeyValue): AsyncGenerator<Init<pb.Chunk>> {
  yield { content: frameChunk(bytesOf(key)) };
  const contents =
    typeof value === 'string' || value instanceof Uint8Array
      ? valueChunks(bytesOf(value))
      : valueChunksFrom(value.pieces, value.length);
  for await (const content of contents) yield { content };
}

async function* chunksOfAll(
  entries: AsyncIterable<StreamedKeyValue> | Iterable<StreamedKeyValue>,
): AsyncGenerator<Init<pb.Chunk>> {
  for await (const entry of entries) yield* chunksOf(entry);
}

async function* verifiableSetChunks(
  since: number,
  entries: Iterable<StreamedKeyValue>,
): AsyncGenerator<Init<pb.Chunk>> {
  const number = Buffer.alloc(8);
  writeU64(number, 0, since);
  yield { content: frameChunk(number) };
  yield* chunksOfAll(entries);
}

/** Values of any size, in pieces. */
export class StreamClient extends PlainClient {
  /** All in one transaction. Values are drawn at the pace of the server. */
  async streamSet(
    entries: AsyncIterable<StreamedKeyValue> | Iterable<StreamedKeyValue>,
    options: CallOptions = {},
  ): Promise<TxHeader> {
    return txHeaderFromMessage(await this.write('streamSet', chunksOfAll(entries), options));
  }

  /** The value as it comes: nothing is held but a piece. */
  async streamGet(
    key: Bytes,
    which: WhichVersion = {},
    options: CallOptions = {},
  ): Promise<StreamedValue> {
    const reader = this.#frames('streamGet', keyRequest(key, which), options);
    const found = await reader.requireFrame('key', FRAME_BYTES_MAX);
    const length = await reader.requireFrameHeader('value', VALUE_BYTES_MAX);
    return { key: found, length, pieces: toEnd(reader) };
  }

  /** In one call, however many there are. */
  async *streamScan(
    { prefix = '', after = '', desc, limit }: Omit<ScanOptions, 'pageSize'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const request = { prefix: bytesOf(prefix), seekKey: bytesOf(after), desc, limit };
    yield* pairs(this.#frames('streamScan', request, options));
  }

  async *streamHistory(
    key: Bytes,
    { desc, offset, limit }: Omit<HistoryOptions, 'pageSize'> = {},
    options: CallOptions = {},
  ): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const request = { key: bytesOf(key), desc, offset, limit };
    yield* pairs(this.#frames('streamHistory', request, options));
  }

  async *streamZScan(
    request: RequestInitOf<'streamZScan'>,
    options: CallOptions = {},
  ): AsyncGenerator<StreamedSortedSetEntry> {
    const reader = this.#frames('streamZScan', request, options);
    try {
      for (;;) {
        const set = await reader.nextFrame('set', FRAME_BYTES_MAX);
        if (set === undefined) return;
        const key = await reader.requireFrame('key', FRAME_BYTES_MAX);
        const score = Buffer.from(await reader.requireFrame('score', 8)).readDoubleBE();
        const atTx = Number(Buffer.from(await reader.requireFrame('atTx', 8)).readBigUInt64BE());
        const value = await reader.requireFrame('value', FRAME_BYTES_MAX);
        yield { set, key, score, atTx, value };
      }
    } finally {
      await reader.close();
    }
  }

  /** The bytes of one transaction as backups and replicas take them. */
  exportTx(txId: number, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
    return contentsOf(this.read('exportTx', { tx: txId }, options));
  }

  protected streamVerifiableSet(
    since: number,
    entries: Iterable<StreamedKeyValue>,
    options: CallOptions,
  ): Promise<pb.VerifiableTx> {
    return this.write('streamVerifiableSet', verifiableSetChunks(since, entries), options);
  }

  protected async streamedVerifiableEntry(
    request: RequestInitOf<'streamVerifiableGet'>,
    options: CallOptions,
  ): Promise<pb.VerifiableEntry> {
    const reader = this.#frames('streamVerifiableGet', request, options);
    try {
      const entry = pb.decodeEntry(await reader.requireFrame('entry', FRAME_BYTES_MAX));
      const tx = pb.decodeVerifiableTx(await reader.requireFrame('transaction', FRAME_BYTES_MAX));
      const proof = await reader.requireFrame('inclusion proof', FRAME_BYTES_MAX);
      entry.value = await reader.requireFrame('value', FRAME_BYTES_MAX);
      return { entry, verifiableTx: tx, inclusionProof: pb.decodeInclusionProof(proof) };
    } finally {
      await reader.close();
    }
  }

  #frames<
    M extends 'streamGet' | 'streamScan' | 'streamHistory' | 'streamZScan' | 'streamVerifiableGet',
  >(method: M, request: RequestInitOf<M>, options: CallOptions): FrameReader {
    const chunks = this.read(method, request, options) as AsyncIterable<pb.Chunk>;
    return new FrameReader(contentsOf(chunks));
  }
}

async function* toEnd(reader: FrameReader): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* reader.pieces();
    // The status of the call comes after the last piece.
    await reader.nextFrameHeader('end', 0);
  } finally {
    await reader.close();
  }
}

async function* pairs(
  reader: FrameReader,
): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
  try {
    for (;;) {
      const key = await reader.nextFrame('key', FRAME_BYTES_MAX);
      if (key === undefined) return;
      yield { key, value: await reader.requireFrame('value', FRAME_BYTES_MAX) };
    }
  } finally {
    await reader.close();
  }
}
