import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { systemErrorCode } from '../base/durable-file.js';

/** Where log lines go. No method throws: a server does not end because its log cannot be written. */
export interface LogDestination {
  /** One or more whole lines. On return they are handed to the system, so that a crash loses none. */
  write(lines: string): void;
  /** Opens the file anew, after it was renamed by others; @returns the reason when that failed */
  reopen(): unknown;
  close(): void;
}

const STDERR = 2;

export function stderrDestination(): LogDestination {
  const counter = new LostLines();
  return {
    write: (lines) => counter.write(lines, (text) => writeAll(STDERR, text)),
    reopen: () => undefined,
    close: () => {},
  };
}

export interface FileDestinationOptions {
  readonly path: string;
  /** Bytes from which a new file is begun; 0 is never. */
  readonly rotationBytes?: number;
  /** Milliseconds; 0 is never. */
  readonly rotationAgeMs?: number;
  readonly clock: Clock;
}

/**
 * Appends to a file, whose directory is made when it is missing. A line that cannot be written goes to
 * the standard error output.
 *
 * @throws the system's error when the file cannot be opened at the start
 */
export function fileDestination(options: FileDestinationOptions): LogDestination {
  mkdirSync(path.dirname(options.path), { recursive: true, mode: 0o750 });
  return new LogFile(options);
}

class LogFile implements LogDestination {
  readonly #options: FileDestinationOptions;
  readonly #counter = new LostLines();
  #fd: number;
  #size = 0;
  #since: number;

  constructor(options: FileDestinationOptions) {
    this.#options = options;
    this.#fd = this.#open();
    // A rotation by age counts from the start of the file, also over restarts.
    const { birthtimeMs } = fstatSync(this.#fd);
    this.#since = birthtimeMs > 0 ? birthtimeMs : options.clock.now();
  }

  #open(): number {
    const fd = openSync(this.#options.path, 'a', 0o640);
    this.#size = fstatSync(fd).size;
    return fd;
  }

  write(lines: string): void {
    if (this.#isDue()) this.#rotate();
    this.#counter.write(lines, (text) => {
      try {
        writeAll(this.#fd, text);
      } catch {
        writeAll(STDERR, text);
      }
    });
    this.#size += Buffer.byteLength(lines);
  }

  #isDue(): boolean {
    const { rotationBytes = 0, rotationAgeMs = 0, clock } = this.#options;
    if (this.#size === 0) return false;
    if (rotationBytes > 0 && this.#size >= rotationBytes) return true;
    return rotationAgeMs > 0 && clock.now() - this.#since >= rotationAgeMs;
  }

  /** The full file keeps its lines under a name with the time; none is ever removed. */
  #rotate(): void {
    const now = this.#options.clock.now();
    if (this.#moveAside(now) && this.reopen() === undefined) this.#since = now;
    else this.#postpone(now);
  }

  #moveAside(now: number): boolean {
    try {
      renameSync(this.#options.path, this.#freeName(now));
      return true;
    } catch (error) {
      // Somebody else may have moved it away already.
      return systemErrorCode(error) === 'ENOENT';
    }
  }

  /** The next try comes after as much again; until then the lines go on into the same file. */
  #postpone(now: number): void {
    this.#size = 0;
    this.#since = now;
  }

  #freeName(now: number): string {
    const { dir, name, ext } = path.parse(this.#options.path);
    const time = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    for (let count = 0; ; count++) {
      const suffix = count === 0 ? '' : `.${String(count).padStart(4, '0')}`;
      const candidate = path.join(dir, `${name}_${time}${suffix}${ext}`);
      if (statSync(candidate, { throwIfNoEntry: false }) === undefined) return candidate;
    }
  }

  reopen(): unknown {
    const before = this.#fd;
    try {
      this.#fd = this.#open();
      this.#since = this.#options.clock.now();
    } catch (error) {
      return error;
    }
    closeQuietly(before);
    return undefined;
  }

  close(): void {
    closeQuietly(this.#fd);
    // What is logged later, at the very end, still appears somewhere.
    this.#fd = STDERR;
  }
}

/** Counts what could be written nowhere, and says so as soon as something can. */
class LostLines {
  #lost = 0;

  write(lines: string, write: (text: string) => void): void {
    try {
      const before = this.#lost > 0 ? `stele: ${this.#lost} log lines could not be written\n` : '';
      write(before + lines);
      this.#lost = 0;
    } catch {
      this.#lost += 1;
    }
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) {
    offset += writeSync(fd, bytes, offset);
  }
}

function closeQuietly(fd: number): void {
  if (fd === STDERR) return;
  try {
    closeSync(fd);
  } catch {
    // Nothing is left to be written to it.
  }
}
