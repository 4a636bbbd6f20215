import type { ServerHttp2Stream } from 'node:http2';

/** Given to the stream at once. Small, so that a slow client is seen to move. */
const BATCH_BYTES = 262_144;

/** What a call has to send, given to its stream piece by piece as the client takes it. */
export class Outbox {
  readonly #stream: ServerHttp2Stream;
  readonly #onSent: (bytes: number) => void;
  readonly #waiting: Buffer[] = [];
  #writing = false;
  #ending = false;
  #unsentBytes = 0;

  /** @param onSent called when the client's side has taken so many bytes */
  constructor(stream: ServerHttp2Stream, onSent: (bytes: number) => void) {
    this.#stream = stream;
    this.#onSent = onSent;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  add(bytes: Buffer): void {
    this.#unsentBytes += bytes.length;
    for (let at = 0; at < bytes.length; at += BATCH_BYTES) {
      this.#waiting.push(at === 0 && bytes.length <= BATCH_BYTES ? bytes : slice(bytes, at));
    }
    this.#pump();
  }

  /** Ends the stream when everything is sent. */
  end(): void {
    this.#ending = true;
    this.#pump();
  }

  /** `add` and `end` at once: both leave in one packet. */
  addLast(bytes: Buffer): void {
    this.#ending = true;
    this.add(bytes);
  }

  #pump(): void {
    if (this.#writing || this.#stream.destroyed) return;
    const batch = this.#nextBatch();
    if (batch.length === 0) {
      if (this.#ending && !this.#stream.writableEnded) this.#stream.end();
      return;
    }
    const bytes = batch.reduce((sum, { length }) => sum + length, 0);
    const last = batch.pop() as Buffer;
    const onWritten = (error?: Error | null) => this.#written(bytes, error ?? undefined);
    this.#writing = true;
    if (this.#ending && this.#waiting.length === 0 && batch.length === 0) {
      this.#stream.end(last, onWritten);
      return;
    }
    this.#stream.cork();
    for (const piece of batch) this.#stream.write(piece);
    this.#stream.write(last, onWritten);
    this.#stream.uncork();
  }

  #nextBatch(): Buffer[] {
    const batch: Buffer[] = [];
    let bytes = 0;
    while (this.#waiting.length > 0) {
      const { length } = this.#waiting[0] as Buffer;
      if (bytes > 0 && bytes + length > BATCH_BYTES) break;
      bytes += length;
      batch.push(this.#waiting.shift() as Buffer);
    }
    return batch;
  }

  #written(bytes: number, error: Error | undefined): void {
    this.#writing = false;
    // The stream is gone, and its end settles the account.
    if (error !== undefined) return;
    this.#unsentBytes -= bytes;
    this.#onSent(bytes);
    this.#pump();
  }
}

function slice(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at, at + BATCH_BYTES);
}
