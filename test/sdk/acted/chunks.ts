import { uint } from './formulas.js';

/** The most that immudb4j and immudb put into one chunk. */
const CHUNK_BYTES_MAX = 65_536;

/** One frame: its length in 8 bytes, then its bytes. */
export function frame(payload: Uint8Array): Buffer {
  return Buffer.concat([uint(payload.length, 8), payload]);
}

/** Each frame begins a chunk of its own and, when it is long, goes on in further ones. */
export function chunksOf(payloads: readonly Uint8Array[]): Buffer[] {
  return payloads.flatMap((payload) => {
    const whole = frame(payload);
    const count = Math.ceil(whole.length / CHUNK_BYTES_MAX);
    return Array.from({ length: count }, (_, i) =>
      whole.subarray(i * CHUNK_BYTES_MAX, (i + 1) * CHUNK_BYTES_MAX),
    );
  });
}

/** Reads as immudb4j: a frame begins where a chunk begins, and no chunk holds bytes of two frames. */
export function framesOf(chunks: readonly Buffer[]): Buffer[] {
  const frames: Buffer[] = [];
  let parts: Buffer[] = [];
  let left = 0;
  for (const chunk of chunks) {
    let content = chunk;
    if (left === 0) {
      if (chunk.length < 8) throw new Error('a chunk without the length of its frame');
      left = Number(chunk.readBigUInt64BE());
      content = chunk.subarray(8);
      parts = [];
    } else if (chunk.length === 0) {
      throw new Error('an empty chunk');
    }
    if (content.length > left) throw new Error('a chunk with bytes of two frames');
    parts.push(content);
    left -= content.length;
    if (left === 0) frames.push(Buffer.concat(parts));
  }
  if (left > 0) throw new Error('the last frame is cut short');
  return frames;
}

/** Frames in groups: key and value, or the five parts of an element. */
export function grouped(frames: readonly Buffer[], size: number): Buffer[][] {
  if (frames.length % size !== 0)
    throw new Error(`${frames.length} frames are no groups of ${size}`);
  return Array.from({ length: frames.length / size }, (_, i) =>
    frames.slice(i * size, (i + 1) * size),
  );
}
