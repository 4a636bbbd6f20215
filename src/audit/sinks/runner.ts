import path from 'node:path';
import { readFileIfExists, writeFileDurably } from '../../base/durable-file.js';
import { messageOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import { AuditError } from '../errors.js';
import { type CursorPosition, STREAM_START, type TakenLine, takeLines } from '../verify/cursor.js';
import type { Sink } from './sink.js';

export interface SinkRunnerOptions {
  /** Letters, digits and `-`: the name of the cursor's file. */
  readonly name: string;
  /** Of the live file; the cursor is kept beside it. */
  readonly path: string;
  readonly sink: Sink;
  readonly log: Log;
  /** The last line on disk; what stands behind it in the file may still be taken back. */
  readonly newestSeq: number;
  /** Lines sent at once. */
  readonly batchLines?: number;
  /** Milliseconds before a failed batch is sent again the first time; doubles up to a minute. */
  readonly retryMs?: number;
}

const BATCH_LINES = 256;
const RETRY_MS = 1000;
const RETRY_MS_MAX = 60_000;

/**
 * Brings the lines of the files to a second place, each at least once and in order. It reads what is on
 * disk, by a cursor that is on disk too: a place that is slow or gone costs no memory, and no answer waits
 * for it unless somebody calls `delivered`.
 */
export class SinkRunner {
  readonly #options: SinkRunnerOptions;
  readonly #cursorFile: string;
  #position: CursorPosition;
  #newest: number;
  #wake: (() => void) | undefined;
  #notified = true;
  #closed = false;
  #failure: string | undefined;
  #waiters: {
    readonly seq: number;
    readonly done: () => void;
    readonly fail: (e: Error) => void;
  }[] = [];
  readonly #running: Promise<void>;

  private constructor(options: SinkRunnerOptions, cursorFile: string, position: CursorPosition) {
    this.#options = options;
    this.#cursorFile = cursorFile;
    this.#position = position;
    this.#newest = options.newestSeq;
    this.#running = this.#run();
  }

  /** Goes on where the cursor stands, or begins with the first line that is there. */
  static async open(options: SinkRunnerOptions): Promise<SinkRunner> {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(options.name)) {
      throw new AuditError(
        'invalidSetting',
        `audit sink ${options.name}: letters, digits and - only`,
      );
    }
    const file = path.join(path.dirname(options.path), `audit.sink.${options.name}.cursor`);
    const text = await readFileIfExists(file);
    return new SinkRunner(options, file, text ? parseCursor(file, text.toString()) : STREAM_START);
  }

  /** Of the last line that was taken. */
  get deliveredSeq(): number {
    return this.#position.seq;
  }

  /** Lines that are on disk and not delivered. */
  get lagEvents(): number {
    return Math.max(0, this.#newest - this.#position.seq);
  }

  /** Why the last attempt failed; undefined when it did not. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** There are lines up to this one on disk. Cheap: called after every batch. */
  notify(seq: number): void {
    this.#newest = Math.max(this.#newest, seq);
    this.#notified = true;
    this.#wake?.();
  }

  /** Resolves when the line was delivered: for who must not answer before. */
  delivered(seq: number): Promise<void> {
    if (this.#position.seq >= seq) return Promise.resolve();
    if (this.#closed) return Promise.reject(closedError(this.#options.name));
    return new Promise((done, fail) => {
      this.#waiters.push({ seq, done, fail });
    });
  }

  /** Ends after the batch that is on its way; the rest is delivered after the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#running;
    for (const { fail } of this.#waiters.splice(0)) fail(closedError(this.#options.name));
    await this.#options.sink.close();
  }

  async #run(): Promise<void> {
    const { batchLines = BATCH_LINES, retryMs = RETRY_MS, sink, log, name } = this.#options;
    let retry = retryMs;
    while (!this.#closed) {
      this.#notified = false;
      try {
        const lines = await this.#next(batchLines);
        const last = lines.at(-1);
        if (last) {
          await sink.send(lines);
          await this.#advance(last.after);
        }
        this.#failure = undefined;
        retry = retryMs;
        if (!last) await this.#sleep(undefined);
      } catch (error) {
        const reason = messageOf(error);
        if (this.#failure !== reason)
          log.warn('an audit sink takes no events', { sink: name, reason });
        this.#failure = reason;
        await this.#sleep(retry);
        retry = Math.min(retry * 2, RETRY_MS_MAX);
      }
    }
  }

  async #next(batchLines: number): Promise<TakenLine[]> {
    const { path: live, log, name } = this.#options;
    const { seq } = this.#position;
    if (seq >= this.#newest) return [];
    const lines = await takeLines(live, this.#position, batchLines, this.#newest);
    const first = lines[0]?.seq ?? 0;
    if (seq > 0 && first > seq + 1) {
      log.warn('files were deleted before an audit sink took their lines', {
        sink: name,
        from: seq + 1,
        to: first - 1,
      });
    }
    return lines;
  }

  async #advance(position: CursorPosition): Promise<void> {
    await writeFileDurably(this.#cursorFile, `${JSON.stringify(position)}\n`);
    this.#position = position;
    const waiting = this.#waiters;
    this.#waiters = waiting.filter(({ seq }) => seq > position.seq);
    for (const { seq, done } of waiting) if (seq <= position.seq) done();
  }

  /** @param ms undefined waits for the next notification, and is not woken from a failure by one */
  async #sleep(ms: number | undefined): Promise<void> {
    if (this.#closed || (ms === undefined && this.#notified)) return;
    await new Promise<void>((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        if (ms !== undefined && !this.#closed) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}

function parseCursor(file: string, text: string): CursorPosition {
  try {
    const { seq, inode, offset } = JSON.parse(text) as Partial<CursorPosition>;
    const numbers = [seq, inode, offset];
    if (numbers.every((value) => Number.isSafeInteger(value) && (value as number) >= 0)) {
      return { seq, inode, offset } as CursorPosition;
    }
  } catch {
    // Said below.
  }
  throw new AuditError(
    'unusable',
    `${file} is no cursor of an audit sink; remove it to deliver all lines again`,
  );
}

function closedError(name: string): AuditError {
  return new AuditError('closed', `the audit sink ${name} is closed`);
}
