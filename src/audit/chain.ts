import * as crypto from 'node:crypto';
import { createSha256, type Sha256 } from '../base/sha256.js';
import { TreeAppender } from '../proofs/index.js';
import { type LinePlace, NO_LINE } from './line.js';

type OneShotHash = (algorithm: string, data: string | Uint8Array, encoding: 'hex') => string;
/** In Node since 20.12; the types of Node 20 do not name it. */
const oneShotHash = (crypto as unknown as { hash: OneShotHash }).hash;

/** SHA-256 of a line's bytes without its line feed, in hexadecimal digits. */
export function lineHash(line: string | Uint8Array): string {
  return oneShotHash('sha256', line, 'hex');
}

/** The place of the last line of a stream. */
export interface ChainHead {
  /** 0 before the first line. */
  readonly seq: number;
  /** Hash of the line. */
  readonly hash: string;
}

export const EMPTY_CHAIN: ChainHead = { seq: 0, hash: NO_LINE };

/** The place of the line that follows. */
export function nextPlace({ seq, hash }: ChainHead): LinePlace {
  return { seq: seq + 1, prev: hash };
}

/** Digests over one file, kept up as it grows: hash of all bytes, and root of the tree of its lines. */
export class FileDigest {
  #lines = 0;
  #bytes = 0;
  #firstSeq = 0;
  readonly #tree = TreeAppender.restore({ node: () => new Uint8Array(0) }, 0);
  readonly #sha256: Sha256 = createSha256();

  get lines(): number {
    return this.#lines;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** 0 while the file is empty. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Takes the hash of the next line, whose number in the stream is `seq`. */
  addLine(hash: string, seq: number): void {
    if (this.#lines === 0) this.#firstSeq = seq;
    this.#lines++;
    this.#tree.append(Buffer.from(hash, 'hex'));
  }

  /** Takes the bytes of lines, line feeds included. */
  addBytes(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#sha256.update(bytes);
  }

  /** RFC 6962 over the lines' hashes: a leaf is `H(00 || hash of the line)`. */
  merkleRoot(): string {
    return Buffer.from(this.#tree.root()).toString('hex');
  }

  /** Hash of all bytes; nothing can be added after it. */
  finish(): string {
    return this.#sha256.digest().toString('hex');
  }
}
