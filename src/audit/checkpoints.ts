import type { Clock } from '../base/clock.js';
import type { EventData } from './event.js';
import type { Checkpoint } from './records.js';
import type { SealStore } from './seal-store.js';
import type { Watermarks } from './watermarks.js';
import type { StreamWriter } from './writer.js';

export interface CheckpointsOptions {
  readonly store: SealStore;
  readonly writer: StreamWriter;
  readonly watermarks: Watermarks;
  readonly clock: Clock;
  /** Brings the watermarks up to date. @param all no call is under way any more */
  settle(all: boolean): Promise<void>;
  say(name: string, data: EventData): Promise<void>;
}

/** Notes in an immutable database how far the stream has come. */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #lastSeq = 0;
  #madeAt = 0;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Counts from here on. */
  begin(): void {
    this.#madeAt = this.#options.clock.now();
  }

  /** Makes one when there are lines that none covers. */
  async makeIfDue(intervalMs: number): Promise<void> {
    if (this.#options.clock.now() - this.#madeAt < intervalMs) return;
    // The line of the last one alone needs no other.
    if (this.#options.writer.head.seq <= this.#lastSeq + 1) return;
    await this.make(false);
  }

  /** @param clean nothing but the line of this checkpoint follows */
  async make(clean: boolean): Promise<void> {
    const { store, writer, watermarks, clock, settle, say } = this.#options;
    await settle(clean);
    this.#madeAt = clock.now();
    const checkpoint = await writer.exclusively((): Checkpoint | undefined => {
      const { head, files } = writer;
      if (files.live === undefined || files.lines === 0) return undefined;
      return {
        v: 1,
        file_no: files.fileNo,
        up_to_seq: head.seq,
        head: head.hash,
        merkle_root: files.merkleRoot,
        lines: files.lines,
        bytes: files.bytes,
        at: new Date(clock.now()).toISOString(),
        watermarks: watermarks.all(),
        above: watermarks.above(),
        clean,
      };
    });
    if (checkpoint === undefined) return;
    const anchor = await store.putCheckpoint(checkpoint);
    const { file_no, up_to_seq, merkle_root } = checkpoint;
    await say('audit.checkpoint', { anchor: { ...anchor }, file_no, merkle_root, up_to_seq });
    this.#lastSeq = up_to_seq;
  }
}
