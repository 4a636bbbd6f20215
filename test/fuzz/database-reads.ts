import assert from 'node:assert/strict';
import {
  DatabaseError,
  type Entry,
  type StoredDatabase,
  type ZEntry,
} from '../../src/database/index.js';
import { type State, verifyGet } from '../../src/proofs/index.js';
import type { Random } from '../sdk/support/random.js';
import {
  type DatabaseModel,
  type Found,
  type Outcome,
  outcome,
  type ZScanBounds,
} from './database-model.js';
import { latin1, textOf, type WriteMaker } from './database-writes.js';

/** For the text of a failure. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner?.type === 'Buffer' ? Buffer.from(inner.data).toString('latin1') : inner,
  ).slice(0, 600);
}

export function codeOf(error: unknown): string {
  if (error instanceof DatabaseError) return error.code;
  throw error;
}

function call<T>(read: () => T): Outcome<T> {
  try {
    return { ok: read() };
  } catch (error) {
    return { refused: codeOf(error) };
  }
}

function found({ key, value, tx, revision, referencedBy }: Entry): Found {
  const by =
    referencedBy &&
    `${textOf(referencedBy.key)}:${referencedBy.tx}:${referencedBy.atTx}:${referencedBy.revision}`;
  return { key: textOf(key), value: textOf(value), tx, revision, ...(by && { by }) };
}

function foundElement({ set, key, score, atTx, entry }: ZEntry) {
  const element = { set: textOf(set), score, key: textOf(key), atTx };
  return { element, found: entry && found(entry) };
}

/** Reads of one database and what the model says to them. */
export class Reads {
  readonly #database: StoredDatabase;
  readonly #model: DatabaseModel;
  readonly #random: Random;
  readonly #maker: WriteMaker;

  /** @param maker of keys: it draws from its own random numbers */
  constructor(database: StoredDatabase, model: DatabaseModel, random: Random, maker: WriteMaker) {
    this.#database = database;
    this.#model = model;
    this.#random = random;
    this.#maker = maker.with(random);
  }

  async one(): Promise<void> {
    const which = this.#random.below(10);
    if (which < 3) this.#getAnyhow();
    else if (which < 4) this.#getAll();
    else if (which < 6) await this.#scan();
    else if (which < 8) await this.#zScan();
    else if (which < 9) {
      const limit = this.#random.below(4);
      this.history(this.#maker.key(), this.#random.below(5), limit, this.#random.chance(50));
    } else this.#tx();
  }

  #equal(came: unknown, expected: unknown, what: unknown): void {
    assert.deepEqual(came, expected, `${show(what)}: ${show(came)} instead of ${show(expected)}`);
  }

  #getAnyhow(): void {
    const { key, atTx } = this.#maker.keyAt();
    const which = this.#random.below(3);
    if (which === 0) this.get(key, atTx, 0);
    else this.get(key, 0, which === 1 ? 0 : this.#random.below(9) - 4);
  }

  get(key: string, atTx: number, atRevision: number): void {
    const request = { key: latin1(key), atTx, atRevision, sinceTx: 0, noWait: false };
    const expected = outcome(() => this.#model.get(key, atTx, atRevision));
    this.#equal(
      call(() => found(this.#database.get(request))),
      expected,
      { get: key, atTx, atRevision },
    );
  }

  #getAll(): void {
    const keys = Array.from({ length: 5 }, () => this.#maker.key());
    const came = this.#database.getAll(keys.map(latin1), this.#model.lastTx).map(found);
    this.#equal(came, this.#model.getAll(keys), { getAll: keys });
  }

  #page() {
    const limit = this.#random.chance(50) ? 2500 : 1 + this.#random.below(12);
    const offset = this.#random.chance(60) ? 0 : this.#random.below(6);
    return { limit, offset, desc: this.#random.chance(50), inclusiveSeek: this.#random.chance(50) };
  }

  async #scan(): Promise<void> {
    const bound = () => (this.#random.chance(50) ? '' : this.#maker.key());
    const bounds = {
      ...this.#page(),
      prefix: this.#maker.prefix(),
      seek: bound(),
      end: bound(),
      inclusiveEnd: this.#random.chance(50),
    };
    const { prefix, seek, end, ...rest } = bounds;
    const request = {
      ...rest,
      prefix: latin1(prefix),
      seekKey: latin1(seek),
      endKey: latin1(end),
      sinceTx: this.#model.lastTx,
      noWait: false,
    };
    const came = (await this.#database.scan(request)).map(found);
    this.#equal(came, this.#model.scan(bounds), { scan: bounds });
  }

  async #zScan(): Promise<void> {
    const bound = () => (this.#random.chance(60) ? undefined : this.#maker.score());
    const set = this.#maker.set();
    const element = { ...this.#maker.keyAt(), set, score: this.#maker.score() };
    const bounds: ZScanBounds = {
      ...this.#page(),
      set,
      min: bound(),
      max: bound(),
      seek: this.#random.chance(60) ? undefined : element,
    };
    const { min, max, seek, ...rest } = bounds;
    const request = {
      ...rest,
      set: latin1(set),
      seekKey: latin1(seek?.key ?? ''),
      seekScore: seek?.score ?? 0,
      seekAtTx: seek?.atTx ?? 0,
      sinceTx: 0,
      noWait: false,
      ...(min === undefined ? {} : { minScore: min }),
      ...(max === undefined ? {} : { maxScore: max }),
    };
    const came = (await this.#database.zScan(request)).map(foundElement);
    this.#equal(came, this.#model.zScan(bounds), { zScan: bounds });
  }

  history(key: string, offset: number, limit: number, desc: boolean): void {
    const request = { key: latin1(key), offset, limit, desc, sinceTx: 0 };
    const came = call(() => this.#database.history(request).map(historyLine));
    const expected = outcome(() => this.#model.history(key, offset, limit || 2500, desc));
    this.#equal(came, expected, { history: key, offset, limit, desc });
  }

  #tx(): void {
    const tx = this.#maker.tx();
    const came = call(
      () =>
        this.#database.txById({ tx, sinceTx: 0, keepReferencesUnresolved: false }).entries.length,
    );
    const expected: Outcome<number> =
      tx > this.#model.lastTx
        ? { refused: 'txNotFound' }
        : { ok: this.#model.txs[tx - 1]?.length ?? 0 };
    this.#equal(came, expected, { txById: tx });
  }

  /** Reads some key as a verifying client does. @returns the state that it knows then */
  verified(state: State): State {
    if (this.#model.lastTx === 0) return state;
    const key = latin1(this.#maker.key());
    const request = { key, atTx: 0, atRevision: 0, sinceTx: 0, noWait: false };
    const answer = call(() => this.#database.verifiableGet(request, state.txId));
    this.#equal(outcomeName(answer), outcomeName(outcome(() => this.#model.get(textOf(key)))), {
      verifiableGet: textOf(key),
    });
    if ('refused' in answer) return state;
    const { entry, verifiableTx, inclusionProof } = answer.ok;
    const { tx: txId, referencedBy, ...rest } = entry;
    const proved = {
      header: verifiableTx.tx.header,
      dualProof: verifiableTx.dualProof,
      inclusionProof,
      ...rest,
      txId,
      ...(referencedBy && { referencedBy: { ...referencedBy, txId: referencedBy.tx } }),
    };
    const verdict = verifyGet({ key }, proved, { state });
    if (!verdict.ok) return assert.fail(`${textOf(key)} does not verify: ${show(verdict)}`);
    assert.ok(verdict.state.txId <= this.#database.state().txId, 'a proof beyond the state');
    return verdict.state;
  }
}

function outcomeName(result: Outcome<unknown>): string {
  return 'refused' in result ? result.refused : 'found';
}

function historyLine({ tx, revision, value, metadata, expired }: Entry): string {
  const gone = metadata?.deleted === true ? 'deleted' : expired === true ? 'expired' : undefined;
  return `${tx}:${revision}:${gone ?? textOf(value)}`;
}
