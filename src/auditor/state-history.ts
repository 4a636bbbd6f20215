import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import { DurableAppender } from '../base/durable-file.js';
import { messageOf } from '../base/errors.js';
import type { SignedState } from '../client/index.js';
import { AuditorError } from './errors.js';

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
  /** SHA-256 of the line before, without its end. */
  readonly prev: string;
}

/**
 * The states of one database that were verified, oldest first: one line of JSON each, chained by hashes and
 * never rewritten, so that every state the auditor ever vouched for stays to be shown.
 */
export class StateHistory {
  readonly #file: string;
  #newest: SignedState | undefined;
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
  static async open(file: string): Promise<StateHistory> {
    const history = new StateHistory(file);
    const size = (await stat(file).catch(() => undefined))?.size ?? 0;
    let rest: Buffer = Buffer.alloc(0);
    if (size > 0) {
      for await (const piece of createReadStream(file)) {
        rest = Buffer.concat([rest, piece as Buffer]);
        for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
          history.#take(rest.subarray(0, end));
          rest = rest.subarray(end + 1);
        }
        if (rest.length > LINE_BYTES_MAX) throw history.#unusable('a line is too long');
      }
    }
    if (rest.length > 0) await truncate(file, history.#bytes);
    return history;
  }

  get newest(): SignedState | undefined {
    return this.#newest;
  }

  /** @throws AuditorError stateUnusable when somebody else wrote to the file since */
  async check(): Promise<void> {
    const size = (await stat(this.#file).catch(() => undefined))?.size ?? 0;
    if (size !== this.#bytes) {
      throw this.#unusable(`it has ${size} bytes, ${this.#bytes} were written`);
    }
  }

  /** On disk when the promise resolves. */
  async append(state: SignedState, at: Date): Promise<void> {
    const { txId, txHash, signature } = state;
    const record: StateRecord = {
      format: FORMAT,
      seq: this.#seq + 1,
      at: at.toISOString(),
      txId,
      txHash: Buffer.from(txHash).toString('hex'),
      ...(signature === undefined
        ? {}
        : {
            signature: Buffer.from(signature.signature).toString('base64'),
            publicKey: Buffer.from(signature.publicKey).toString('base64'),
          }),
      prev: this.#prev,
    };
    const line = Buffer.from(JSON.stringify(record));
    const appender = await DurableAppender.open(this.#file);
    try {
      await appender.append(Buffer.concat([line, Buffer.from('\n')]));
    } finally {
      await appender.close();
    }
    this.#note(line, record);
  }

  #take(line: Buffer): void {
    let record: StateRecord;
    try {
      record = JSON.parse(line.toString('utf8'));
    } catch (error) {
      throw this.#unusable(`line ${this.#seq + 1} is not JSON: ${messageOf(error)}`);
    }
    const { format, seq, txId, txHash, prev } = record;
    if (format !== FORMAT) throw this.#unusable(`its format is ${format}, not ${FORMAT}`);
    if (seq !== this.#seq + 1) throw this.#unusable(`line ${this.#seq + 1} is missing`);
    if (prev !== this.#prev) throw this.#unusable(`line ${this.#seq} is not what it was`);
    const older = this.#newest?.txId ?? 0;
    if (
      !Number.isSafeInteger(txId) ||
      txId < Math.max(1, older) ||
      !/^[0-9a-f]{64}$/.test(txHash)
    ) {
      throw this.#unusable(`line ${seq} does not hold a state that follows`);
    }
    this.#note(line, record);
  }

  #note(line: Buffer, { seq, txId, txHash, signature, publicKey }: StateRecord): void {
    this.#newest = {
      txId,
      txHash: Buffer.from(txHash, 'hex'),
      ...(signature === undefined
        ? {}
        : {
            signature: {
              signature: Buffer.from(signature, 'base64'),
              publicKey: Buffer.from(publicKey ?? '', 'base64'),
            },
          }),
    };
    this.#seq = seq;
    this.#prev = createHash('sha256').update(line).digest('hex');
    this.#bytes += line.length + 1;
  }

  #unusable(why: string): AuditorError {
    return new AuditorError(
      'stateUnusable',
      `the verified states in ${this.#file} cannot be used: ${why}. Find out why; only who removes ` +
        'the folder of the server on purpose makes the auditor trust it anew',
    );
  }
}
