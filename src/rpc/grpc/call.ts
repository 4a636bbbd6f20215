import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { constants } from 'node:http2';
import { STATUS } from '../../wire/index.js';
import type { FrontLimits } from '../front/index.js';
import { RpcError, type RpcErrorCode } from '../rpc-error.js';
import type { CallStatus, Peer, RequestMetadata, TransportCall } from '../transport.js';
import { decompress, decompressedBytesMax } from './decompress.js';
import { frameOf, MESSAGE_HEAD_BYTES, metadataOf, timeoutMs, trailersOf } from './headers.js';
import { MessageReader, type RawMessage } from './message-reader.js';
import { Outbox } from './outbox.js';

/** Bytes of a stream that wait for its client; before more is made, some must be taken. */
const SEND_BUFFER_BYTES_MAX = 1_048_576;
/** The same on a connection that holds much. */
const CROWDED_SEND_BUFFER_BYTES = 65_536;
/** For which the stream of a call that was answered waits for its client to end it. */
const LINGER_MS = 10_000;

/** What a call needs of its connection. */
export interface CallHome {
  readonly peer: Peer;
  readonly limits: FrontLimits;
  /** Holds on to bytes of a request. @returns why not, when a limit is reached */
  hold(bytes: number): RpcErrorCode | undefined;
  release(bytes: number): void;
  /** Bytes of a request have come that nobody keeps. */
  dropped(bytes: number): void;
  /** Bytes of answers that wait for the client: more, or less when it took some. */
  unsent(bytes: number): void;
  /** Whether the connection holds so much that its calls should hold little. */
  readonly crowded: boolean;
  /** A call of it has shown a login. */
  loggedIn(): void;
  /** A limit ended a call. */
  refused(code: RpcErrorCode): void;
  closed(call: GrpcCall): void;
}

type Message = Buffer | Promise<Buffer>;

interface Waiting<T> {
  resolve(value: T | PromiseLike<T>): void;
  reject(reason: Error): void;
}

/** A stream of HTTP/2 as a call: it reads when it is asked to, one message at a time. */
export class GrpcCall implements TransportCall {
  readonly metadata: RequestMetadata;
  readonly peer: Peer;
  readonly #stream: ServerHttp2Stream;
  readonly #home: CallHome;
  readonly #encoding: string;
  /** Unix milliseconds; what the client gave the call. */
  readonly #deadline: number;
  /** Whether more than one message may come. */
  readonly #many: boolean;
  /** Until the call ends. */
  #reader: MessageReader | undefined;
  readonly #outbox: Outbox;
  readonly #messages: Message[] = [];
  #reading: Waiting<Uint8Array | undefined> | undefined;
  #sending: Waiting<void> | undefined;
  #began = false;
  #complete = false;
  #halfClosed = false;
  #heldBytes = 0;
  /** Of the message that is being handled. */
  #deliveredBytes = 0;
  #ended = false;
  #closed = false;
  /** Unix milliseconds: when it ended, or when the client last took something after that. */
  #movedAt = 0;
  #failure: Error | undefined;
  #trailers: OutgoingHttpHeaders | undefined;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    home: CallHome,
    options: { readonly manyRequests: boolean; readonly now: number },
  ) {
    this.#stream = stream;
    this.#home = home;
    this.#many = options.manyRequests;
    this.metadata = metadataOf(headers);
    this.peer = home.peer;
    const encoding = headers['grpc-encoding'];
    this.#encoding = typeof encoding === 'string' ? encoding : 'identity';
    const timeout = headers['grpc-timeout'];
    const timeLeft = typeof timeout === 'string' ? timeoutMs(timeout) : Number.POSITIVE_INFINITY;
    this.#deadline = options.now + (timeLeft ?? Number.POSITIVE_INFINITY);
    this.#reader = new MessageReader(home.limits);
    this.#outbox = new Outbox(stream, (bytes) => this.#onSent(bytes));
    stream.on('close', () => this.#onClose());
  }

  /** Sends the headers of the answer. */
  begin(headers: OutgoingHttpHeaders): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.on('wantTrailers', () => {
      if (this.#trailers !== undefined) this.#stream.sendTrailers(this.#trailers);
    });
    this.#stream.respond(headers, { waitForTrailers: true });
  }

  loggedIn(): void {
    this.#home.loggedIn();
  }

  receive(): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#release(this.#deliveredBytes);
    this.#deliveredBytes = 0;
    const message = this.#messages.shift();
    if (message !== undefined) return this.#delivered(message);
    if (this.#halfClosed) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#reading = { resolve, reject };
      this.#read();
    });
  }

  send(message: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closed) return Promise.reject(new RpcError('cancelled'));
    this.#home.unsent(message.length + MESSAGE_HEAD_BYTES);
    this.#outbox.add(frameOf(message));
    if (!this.#isFull()) return undefined;
    return new Promise((resolve, reject) => {
      this.#sending = { resolve, reject };
    });
  }

  respond(message: Uint8Array): void {
    if (!this.#end({ code: STATUS.OK, text: '' })) return;
    this.#home.unsent(message.length + MESSAGE_HEAD_BYTES);
    this.#outbox.addLast(frameOf(message));
    this.#discardRest();
  }

  end(status: CallStatus): void {
    if (!this.#end(status)) return;
    this.#outbox.end();
    this.#discardRest();
  }

  interrupt(reason: Error): void {
    this.#failure ??= reason;
    this.#takeReading()?.reject(reason);
    this.#takeSending()?.reject(reason);
  }

  /** Bytes that have arrived and that nobody has asked for. */
  get unreadBytes(): number {
    return this.#stream.readableLength;
  }

  /** Ends what has used up its time. */
  sweep(now: number): void {
    if (this.#closed) return;
    if (!this.#ended) {
      if (now <= this.#deadline) return;
      this.end({ code: STATUS.DEADLINE_EXCEEDED, text: 'the deadline of the caller has passed' });
      this.interrupt(new RpcError('cancelled'));
      return;
    }
    if (this.#movedAt === 0) this.#movedAt = now;
    const unsent = this.#outbox.unsentBytes > 0;
    const patience = unsent ? this.#home.limits.streamProgressTimeoutMs : LINGER_MS;
    if (now - this.#movedAt <= patience) return;
    if (unsent) this.#home.refused('streamStalled');
    this.#stream.close(unsent ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_NO_ERROR);
  }

  // Requests.

  #read(): void {
    if (this.#began) {
      this.#stream.resume();
      return;
    }
    this.#began = true;
    // It ended without a message while it waited for its turn.
    if (this.#stream.readableEnded) {
      this.#onEnd();
      return;
    }
    this.#stream.on('data', (piece: Buffer) => this.#onData(piece));
    this.#stream.on('end', () => this.#onEnd());
  }

  #onData(piece: Buffer): void {
    // After the only message, or where nobody wants it any more: let it pass, keep nothing.
    if (this.#complete || this.#failure !== undefined || this.#reader === undefined) {
      this.#home.dropped(piece.length);
      return;
    }
    try {
      this.#hold(piece.length);
      for (const message of this.#reader.push(piece)) this.#onMessage(message);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.interrupt(error);
      this.#home.refused(error.code);
    }
  }

  #onMessage({ compressed, bytes }: RawMessage): void {
    if (this.#complete) return;
    const message = compressed ? this.#decompressed(bytes) : bytes;
    if (this.#many) this.#stream.pause();
    else this.#complete = true;
    const reading = this.#takeReading();
    if (reading === undefined) this.#messages.push(message);
    else reading.resolve(this.#delivered(message));
  }

  /** What its bytes were charged with is given back when the next message is asked for. */
  #delivered(message: Message): Promise<Uint8Array> {
    if (message instanceof Promise) {
      return message.then((bytes) => {
        this.#deliveredBytes = bytes.length + MESSAGE_HEAD_BYTES;
        return bytes;
      });
    }
    this.#deliveredBytes = message.length + MESSAGE_HEAD_BYTES;
    return Promise.resolve(message);
  }

  #decompressed(bytes: Buffer): Promise<Buffer> {
    const { limits } = this.#home;
    const reserved = decompressedBytesMax(bytes.length, limits.receiveBytesMax);
    this.#hold(reserved);
    this.#release(bytes.length);
    const made = decompress(bytes, this.#encoding, reserved);
    const settled = made.then(
      (whole) => {
        this.#release(reserved - whole.length);
        return whole;
      },
      (error: Error) => {
        this.#release(reserved);
        throw error;
      },
    );
    // It may be that nobody asks for it.
    settled.catch(() => {});
    return settled;
  }

  /** @throws RpcError when a limit is reached */
  #hold(bytes: number): void {
    if (this.#closed || this.#ended) return;
    const refusal = this.#home.hold(bytes);
    if (refusal !== undefined) throw new RpcError(refusal);
    this.#heldBytes += bytes;
  }

  #release(bytes: number): void {
    const given = Math.min(bytes, this.#heldBytes);
    if (given === 0) return;
    this.#heldBytes -= given;
    this.#home.release(given);
  }

  /**
   * Clients on Node end a stream before they reset it, so for a moment one that was given up looks like
   * one that is complete: half a batch would be written. The reset follows on the heels of the end, so
   * it is given two turns of the event loop.
   */
  #onEnd(): void {
    if (this.#complete || this.#failure !== undefined || this.#ended) return;
    setImmediate(() => setImmediate(() => this.#endRequests()));
  }

  #endRequests(): void {
    if (this.#failure !== undefined || this.#ended) return;
    if (this.#stream.closed || this.#stream.destroyed) this.interrupt(new RpcError('cancelled'));
    else if (this.#reader?.inside) this.interrupt(new RpcError('messageCutShort'));
    this.#halfClosed = true;
    this.#takeReading()?.resolve(undefined);
  }

  /** What still comes has no use; read, it leaves the connection's window to others. */
  #discardRest(): void {
    if (this.#stream.destroyed) return;
    if (!this.#began) this.#stream.on('data', (piece: Buffer) => this.#home.dropped(piece.length));
    this.#stream.resume();
  }

  // Answers.

  #end(status: CallStatus): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#trailers = trailersOf(status);
    this.#reader = undefined;
    this.#messages.length = 0;
    this.#release(this.#heldBytes);
    return !this.#closed;
  }

  #isFull(): boolean {
    const max = this.#home.crowded ? CROWDED_SEND_BUFFER_BYTES : SEND_BUFFER_BYTES_MAX;
    return this.#outbox.unsentBytes > max;
  }

  #onSent(bytes: number): void {
    if (this.#closed) return;
    this.#home.unsent(-bytes);
    this.#movedAt = 0;
    if (!this.#isFull()) this.#takeSending()?.resolve();
  }

  #onClose(): void {
    this.#closed = true;
    if (!this.#ended) this.interrupt(new RpcError('cancelled'));
    this.#release(this.#heldBytes);
    this.#home.unsent(-this.#outbox.unsentBytes);
    this.#home.dropped(this.unreadBytes);
    this.#home.closed(this);
  }

  #takeReading() {
    const reading = this.#reading;
    this.#reading = undefined;
    return reading;
  }

  #takeSending() {
    const sending = this.#sending;
    this.#sending = undefined;
    return sending;
  }
}
