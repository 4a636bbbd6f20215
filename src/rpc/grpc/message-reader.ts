import { RpcError } from '../rpc-error.js';
import { MESSAGE_HEAD_BYTES } from './headers.js';

/** Allocated for a message before more of it has come; a length that was announced costs nothing. */
const FIRST_ALLOCATION_BYTES = 65_536;
/** Of a message in more than so many pieces, each carries so many bytes at least, taken together. */
const SMALL_PIECES_MAX = 1024;
const PIECE_BYTES_MIN = 64;

export interface RawMessage {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

export interface MessageLimits {
  /** Bytes of one message. */
  readonly receiveBytesMax: number;
  /** Pieces that one message may arrive in. */
  readonly messageFramesMax: number;
}

/**
 * Puts messages together from the pieces of a request's body. What it keeps is as large as what has come,
 * however small the pieces are.
 */
export class MessageReader {
  readonly #limits: MessageLimits;
  readonly #head = Buffer.alloc(MESSAGE_HEAD_BYTES);
  #headLength = 0;
  #body: Buffer | undefined;
  #bodyLength = 0;
  #filled = 0;
  #frames = 0;

  constructor(limits: MessageLimits) {
    this.#limits = limits;
  }

  /** Whether a message has begun and not ended. */
  get inside(): boolean {
    return this.#headLength > 0;
  }

  /**
   * @returns the messages that are complete now; they share no memory with the piece
   * @throws RpcError messageTooLong, messageFrames
   */
  push(piece: Buffer): RawMessage[] {
    const messages: RawMessage[] = [];
    let at = 0;
    while (at < piece.length) {
      if (at === 0 || !this.inside) this.#countFrame();
      if (this.#headLength < MESSAGE_HEAD_BYTES) at += this.#takeHead(piece, at);
      if (this.#headLength < MESSAGE_HEAD_BYTES) break;
      at += this.#takeBody(piece, at);
      if (this.#filled === this.#bodyLength) messages.push(this.#complete());
    }
    return messages;
  }

  #countFrame(): void {
    const frames = ++this.#frames;
    const tiny = frames > SMALL_PIECES_MAX && this.#filled < frames * PIECE_BYTES_MIN;
    if (tiny || frames > this.#limits.messageFramesMax) throw new RpcError('messageFrames');
  }

  #takeHead(piece: Buffer, at: number): number {
    const taken = piece.copy(this.#head, this.#headLength, at);
    this.#headLength += taken;
    if (this.#headLength < MESSAGE_HEAD_BYTES) return taken;
    const length = this.#head.readUInt32BE(1);
    const { receiveBytesMax } = this.#limits;
    if (length > receiveBytesMax) {
      const text = `received message larger than max (${length} vs. ${receiveBytesMax}, --max-recv-msg-size)`;
      throw new RpcError('messageTooLong', text);
    }
    this.#bodyLength = length;
    this.#body = Buffer.allocUnsafe(Math.min(length, FIRST_ALLOCATION_BYTES));
    return taken;
  }

  #takeBody(piece: Buffer, at: number): number {
    const taken = Math.min(piece.length - at, this.#bodyLength - this.#filled);
    const body = this.#roomFor(this.#filled + taken);
    piece.copy(body, this.#filled, at, at + taken);
    this.#filled += taken;
    return taken;
  }

  #roomFor(length: number): Buffer {
    const body = this.#body as Buffer;
    if (length <= body.length) return body;
    const larger = Buffer.allocUnsafe(
      Math.min(this.#bodyLength, Math.max(length, 2 * body.length)),
    );
    body.copy(larger, 0, 0, this.#filled);
    this.#body = larger;
    return larger;
  }

  #complete(): RawMessage {
    const message = { compressed: this.#head[0] === 1, bytes: this.#body as Buffer };
    this.#headLength = 0;
    this.#body = undefined;
    this.#bodyLength = 0;
    this.#filled = 0;
    this.#frames = 0;
    return message;
  }
}
