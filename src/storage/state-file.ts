import { readFileSync } from 'node:fs';
import { systemErrorCode, writeFileDurably } from '../base/durable-file.js';
import type { State } from '../proofs/index.js';
import { StorageError, withinTime } from './errors.js';

/** Milliseconds between two writes while there are commits. */
const WRITE_INTERVAL_MS = 500;

/**
 * The last acknowledged state, kept outside the environment: an environment that is behind it, or that
 * has another history, was rolled back or replaced while the server did not run.
 */
export class StateFile {
  readonly #path: string;
  #latest: State | undefined;
  #written: State | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #timeoutMs: number;
  readonly #onError: (error: unknown) => void;

  /** @param timeoutMs a write that takes longer has failed */
  constructor(path: string, timeoutMs: number, onError: (error: unknown) => void) {
    this.#path = path;
    this.#timeoutMs = timeoutMs;
    this.#onError = onError;
  }

  read(): State | undefined {
    return readStateFile(this.#path);
  }

  /** Notes a state that was answered; it is on disk within a second. */
  acknowledge(state: State): void {
    this.#latest = state;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, WRITE_INTERVAL_MS);
    this.#timer.unref();
  }

  async flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async #write(): Promise<void> {
    const state = this.#latest;
    if (state === undefined || state === this.#written) return;
    try {
      const text = `${state.txId} ${Buffer.from(state.txHash).toString('hex')}\n`;
      const written = writeFileDurably(this.#path, text);
      await withinTime('a write of the acknowledged state', this.#timeoutMs, written);
      this.#written = state;
    } catch (error) {
      this.#onError(error);
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.flush();
  }
}

/**
 * The acknowledged state that a file holds; undefined when there is none.
 * @throws StorageError `corrupted` when the file is there but cannot be understood
 */
export function readStateFile(path: string): State | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const match = /^(\d{1,16}) ([0-9a-f]{64})\n$/.exec(text);
  if (match === null) throw new StorageError('corrupted', `${path} is damaged`);
  return { txId: Number(match[1]), txHash: Buffer.from(match[2] as string, 'hex') };
}
