import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  CHUNK_BYTES_MAX,
  FrameError,
  FrameReader,
  frameChunk,
  valueChunks,
  valueChunksFrom,
  type WireErrorCode,
} from '../../src/wire/index.js';
import { readVector } from '../support/project.js';

interface StreamVector {
  readonly case: string;
  readonly chunkSize: number;
  readonly messages?: readonly string[];
  readonly chunksV1_11_1: readonly string[];
  readonly chunksV0_9_2?: readonly string[] | null;
}

const { streams } = readVector('encoding.json') as { streams: StreamVector[] };

function fromHex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

async function* each(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** The bytes cut at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length];
  ends.sort((a, b) => a - b);
  let from = 0;
  return ends.map((end) => {
    const piece = bytes.subarray(from, end);
    from = end;
    return piece;
  });
}

async function readAll(chunks: readonly Uint8Array[], lengthMax = 1e6): Promise<Uint8Array[]> {
  const reader = new FrameReader(each(chunks));
  const frames = [];
  for (;;) {
    const frame = await reader.nextFrame('frame', lengthMax);
    if (frame === undefined) return frames;
    frames.push(frame);
  }
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer[]> {
  const all = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return all;
}

function refused(code: WireErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof FrameError && error.code === code;
}

describe('reading frames', () => {
  test('as the senders of both generations cut them', async () => {
    for (const { case: name, messages, chunksV1_11_1, chunksV0_9_2 } of streams) {
      if (messages === undefined) continue;
      for (const chunks of [chunksV1_11_1, chunksV0_9_2]) {
        if (!Array.isArray(chunks)) continue;
        const frames = await readAll(chunks.map(fromHex));
        assert.deepEqual(
          frames.map((frame) => Buffer.from(frame).toString('hex')),
          messages,
          name,
        );
      }
    }
  });

  test('does not depend on where the stream is cut', async () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
    const places = fc.array(fc.nat(4000), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(payloads, places, async (messages, where) => {
        const stream = Buffer.concat(messages.map(frameChunk));
        const frames = await readAll(cut(stream, where));
        assert.deepEqual(
          frames.map((frame) => Buffer.from(frame)),
          messages.map((message) => Buffer.from(message)),
        );
      }),
    );
  });

  test('byte by byte gathers a frame that is larger than the first allocation', async () => {
    const payload = Buffer.from(Array.from({ length: 150_000 }, (_, i) => i % 251));
    const stream = frameChunk(payload);
    const chunks = Array.from(stream, (_, i) => stream.subarray(i, i + 1));
    const [frame] = await readAll(chunks);
    assert.equal(Buffer.compare(frame as Uint8Array, payload), 0);
  });

  test('hands a frame that one chunk holds out as a view on it', async () => {
    const chunk = new Uint8Array(frameChunk(Buffer.from('abc')));
    const [frame] = await readAll([chunk]);
    assert.equal(frame?.buffer, chunk.buffer);
  });

  test('pulls no chunk before it needs it, and never holds a whole value', async () => {
    let delivered = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      const header = Buffer.alloc(8);
      header.writeUInt32BE(64 * 65_536, 4);
      yield header;
      for (let i = 0; i < 64; i++) {
        delivered++;
        yield Buffer.alloc(65_536, i);
      }
    }
    const reader = new FrameReader(source());
    assert.equal(await reader.nextFrameHeader('value', 2 ** 28), 64 * 65_536);
    assert.equal(delivered, 0);
    let taken = 0;
    for await (const piece of reader.pieces()) {
      assert.equal(piece.length, 65_536);
      taken++;
      assert.equal(delivered, taken);
    }
    assert.equal(taken, 64);
    assert.equal(await reader.nextFrameHeader('key', 10), undefined);
  });

  test('gives no piece and an empty whole for a frame of length zero', async () => {
    const reader = new FrameReader(each([Buffer.alloc(16)]));
    assert.equal(await reader.requireFrameHeader('value', 10), 0);
    assert.deepEqual(await collect(reader.pieces()), []);
    assert.equal((await reader.requireFrame('value', 10)).length, 0);
    assert.equal(await reader.nextFrame('key', 10), undefined);
  });

  test('refuses a stream that ends inside a frame, at every place', async () => {
    const stream = Buffer.concat([
      frameChunk(Buffer.from('key')),
      frameChunk(Buffer.from('value')),
    ]);
    for (let end = 0; end <= stream.length; end++) {
      const read = readAll([stream.subarray(0, end)]);
      if (end === 0 || end === 11 || end === stream.length) await read;
      else await assert.rejects(read, refused('frameCutShort'), String(end));
    }
  });

  test('refuses a stream that ends where a frame is required, naming it', async () => {
    const reader = new FrameReader(each([frameChunk(Buffer.from('key'))]));
    await reader.requireFrame('key', 10);
    await assert.rejects(reader.requireFrame('value', 10), {
      code: 'frameCutShort',
      message: 'the stream ends before the end of the value',
    });
  });

  test('refuses a declared length above the limit before it reads or allocates, naming both', async () => {
    const huge = Buffer.alloc(8, 0xff);
    await assert.rejects(readAll([huge], Number.MAX_SAFE_INTEGER), refused('frameTooLong'));
    const reader = new FrameReader(each([frameChunk(Buffer.alloc(11))]));
    await assert.rejects(reader.nextFrame('key', 10), {
      name: 'FrameError',
      code: 'frameTooLong',
      message: 'the key declares 11 bytes, the limit is 10',
    });
    assert.equal((await readAll([frameChunk(Buffer.alloc(10))], 10)).length, 1);
  });

  test('passes errors of the source on and closes it', async () => {
    const failure = new Error('connection lost');
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield frameChunk(Buffer.from('k'));
        throw failure;
      } finally {
        closed = true;
      }
    }
    const broken = new FrameReader(source());
    await broken.requireFrame('key', 10);
    await assert.rejects(broken.nextFrame('value', 10), failure);

    closed = false;
    const left = new FrameReader(source());
    await left.requireFrame('key', 10);
    await left.close();
    assert.equal(closed, true);
  });

  test('does not go on from a frame that is not read to its end', async () => {
    const reader = new FrameReader(each([frameChunk(Buffer.from('key'))]));
    await reader.nextFrameHeader('key', 10);
    await assert.rejects(reader.nextFrameHeader('value', 10), { name: 'AssertionError' });
  });
});

describe('writing frames', () => {
  test('cuts values as the recorded sender does', async () => {
    for (const { case: name, messages, chunkSize, chunksV1_11_1 } of streams) {
      if (messages === undefined) continue;
      const whole = messages.flatMap((message) => [...valueChunks(fromHex(message), chunkSize)]);
      assert.deepEqual(
        whole.map((chunk) => Buffer.from(chunk).toString('hex')),
        chunksV1_11_1,
        name,
      );
    }
  });

  test('keeps anything but a value in one chunk, whatever its size', () => {
    const payload = Buffer.alloc(CHUNK_BYTES_MAX * 2, 3);
    assert.equal(frameChunk(payload).length, payload.length + 8);
    assert.deepEqual(Buffer.from(frameChunk(Buffer.alloc(0))), Buffer.alloc(8));
  });

  test('no chunk of a value holds more than 65536 bytes, none is empty', () => {
    const sizes = [0, 1, 65_527, 65_528, 65_529, 131_064, 131_065, 1_000_000];
    for (const size of sizes) {
      const chunks = [...valueChunks(Buffer.alloc(size, 1))];
      assert.ok(chunks.every((chunk) => chunk.length > 0 && chunk.length <= CHUNK_BYTES_MAX));
      assert.equal(chunks.length, Math.ceil((size + 8) / CHUNK_BYTES_MAX));
      assert.equal(Buffer.concat(chunks).length, size + 8);
    }
  });

  test('a value that comes in pieces gives the same chunks as a whole one', async () => {
    const places = fc.array(fc.nat(1000), { maxLength: 20 });
    const property = fc.asyncProperty(
      fc.uint8Array({ maxLength: 500 }),
      places,
      fc.integer({ min: 9, max: 64 }),
      async (value, where, chunkSize) => {
        const pieces = cut(value, where);
        const chunks = await collect(valueChunksFrom(each(pieces), value.length, chunkSize));
        assert.deepEqual(
          chunks,
          [...valueChunks(value, chunkSize)].map((chunk) => Buffer.from(chunk)),
        );
      },
    );
    await fc.assert(property);
  });

  test('a value that is shorter or longer than declared is a bug of its source', async () => {
    const pieces = [Buffer.alloc(5)];
    await assert.rejects(collect(valueChunksFrom(pieces, 6)), { name: 'AssertionError' });
    await assert.rejects(collect(valueChunksFrom(pieces, 4)), { name: 'AssertionError' });
  });

  test('a length beyond 32 bits has its upper half', async () => {
    const part = Buffer.alloc(65_528);
    const chunks = valueChunksFrom([part, Buffer.alloc(1)], 2 ** 32 + 5);
    const first = await chunks.next();
    assert.equal(first.done, false);
    const header = (first.value as Uint8Array).subarray(0, 8);
    assert.equal(Buffer.from(header).toString('hex'), '0000000100000005');
  });
});
