import assert from 'node:assert/strict';
import { alhOf, type StateVerifier, type Trust } from '../../src/proofs/index.js';
import { type pb, txHeaderFromMessage } from '../../src/wire/index.js';
import { CallError } from '../support/grpc-client.js';

/** An entry as it must stand in its transaction. */
export interface ExpectedEntry {
  readonly rawKey: Buffer;
  readonly hValue: Buffer;
  readonly deleted?: boolean;
  /** Of a reference. */
  readonly target?: { readonly key: Buffer; readonly atTx: number };
}

/** One write that a client sent. */
export interface Write {
  readonly method: string;
  /** `performance.now()`. */
  readonly sentAt: number;
  /** What it writes if it becomes that transaction. */
  readonly entriesAt: (txId: number) => readonly ExpectedEntry[];
}

export interface Acknowledged {
  readonly write: Write;
  readonly alh: Buffer;
  readonly at: number;
}

export interface Refusal {
  readonly method: string;
  readonly sentAt: number;
  readonly at: number;
  readonly code: number;
  readonly details: string;
}

/** What became of a key, by its newest transaction. */
export interface KeyState {
  readonly txId: number;
  readonly entry: ExpectedEntry;
  readonly revision: number;
}

/** Answers that say for sure that nothing was written: a refusal, not a loss of the connection. */
const INVALID_ARGUMENT = 3;
const RESOURCE_EXHAUSTED = 8;

/**
 * Everything that clients of one database know: what was acknowledged, what may have happened, and what
 * the last complete check found.
 */
export class Journal {
  /** Acknowledged and not checked yet, by transaction. */
  readonly acknowledged = new Map<number, Acknowledged>();
  /** Sent, and neither acknowledged nor refused. */
  readonly unknown = new Set<Write>();
  readonly refusals: Refusal[] = [];
  /** What verifying clients trust, each on its own. */
  readonly trusts: Trust[];
  acknowledgedTotal = 0;

  // What the checks found; they alone change it.
  readonly keys = new Map<string, KeyState>();
  /** Elements of each sorted set. */
  readonly sets = new Map<string, number>();
  checkedTo = 0;
  checkedAlh: Uint8Array;

  constructor(emptyHash: Uint8Array, clients: number, verifier?: StateVerifier) {
    this.checkedAlh = emptyHash;
    const state = { txId: 0, txHash: emptyHash };
    const signing = verifier === undefined ? {} : { signing: { db: 'defaultdb', verifier } };
    this.trusts = Array.from({ length: clients }, () => ({ state, ...signing }));
  }

  /** Sends a write and notes what comes of it. */
  async perform(
    method: string,
    entriesAt: Write['entriesAt'],
    send: () => Promise<pb.TxHeader>,
  ): Promise<number> {
    const write: Write = { method, sentAt: performance.now(), entriesAt };
    this.unknown.add(write);
    try {
      const header = txHeaderFromMessage(await send());
      assert.ok(!this.acknowledged.has(header.id), `transaction ${header.id} was given out twice`);
      assert.ok(header.id > this.checkedTo, `transaction ${header.id} was there before`);
      this.acknowledged.set(header.id, { write, alh: alhOf(header), at: performance.now() });
      this.acknowledgedTotal++;
      this.unknown.delete(write);
      return header.id;
    } catch (error) {
      if (error instanceof CallError) {
        const { code, details } = error;
        const at = performance.now();
        this.refusals.push({ method, sentAt: write.sentAt, at, code, details });
        if (code === INVALID_ARGUMENT || code === RESOURCE_EXHAUSTED) this.unknown.delete(write);
      }
      throw error;
    }
  }

  get lastAcknowledged(): number {
    return Math.max(this.checkedTo, ...this.acknowledged.keys());
  }
}
