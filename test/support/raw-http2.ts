import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { methods } from '../../src/wire/index.js';

/** Frames of HTTP/2 by hand, for what its clients do not do. */

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_STREAM = 1;
export const END_HEADERS = 4;
const ACK = 1;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function length(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Literal headers, nothing indexed and nothing compressed. */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(Buffer.from([0]), length(name.length), Buffer.from(name));
    parts.push(length(Buffer.byteLength(value)), Buffer.from(value));
  }
  return Buffer.concat(parts);
}

export function callHeaders(
  method: keyof typeof methods,
  more: Readonly<Record<string, string>> = {},
): Buffer {
  return headerBlock({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': methods[method].path,
    ':authority': 'localhost',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...more,
  });
}

export interface Goaway {
  readonly code: number;
  readonly text: string;
}

/** A connection that sends whatever it is told to, and reads what comes unless it is told not to. */
export class RawHttp2 implements Disposable {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  /** The last one that came. */
  goaway: Goaway | undefined;
  /** Frames that came, by type. */
  readonly seen = new Map<number, number>();
  readonly #watchers = new Set<() => void>();
  #input = Buffer.alloc(0);
  #isClosed = false;
  readonly #silent: boolean;

  private constructor(socket: Socket, silent: boolean) {
    this.socket = socket;
    this.#silent = silent;
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** Connects, and introduces itself unless it is to stay silent. */
  static async open(port: number, options: { readonly silent?: boolean } = {}): Promise<RawHttp2> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const raw = new RawHttp2(socket, options.silent === true);
    await Promise.race([once(socket, 'connect').catch(() => undefined), raw.closed]);
    if (options.silent !== true) raw.write(Buffer.concat([PREFACE, frame(FRAME.settings, 0, 0)]));
    return raw;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(bytes: Buffer): void {
    if (!this.#isClosed && this.socket.writable) this.socket.write(bytes);
  }

  /** Writes, and waits for room. @returns false when the connection is closed */
  async flood(bytes: Buffer): Promise<boolean> {
    if (this.#isClosed || !this.socket.writable) return false;
    if (!this.socket.write(bytes)) {
      await Promise.race([once(this.socket, 'drain').catch(() => undefined), this.closed]);
    }
    return !this.#isClosed;
  }

  count(type: number): number {
    return this.seen.get(type) ?? 0;
  }

  /** Resolves when the condition holds, looked at whenever something comes, or when it is closed. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  #wake(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const wake of watchers) wake();
  }

  #onData(bytes: Buffer): void {
    let input = this.#input.length === 0 ? bytes : Buffer.concat([this.#input, bytes]);
    while (input.length >= 9) {
      const end = 9 + input.readUIntBE(0, 3);
      if (input.length < end) break;
      this.#onFrame(input[3] as number, input[4] as number, input.subarray(9, end));
      input = input.subarray(end);
    }
    this.#input = Buffer.from(input);
    this.#wake();
  }

  #onFrame(type: number, flags: number, payload: Buffer): void {
    this.seen.set(type, this.count(type) + 1);
    const acknowledge = type === FRAME.settings && (flags & ACK) === 0 && !this.#silent;
    if (acknowledge) this.write(frame(FRAME.settings, ACK, 0));
    if (type === FRAME.goaway) {
      this.goaway = { code: payload.readUInt32BE(4), text: payload.subarray(8).toString() };
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
