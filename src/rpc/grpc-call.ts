import type { Metadata, ServerInterceptingCallInterface } from '@grpc/grpc-js';
import { RpcError } from './rpc-error.js';
import { STATUS } from './status.js';
import type { CallStatus, Peer, RequestMetadata, TransportCall } from './transport.js';

/** Bytes handed to the connection and not yet taken by it; more of a stream waits. */
const SEND_BUFFER_BYTES_MAX = 1_048_576;
const STATUS_DETAILS = 'grpc-status-details-bin';

interface Waiting<T> {
  resolve(value: T): void;
  reject(reason: Error): void;
}

function nothing(): void {}

/** A call of grpc-js below its own handlers: it reads when it is asked to, one message at a time. */
export class GrpcCall implements TransportCall {
  readonly metadata: RequestMetadata;
  readonly peer: Peer;
  readonly #call: ServerInterceptingCallInterface;
  readonly #makeMetadata: () => Metadata;
  #reading: Waiting<Uint8Array | undefined> | undefined;
  #sending: Waiting<void> | undefined;
  #unsentBytes = 0;
  #halfClosed = false;
  #ended = false;
  #failure: Error | undefined;

  constructor(
    call: ServerInterceptingCallInterface,
    metadata: Metadata,
    makeMetadata: () => Metadata,
  ) {
    this.#call = call;
    this.#makeMetadata = makeMetadata;
    this.metadata = { get: (name) => firstText(metadata, name) };
    const { remoteAddress, remotePort, localAddress, localPort } = call.getConnectionInfo();
    this.peer = { address: remoteAddress, port: remotePort, localAddress, localPort };
  }

  receive(): Promise<Uint8Array | undefined> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#halfClosed) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#reading = { resolve, reject };
      this.#call.startRead();
    });
  }

  send(message: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#unsentBytes += message.length;
    this.#call.sendMessage(message, () => {
      this.#unsentBytes -= message.length;
      if (this.#unsentBytes <= SEND_BUFFER_BYTES_MAX) this.#takeSending()?.resolve();
    });
    if (this.#unsentBytes <= SEND_BUFFER_BYTES_MAX) return undefined;
    return new Promise((resolve, reject) => {
      this.#sending = { resolve, reject };
    });
  }

  respond(message: Uint8Array): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#call.sendMessage(message, nothing);
    this.#call.sendStatus({ code: STATUS.OK, details: '', metadata: null });
  }

  end({ code, text, details }: CallStatus): void {
    if (this.#ended) return;
    this.#ended = true;
    let metadata: Metadata | null = null;
    if (details !== undefined) {
      metadata = this.#makeMetadata();
      metadata.set(STATUS_DETAILS, Buffer.from(details));
    }
    this.#call.sendStatus({ code, details: text, metadata });
  }

  interrupt(reason: Error): void {
    this.#failure ??= reason;
    this.#takeReading()?.reject(reason);
    this.#takeSending()?.reject(reason);
  }

  // What grpc-js calls.

  onReceiveMessage(message: Uint8Array): void {
    this.#takeReading()?.resolve(message);
  }

  /**
   * Clients on Node end a stream before they reset it, so for a moment one that was given up looks like
   * one that is complete: half a batch would be written. The reset follows on the heels of the end, so
   * it is given two turns of the event loop.
   */
  onReceiveHalfClose(): void {
    setImmediate(() => setImmediate(() => this.#endRequests()));
  }

  #endRequests(): void {
    // Finds out about a reset; if there was one, `onCancel` comes before the next line.
    this.#call.startRead();
    process.nextTick(() => {
      if (this.#failure !== undefined) return;
      this.#halfClosed = true;
      this.#takeReading()?.resolve(undefined);
    });
  }

  /** Also called when the call ended in the ordinary way. */
  onCancel(): void {
    if (!this.#ended) this.interrupt(new RpcError('cancelled'));
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

function firstText(metadata: Metadata, name: string): string | undefined {
  const value = metadata.get(name)[0];
  return typeof value === 'string' ? value : undefined;
}
