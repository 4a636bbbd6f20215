import { assert } from '../base/assert.js';

/** Most bytes of a value that one chunk carries, the 8 length bytes included. */
export const CHUNK_BYTES_MAX = 65_536;
const HEADER_BYTES = 8;

/**
 * The content of the one chunk that carries a key, a number or an encoded message: some clients
 * need it complete in one chunk whatever its size.
 */
export function frameChunk(payload: Uint8Array): Uint8Array {
  const content = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  writeHeader(content, payload.length);
  content.set(payload, HEADER_BYTES);
  return content;
}

/** The contents of the chunks that carry a value. All but the first are views on it. */
export function* valueChunks(
  value: Uint8Array,
  chunkBytesMax = CHUNK_BYTES_MAX,
): Generator<Uint8Array, void, undefined> {
  const first = chunkBytesMax - HEADER_BYTES;
  assert(first > 0, 'a chunk must hold more than a frame header');
  const head = Buffer.allocUnsafe(HEADER_BYTES + Math.min(first, value.length));
  writeHeader(head, value.length);
  head.set(value.subarray(0, first), HEADER_BYTES);
  yield head;
  for (let at = first; at < value.length; at += chunkBytesMax) {
    yield value.subarray(at, at + chunkBytesMax);
  }
}

/**
 * The contents of the chunks that carry a value of `length` bytes that comes in pieces of any size:
 * the same as `valueChunks` makes, without holding more than a chunk and a piece at a time.
 *
 * The pieces must add up to `length`: anything else is a bug of the source.
 */
export async function* valueChunksFrom(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  length: number,
  chunkBytesMax = CHUNK_BYTES_MAX,
): AsyncGenerator<Uint8Array, void, undefined> {
  assert(chunkBytesMax > HEADER_BYTES, 'a chunk must hold more than a frame header');
  let left = length;
  let chunk = Buffer.allocUnsafe(Math.min(chunkBytesMax, HEADER_BYTES + length));
  writeHeader(chunk, length);
  let used = HEADER_BYTES;
  for await (const piece of pieces) {
    assert(piece.length <= left, 'the value is longer than declared');
    left -= piece.length;
    let at = 0;
    while (at < piece.length) {
      if (used === chunk.length) {
        yield chunk;
        chunk = Buffer.allocUnsafe(Math.min(chunkBytesMax, left + piece.length - at));
        used = 0;
      }
      const part = piece.subarray(at, at + chunk.length - used);
      chunk.set(part, used);
      used += part.length;
      at += part.length;
    }
  }
  assert(left === 0, 'the value is shorter than declared');
  yield chunk;
}

function writeHeader(target: Buffer, length: number): void {
  target.writeUInt32BE(Math.floor(length / 0x1_0000_0000), 0);
  target.writeUInt32BE(length >>> 0, 4);
}
