import { assert } from '../base/assert.js';
import { FrameError } from './errors.js';

const HEADER_BYTES = 8;
/** First allocation for a frame that spans chunks: a declared length alone costs no memory. */
const GATHER_BYTES_MIN = 65_536;
const EMPTY = new Uint8Array(0);

/**
 * Reads the frames of a chunk stream: 8-byte big-endian length L, then L bytes. Chunk boundaries
 * have no meaning. It pulls from the source only what it needs, so the consumer's pace holds the
 * sender back. Its methods are called one after the other, by one consumer.
 *
 * Errors: `FrameError` `frameCutShort` when the stream ends inside a frame, `frameTooLong` when a
 * frame declares more than its limit; what the source throws passes through.
 */
export class FrameReader {
  private readonly source: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = EMPTY;
  private pos = 0;
  /** Payload bytes of the current frame not yet read. */
  private left = 0;
  private what = 'frame';

  /** @param contents the contents of the chunks; views on them are handed out. */
  constructor(contents: AsyncIterable<Uint8Array>) {
    this.source = contents[Symbol.asyncIterator]();
  }

  /**
   * Goes to the next frame; the current one must have been read to its end.
   *
   * @param what names the frame in errors, e.g. `key`
   * @param lengthMax limit of the payload in bytes
   * @returns the length of its payload; undefined at the end of the stream
   */
  async nextFrameHeader(what: string, lengthMax: number): Promise<number | undefined> {
    assert(this.left === 0, 'the current frame is not read to its end');
    this.what = what;
    if (!(await this.fill())) return undefined;
    let high = 0;
    let low = 0;
    for (let i = 0; i < HEADER_BYTES; i++) {
      if (!(await this.fill())) throw this.cutShort();
      const byte = this.chunk[this.pos++] as number;
      if (i < 4) high = high * 256 + byte;
      else low = low * 256 + byte;
    }
    const length = high * 0x1_0000_0000 + low;
    if (length > lengthMax) {
      const text = Number.isSafeInteger(length) ? String(length) : 'more than 2^53';
      throw new FrameError(
        'frameTooLong',
        `the ${what} declares ${text} bytes, the limit is ${lengthMax}`,
      );
    }
    this.left = length;
    return length;
  }

  /** As `nextFrameHeader`, where the stream must not end: `frameCutShort` if it does. */
  async requireFrameHeader(what: string, lengthMax: number): Promise<number> {
    const length = await this.nextFrameHeader(what, lengthMax);
    if (length === undefined) throw this.cutShort();
    return length;
  }

  /**
   * The rest of the current frame in one piece: a view on the chunk that holds it all, else a copy.
   * The limit was given with the header.
   */
  async readWhole(): Promise<Uint8Array> {
    if (this.left === 0) return EMPTY;
    if (!(await this.fill())) throw this.cutShort();
    if (this.available >= this.left) return this.take(this.left);
    const length = this.left;
    let whole = new Uint8Array(Math.min(length, Math.max(GATHER_BYTES_MIN, this.available)));
    let used = 0;
    for await (const piece of this.pieces()) {
      if (used + piece.length > whole.length) {
        const size = Math.min(length, Math.max(2 * whole.length, used + piece.length));
        const larger = new Uint8Array(size);
        larger.set(whole.subarray(0, used));
        whole = larger;
      }
      whole.set(piece, used);
      used += piece.length;
    }
    return whole;
  }

  /** A whole frame; undefined at the end of the stream. */
  async nextFrame(what: string, lengthMax: number): Promise<Uint8Array | undefined> {
    const length = await this.nextFrameHeader(what, lengthMax);
    return length === undefined ? undefined : await this.readWhole();
  }

  /** A whole frame where the stream must not end: `frameCutShort` if it does. */
  async requireFrame(what: string, lengthMax: number): Promise<Uint8Array> {
    await this.requireFrameHeader(what, lengthMax);
    return await this.readWhole();
  }

  /**
   * The rest of the current frame as the chunks deliver it: views, each at most a chunk long, none
   * empty. A consumer that stops early cannot go on to another frame.
   */
  async *pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.left > 0) {
      if (!(await this.fill())) throw this.cutShort();
      yield this.take(Math.min(this.left, this.available));
    }
  }

  /** Tells the source that nothing more will be read. */
  async close(): Promise<void> {
    await this.source.return?.();
  }

  private get available(): number {
    return this.chunk.length - this.pos;
  }

  private take(count: number): Uint8Array {
    const piece = this.chunk.subarray(this.pos, this.pos + count);
    this.pos += count;
    this.left -= count;
    return piece;
  }

  /** Makes sure that a byte is available; false at the end of the stream. */
  private async fill(): Promise<boolean> {
    while (this.pos === this.chunk.length) {
      const next = await this.source.next();
      if (next.done === true) return false;
      this.chunk = next.value;
      this.pos = 0;
    }
    return true;
  }

  private cutShort(): FrameError {
    return new FrameError('frameCutShort', `the stream ends before the end of the ${this.what}`);
  }
}
