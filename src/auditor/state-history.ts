import { createReadStream } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import { DurableAppender, systemErrorCode } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import { sha256 } from '../base/sha256.js';
import type { SignedState } from '../client/index.js';
import { AuditorError, guarded } from './errors.js';

const FORMAT = 1;
const FIRST = '0'.repeat(64);
const NEWLINE = 10;
/** Of one line; a state has some hundred bytes. */
const LINE_BYTES_MAX = 65_536;

interface StateRecord {
  readonly format: number;
  readonly seq: number;
  /** When it was verified. */
  readonly at: string;
  readonly txId: number;
  readonly txHash: string;
  readonly signature?: string;
  readonly publicKey?: string;
  /** `hash` of the line before. */
  readonly prev: string;
}

/**
 * The states of one database that were verified, oldest first: one line of JSON each, chained by hashes and
 * never rewritten. Each state was proved to continue the one before, so that all of them are of one history.
 * The last member of a line, `hash`, is the SHA-256 of the JSON of the members before it.
 */
export class StateHistory {
  readonly #file: string;
  #newest: SignedState | undefined;
  #signer: Uint8Array | undefined;
  #seq = 0;
  #prev = FIRST;
  #bytes = 0;

  private constructor(file: string) {
    this.#file = file;
  }

  /**
   * Reads and checks all lines. A last line without an end was being written when the auditor was killed,
   * and goes.
   * @throws AuditorError stateUnusable
   */
  static open(file: string): Promise<StateHistory> {
    return guarded(file, async () => {
      const history = new StateHistory(file);
      await history.#read();
      return history;
    });
  }

  get newest(): SignedState | undefined {
    return this.#newest;
  }

  /** The public key of the newest state that was signed. */
  get signer(): Uint8Array | undefined {
    return this.#signer;
  }

  /** @throws AuditorError stateUnusable when somebody else wrote to the file since */
  check(): Promise<void> {
    return guarded(this.#file, async () => {
      const size = await sizeOf(this.#file);
      if (size === this.#bytes) return;
      throw this.#unusable(`it has ${size} bytes, ${this.#bytes} were written`);
    });
  }

  /** On disk when the promise resolves. @throws AuditorError stateUnusable */
  append({ txId, txHash, signature }: SignedState, at: Date): Promise<void> {
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    const record: StateRecord = {
      format: FORMAT,
      seq: this.#seq + 1,
      at: at.toISOString(),
      txId,
      txHash: Buffer.from(txHash).toString('hex'),
      ...(signature && { signature: base64(signature.signature) }),
      ...(signature && { publicKey: base64(signature.publicKey) }),
      prev: this.#prev,
    };
    const hash = digestOf(record);
    const line = Buffer.from(`${JSON.stringify({ ...record, hash })}\n`);
    return guarded(this.#file, async () => {
      const appender = await DurableAppender.open(this.#file);
      try {
        await appender.append(line);
      } finally {
        await appender.close();
      }
      this.#note(line.length, record, hash);
    });
  }

  async #read(): Promise<void> {
    if ((await sizeOf(this.#file)) === 0) return;
    let rest: Buffer = Buffer.alloc(0);
    for await (const piece of createReadStream(this.#file)) {
      rest = Buffer.concat([rest, piece as Buffer]);
      for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
        this.#take(rest.subarray(0, end));
        rest = rest.subarray(end + 1);
      }
      if (rest.length > LINE_BYTES_MAX) throw this.#unusable('a line is too long');
    }
    if (rest.length > 0) await truncate(this.#file, this.#bytes);
  }

  #take(line: Buffer): void {
    const number = this.#seq + 1;
    let parsed: StateRecord & { readonly hash: unknown };
    try {
      parsed = JSON.parse(line.toString('utf8'));
    } catch (error) {
      throw this.#unusable(`line ${number} is not JSON: ${messageOf(error)}`);
    }
    const { hash, ...record } = parsed;
    const { format, seq, txId, txHash, prev } = record;
    if (format !== FORMAT) {
      throw this.#unusable(`its format is ${format}, this program knows ${FORMAT}`);
    }
    if (hash !== digestOf(record)) throw this.#unusable(`line ${number} is not what was written`);
    if (seq !== number || prev !== this.#prev) {
      throw this.#unusable(`lines before line ${number} are missing or others`);
    }
    const isState = Number.isSafeInteger(txId) && /^[0-9a-f]{64}$/.test(txHash);
    if (!isState || txId < Math.max(1, this.#newest?.txId ?? 0)) {
      throw this.#unusable(`line ${number} does not hold a state that follows`);
    }
    this.#note(line.length + 1, record, hash);
  }

  #note(bytes: number, record: StateRecord, hash: string): void {
    const { seq, txId, txHash, signature, publicKey = '' } = record;
    const signed = signature !== undefined && {
      signature: {
        signature: Buffer.from(signature, 'base64'),
        publicKey: Buffer.from(publicKey, 'base64'),
      },
    };
    this.#newest = { txId, txHash: Buffer.from(txHash, 'hex'), ...signed };
    this.#signer = this.#newest.signature?.publicKey ?? this.#signer;
    this.#seq = seq;
    this.#prev = hash;
    this.#bytes += bytes;
  }

  #unusable(why: string): AuditorError {
    const text = `the verified states in ${this.#file} cannot be used: ${why}. Find out why`;
    return new AuditorError('stateUnusable', text);
  }
}

function digestOf(record: StateRecord): string {
  return sha256(Buffer.from(JSON.stringify(record))).toString('hex');
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return 0;
    throw error;
  }
}
