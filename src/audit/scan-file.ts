import { createReadStream } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ChainHead, EMPTY_CHAIN, FileDigest, lineHash } from './chain.js';
import type { LineFormat } from './line.js';

export interface ScannedFile {
  /** Over the lines that continue the chain. */
  readonly digest: FileDigest;
  /** The last of them; that of an empty stream when there is none. */
  readonly head: ChainHead;
  /** All of the file. */
  readonly bytes: number;
  /** Where lines end to continue the chain; `bytes` when they do not. */
  readonly brokenAt: number;
  /** Whether lines that continue each other come after that: nothing that a crash could leave. */
  readonly tampered: boolean;
}

const CHUNK_BYTES = 256 << 10;

/**
 * Reads a file of the stream from its begin.
 * @param onLine told of each line that continues the chain, with its number and hash
 */
export async function scanFile(
  path: string,
  format: LineFormat,
  onLine: (line: string, head: ChainHead) => void,
): Promise<ScannedFile> {
  const scan = new Scan(format, onLine);
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    const data = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    let at = 0;
    for (let end = data.indexOf(10, at); end >= 0; end = data.indexOf(10, at)) {
      scan.take(data.subarray(at, end + 1));
      at = end + 1;
    }
    rest = data.subarray(at);
    await nextTurn();
  }
  return scan.end(rest.length);
}

class Scan {
  readonly #digest = new FileDigest();
  readonly #format: LineFormat;
  readonly #onLine: (line: string, head: ChainHead) => void;
  #head: ChainHead | undefined;
  #bytes = 0;
  #brokenAt: number | undefined;
  #lastHash = '';
  #tampered = false;

  constructor(format: LineFormat, onLine: (line: string, head: ChainHead) => void) {
    this.#format = format;
    this.#onLine = onLine;
  }

  /** @param bytes a line with its LF */
  take(bytes: Buffer): void {
    const content = bytes.subarray(0, -1);
    const line = content.toString();
    const place = this.#format.placeOf(line);
    const hash = lineHash(content);
    if (this.#brokenAt !== undefined) {
      this.#tampered ||= place !== undefined && place.prev === this.#lastHash;
    } else if (place === undefined || !this.#continues(place.seq, place.prev)) {
      this.#brokenAt = this.#bytes;
    } else {
      this.#head = { seq: place.seq, hash };
      this.#digest.addLine(hash, place.seq);
      this.#digest.addBytes(bytes);
      this.#onLine(line, this.#head);
    }
    this.#lastHash = hash;
    this.#bytes += bytes.length;
  }

  #continues(seq: number, prev: string): boolean {
    return this.#head === undefined || (seq === this.#head.seq + 1 && prev === this.#head.hash);
  }

  end(unfinished: number): ScannedFile {
    const end = this.#bytes;
    if (unfinished > 0) this.#brokenAt ??= end;
    return {
      digest: this.#digest,
      head: this.#head ?? EMPTY_CHAIN,
      bytes: end + unfinished,
      brokenAt: this.#brokenAt ?? end,
      tampered: this.#tampered,
    };
  }
}
