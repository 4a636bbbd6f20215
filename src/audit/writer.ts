import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.js';
import { systemErrorCode } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type ChainHead, lineHash, nextPlace } from './chain.js';
import { AuditError } from './errors.js';
import type { AuditEvent, EventData } from './event.js';
import type { LineFormat, PreparedLine } from './line.js';
import type { Interference } from './live-file.js';
import type { ClosedFile, ClosedName, RotationReason, StreamFiles } from './stream-files.js';

/** A transaction that an event vouches for. */
export interface AuditedTx {
  readonly database: string;
  readonly txId: number;
}

export interface WriterEvents {
  /** An event of the server itself. */
  make(name: string, data: EventData): AuditEvent;
  /** Lines are on disk. */
  durable(txs: readonly AuditedTx[]): void;
  batch(events: number, bytes: number, syncSeconds: number): void;
  rotated(reason: RotationReason): void;
  tampered(what: Interference | 'replaced', file: string): void;
  /** The stream cannot be written. Gives up the reserve, so that this can be said. */
  suspended(error: unknown): Promise<void>;
  /** @returns whether writing may be tried again, after the reserve was made anew */
  mayResume(): Promise<boolean>;
  /** @returns lines to write first */
  resumed(): readonly AuditEvent[];
}

export interface WriterOptions {
  readonly files: StreamFiles;
  readonly format: LineFormat;
  readonly head: ChainHead;
  readonly clock: Clock;
  readonly log: Log;
  readonly rotateBytes: number;
  /** Milliseconds; files do not reach across a multiple of it; 0 is off. */
  readonly rotateIntervalMs: number;
  readonly events: WriterEvents;
}

interface Entry {
  readonly line: PreparedLine;
  readonly tx: AuditedTx | undefined;
  resolve(seq: number): void;
  reject(error: Error): void;
}

/** More lines at once would keep the event loop for more than 5 ms. */
const BATCH_EVENTS_MAX = 768;
const BATCH_BYTES_MAX = 4 << 20;
const NO_SPACE: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

/**
 * The one writer of a stream. Takes all that has gathered, chains it, writes and syncs it once, then
 * answers; meanwhile the next batch gathers. What cannot be written stays in memory until it can.
 */
export class StreamWriter {
  readonly #options: WriterOptions;
  readonly #files: StreamFiles;
  #head: ChainHead;
  #queue: Entry[] = [];
  #queuedBytes = 0;
  #jobs: (() => Promise<void>)[] = [];
  #running: Promise<void> | undefined;
  #suspendedBy: unknown;
  #closed = false;
  #roomWaiters: (() => void)[] = [];
  #roomBelow = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#files = options.files;
    this.#head = options.head;
  }

  /** The last line on disk. */
  get head(): ChainHead {
    return this.#head;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Undefined while the stream can be written. */
  get suspendedBy(): unknown {
    return this.#suspendedBy;
  }

  /** Resolves when the event is on disk, with the number of its line. */
  append(event: AuditEvent, tx?: AuditedTx): Promise<number> {
    if (this.#closed) return Promise.reject(new AuditError('closed', 'the stream is closed'));
    const line = this.#options.format.prepare(event);
    return new Promise((resolve, reject) => {
      this.#queue.push({ line, tx, resolve, reject });
      this.#queuedBytes += line.bytes;
      this.#start();
    });
  }

  /** Resolves when less than so many bytes wait. */
  room(belowBytes: number): Promise<void> {
    this.#roomBelow = belowBytes;
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Runs `work` between two batches: all that was written then is on disk. */
  exclusively<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#jobs.push(async () => {
        try {
          resolve(await work());
        } catch (error) {
          reject(error);
        }
      });
      this.#start();
    });
  }

  /** Closes the live file and begins a new one. @returns the closed one. @throws AuditError suspended */
  rotate(reason: RotationReason): Promise<ClosedName> {
    return this.exclusively(async () => {
      if (this.#suspendedBy === undefined) await this.#attempt([], () => this.#rotate(reason));
      const { lastClosed } = this.#files;
      if (this.#suspendedBy !== undefined || lastClosed === undefined) {
        throw new AuditError('suspended', 'the audit stream cannot be written');
      }
      return lastClosed;
    });
  }

  /** What the live file needs once a second: its age, its name, a new try after a failure. */
  async tick(): Promise<void> {
    if (this.#closed) return;
    await this.exclusively(async () => {
      if (this.#suspendedBy !== undefined) return this.#tryResume();
      const renamed = await this.#files.lookAtName();
      if (renamed !== undefined) return this.#attempt([], () => this.#moveOn(renamed));
      if (this.#isOld()) await this.#attempt([], () => this.#rotate('age'));
    });
  }

  /** Answers all that waits with an error; the events stay and are written when that is possible. */
  rejectWaiting(error: AuditError): void {
    for (const { reject } of this.#queue) reject(error);
  }

  /** Writes what was taken, then closes the file. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#closed = true;
    this.rejectWaiting(new AuditError('closed', 'the stream is closed'));
    await this.#files.close();
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      const waits = this.#suspendedBy === undefined && this.#queue.length > 0;
      if (waits || this.#jobs.length > 0) this.#start();
    });
  }

  async #run(): Promise<void> {
    // All events of this turn of the event loop join the first batch.
    await nextTurn();
    for (;;) {
      const job = this.#jobs.shift();
      if (job !== undefined) await job();
      else if (this.#queue.length === 0 || this.#suspendedBy !== undefined) return;
      else await this.#writeNext();
    }
  }

  #take(): Entry[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length && count < BATCH_EVENTS_MAX) {
      bytes += (this.#queue[count] as Entry).line.bytes;
      if (count > 0 && bytes > BATCH_BYTES_MAX) break;
      count++;
    }
    const taken = this.#queue.splice(0, count);
    for (const { line } of taken) this.#queuedBytes -= line.bytes;
    return taken;
  }

  async #writeNext(): Promise<void> {
    const entries = this.#take();
    await this.#attempt(entries, async () => {
      const interference = this.#files.live?.interference();
      if (interference !== undefined) await this.#moveOn(interference);
      await this.#ensureFile('io_error');
      if (this.#isOld()) await this.#rotate('age');
      else if (this.#files.bytes >= this.#options.rotateBytes) await this.#rotate('size');
      await this.#put(entries);
    });
    this.#tellRoom();
  }

  #isOld(): boolean {
    const { rotateIntervalMs: interval, clock } = this.#options;
    if (interval === 0 || this.#files.lines < 2) return false;
    return Math.floor(clock.now() / interval) > Math.floor(this.#files.openedAt / interval);
  }

  #tellRoom(): void {
    if (this.#roomWaiters.length === 0 || this.#queuedBytes >= this.#roomBelow) return;
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  /** Chains, writes and syncs; nothing here has changed when it throws. */
  async #put(entries: readonly Entry[]): Promise<void> {
    const { live } = this.#files;
    if (live === undefined || entries.length === 0) return;
    let head = this.#head;
    const hashes: string[] = [];
    let text = '';
    for (const { line } of entries) {
      const bytes = line.at(nextPlace(head));
      head = { seq: head.seq + 1, hash: lineHash(bytes) };
      hashes.push(head.hash);
      text += bytes;
      text += '\n';
    }
    const data = Buffer.from(text);
    const begin = performance.now();
    await live.append(data);
    const seconds = (performance.now() - begin) / 1000;
    this.#files.written(data, hashes, this.#head.seq + 1);
    this.#head = head;
    const txs: AuditedTx[] = [];
    let seq = head.seq - entries.length;
    for (const { tx, resolve } of entries) {
      if (tx !== undefined) txs.push(tx);
      resolve(++seq);
    }
    this.#options.events.durable(txs);
    this.#options.events.batch(entries.length, data.length, seconds);
  }

  /** A line of the server itself, at once. */
  async #say(event: AuditEvent): Promise<void> {
    const line = this.#options.format.prepare(event);
    await this.#put([{ line, tx: undefined, resolve() {}, reject() {} }]);
  }

  /** Runs what writes, and does what can be done when it fails. */
  async #attempt(entries: readonly Entry[], work: () => Promise<void>): Promise<void> {
    try {
      return await work();
    } catch (error) {
      const first = await this.#afterFailure(error, entries);
      if (first !== undefined) await this.#suspend(entries, first);
    }
  }

  /** @returns what stands in the way, or undefined when a new file took everything */
  async #afterFailure(error: unknown, entries: readonly Entry[]): Promise<unknown> {
    this.#options.log.error('the audit stream could not be written', { reason: messageOf(error) });
    const cut = await this.#files.live?.cutBack().then(
      () => true,
      () => false,
    );
    if (cut && NO_SPACE.has(systemErrorCode(error) ?? '')) return error;
    try {
      // What a failed sync left is not known, so that file gets no more lines.
      await this.#files.abandon(this.#head, 'io_error');
      await this.#ensureFile('io_error');
      await this.#put(entries);
      return undefined;
    } catch (second) {
      await this.#files.live?.cutBack().catch(() => undefined);
      return second;
    }
  }

  async #suspend(entries: readonly Entry[], error: unknown): Promise<void> {
    const { events } = this.#options;
    this.#suspendedBy = error;
    let left: readonly Entry[] = entries;
    try {
      await events.suspended(error);
      await this.#ensureFile('io_error');
      await this.#say(events.make('audit.suspended', { error: errorText(error), stage: 3 }));
      // Their calls are done; the reserve has room for them.
      await this.#put(entries);
      left = [];
    } catch {
      await this.#files.live?.cutBack().catch(() => undefined);
    }
    this.#queue.unshift(...left);
    for (const { line } of left) this.#queuedBytes += line.bytes;
  }

  async #tryResume(): Promise<void> {
    const { events } = this.#options;
    if (!(await events.mayResume())) return;
    try {
      await this.#files.live?.cutBack();
      await this.#ensureFile('io_error');
      for (const event of events.resumed()) await this.#say(event);
      this.#suspendedBy = undefined;
    } catch (error) {
      this.#options.log.warn('the audit stream still cannot be written', {
        reason: messageOf(error),
      });
      await this.#files.abandon(this.#head, 'io_error').catch(() => undefined);
    }
  }

  /** Opens a file when there is none. */
  async #ensureFile(reason: RotationReason): Promise<void> {
    if (this.#files.live !== undefined) return;
    const opened = await this.#files.create();
    const { events } = this.#options;
    await this.#say(events.make('audit.opened', { ...opened, reason }));
  }

  /** Opens the first file of a process, or takes the one that is there. */
  begin(reason: RotationReason): Promise<void> {
    return this.exclusively(() => this.#ensureFile(reason));
  }

  async #rotate(reason: RotationReason): Promise<void> {
    const { files } = this;
    const { events } = this.#options;
    await this.#say(
      events.make('audit.rotated', {
        bytes: files.bytes,
        file_no: files.fileNo,
        first_seq: files.firstSeq,
        lines: files.lines,
        reason,
      }),
    );
    await files.finish(this.#head, reason);
    events.rotated(reason);
    await this.#ensureFile(reason);
  }

  get files(): StreamFiles {
    return this.#files;
  }

  /** The live file is not ours any more: the chain goes on in a new one. */
  async #moveOn(what: Interference | 'replaced' | 'moved'): Promise<void> {
    const { fileNo } = this.#files;
    const { events } = this.#options;
    if (what === 'moved') {
      await this.#rotate('external');
      return;
    }
    const expected = this.#files.bytes;
    const actual = this.#files.live?.size ?? 0;
    await this.#files.abandon(this.#head, 'external');
    events.tampered(what, this.#files.lastClosed?.file ?? '');
    events.rotated('external');
    await this.#ensureFile('external');
    await this.#say(
      events.make('tamper.detected', {
        actual: what === 'deleted' || what === 'replaced' ? what : `${actual} bytes`,
        expected: `${expected} bytes`,
        file_no: fileNo,
        where: 'audit_file',
      }),
    );
  }
}

export type { ClosedFile, RotationReason };

function errorText(error: unknown): string {
  return (systemErrorCode(error) ?? messageOf(error)).slice(0, 256);
}
