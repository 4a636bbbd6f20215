import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../../src/base/log.js';
import {
  DatabaseError,
  type Entry,
  StoredDatabase,
  type WriteOptions,
  type ZEntry,
} from '../../src/database/index.js';
import { defaultSettings } from '../../src/database/settings-rules.js';
import { type State, verifyGet } from '../../src/proofs/index.js';
import {
  checkStore,
  type Disk,
  describeProblem,
  realDisk,
  rebuildIndex,
  Store,
} from '../../src/storage/index.js';
import { Random } from '../sdk/support/random.js';
import { FakeClock } from '../support/fake-clock.js';
import {
  DatabaseModel,
  type Found,
  type Outcome,
  outcome,
  type ZScanBounds,
} from './database-model.js';
import { expectWrite, latin1, textOf, type Write, WriteMaker } from './database-writes.js';

const OPTIONS: WriteOptions = { generation: 'session' };
/** Bulk writes wait for the index, a merge takes several steps, and soon one is due. */
const INDEX_LIMITS = {
  directVersionsMax: 8,
  versionsHigh: 60,
  keyBytesHigh: 1 << 20,
  mergeStepKeys: 7,
};
const LIMITS = { resultEntriesMax: 2500, resultBytesMax: 1 << 25, waitersMax: 100 };
const GROUP_WRITES_MAX = 4;
/** Reads of a database between two groups of writes, and at each moment of a commit. */
const READS = 6;
const READS_IN_COMMIT = 4;

export interface DatabaseFuzzOptions {
  readonly seed: number;
  /** Groups of writes that are sent at once. */
  readonly groups: number;
  /** Milliseconds after which no further group begins. */
  readonly timeMs?: number;
}

/** Told when a commit was handed to LMDB, and when readers see it while nothing else knows of it. */
class WatchedDisk implements Disk {
  watch: ((moment: 'handed over' | 'seen') => Promise<void>) | undefined;
  readonly space = realDisk.space;

  async finished(commit: Promise<unknown>): Promise<unknown> {
    await this.watch?.('handed over');
    const done = await commit;
    // The next turn, with a read transaction of its own.
    await new Promise(setImmediate);
    await this.watch?.('seen');
    return done;
  }
}

/** Random operations on one database, each answer compared with that of a model. */
export class DatabaseRun {
  readonly figures = { writes: 0, refused: 0, reads: 0, inCommit: 0, opened: 0, merges: 0 };
  readonly #options: DatabaseFuzzOptions;
  readonly #random: Random;
  readonly #clock = new FakeClock();
  readonly #disk = new WatchedDisk();
  readonly #model: DatabaseModel;
  readonly #maker: WriteMaker;
  readonly #root = mkdtempSync(path.join(tmpdir(), 'stele-fuzz-'));
  readonly #version: 0 | 1;
  #folder = path.join(this.#root, '0');
  #database!: StoredDatabase;
  #trusted: State = { txId: 0, txHash: Buffer.alloc(32) };
  #group = 0;
  #failure: Error | undefined;

  constructor(options: DatabaseFuzzOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#version = this.#random.chance(50) ? 1 : 0;
    this.#model = new DatabaseModel(() => Math.floor(this.#clock.now() / 1000));
    this.#maker = new WriteMaker(this.#random, this.#model);
  }

  /** @throws AssertionError that names the seed and the group of writes */
  async run(): Promise<DatabaseRun['figures']> {
    const { seed, groups, timeMs = Number.POSITIVE_INFINITY } = this.#options;
    const end = performance.now() + timeMs;
    try {
      cpSync(this.#emptyFolder(), this.#folder, { recursive: true });
      this.#database = await this.#open(this.#folder);
      while (this.#group < groups && performance.now() < end) {
        this.#group++;
        await this.#step();
      }
      await this.#reopen();
      await this.#database.close();
      return this.figures;
    } catch (error) {
      const message = `seed ${seed}, group ${this.#group}: ${String(error)}`;
      throw new assert.AssertionError({ message, stackStartFn: this.run });
    } finally {
      this.#disk.watch = undefined;
      await this.#database?.close().catch(() => undefined);
      rmSync(this.#root, { recursive: true, force: true });
    }
  }

  #emptyFolder(): string {
    return mkdtempSync(path.join(this.#root, 'new-'));
  }

  #storeOptions(folder: string) {
    return {
      path: path.join(folder, 'environment'),
      stateFile: path.join(folder, 'state'),
      log: silentLog,
      commitTimeoutMs: 10_000,
      reserveBytes: 1024,
      reserveFraction: 0.01,
      indexLimits: INDEX_LIMITS,
      onFailure: () => {},
    };
  }

  #open(folder: string): Promise<StoredDatabase> {
    this.figures.opened++;
    const limits = { maxKeyLen: 1024, maxValueLen: 1 << 20, maxTxEntries: 1024 };
    return StoredDatabase.open({
      ...this.#storeOptions(folder),
      name: 'fuzz',
      settings: defaultSettings({ ...limits, writeTxHeaderVersion: this.#version }),
      limits: LIMITS,
      clock: this.#clock,
      disk: this.#disk,
      onHeaderVersion: () => {},
      onCorruption: () => {},
    });
  }

  async #step(): Promise<void> {
    const random = this.#random;
    if (random.chance(20)) this.#clock.advance(1000 * random.below(4));
    await this.#writeGroup();
    await this.#compareReads(this.#database, random, READS);
    const which = random.below(100);
    if (which < 20) await this.#mergeStep();
    else if (which < 22) await this.#reopen();
    else if (which < 24) await this.#openCopy(this.#copy());
    else if (which < 25) await this.#rebuild();
  }

  /** Several writes at once: they share a commit, in their order. */
  async #writeGroup(): Promise<void> {
    const random = this.#random;
    const writes = Array.from({ length: 1 + random.below(GROUP_WRITES_MAX) }, () =>
      this.#maker.write(),
    );
    const crash = random.chance(2);
    const copies: string[] = [];
    this.#watch(() => {
      if (crash) copies.push(this.#copy());
    });
    // A streamed value is staged by commits of its own, so its write comes alone.
    const alone = writes.find(({ call }) => call.kind === 'streamedSet');
    const sent = alone === undefined ? writes : [alone];
    const settled = await Promise.allSettled(sent.map((write) => this.#send(write)));
    this.#endWatch();
    const committed = this.#model.lastTx;
    sent.forEach((write, i) => {
      this.#compareWrite(write, settled[i] as PromiseSettledResult<number>, committed);
    });
    assert.equal(this.#database.state().txId, this.#model.lastTx, 'the state after a group');
    const last = copies.at(-1);
    if (last !== undefined) await this.#openCopy(last);
  }

  #compareWrite(write: Write, settled: PromiseSettledResult<number>, committed: number): void {
    this.figures.writes++;
    const expected = outcome(() => this.#model.commit(expectWrite(this.#model, write, committed)));
    const came: Outcome<number> =
      settled.status === 'fulfilled' ? { ok: settled.value } : { refused: codeOf(settled.reason) };
    if ('refused' in came) this.figures.refused++;
    assert.deepEqual(came, expected, `${show(write)}`);
  }

  /** What readers are told while a commit is under way is what was committed before it. */
  #watch(seen: () => void): void {
    const random = new Random(this.#options.seed + 7919 * this.#group);
    this.#disk.watch = async (moment) => {
      try {
        if (moment === 'seen') seen();
        this.figures.inCommit++;
        await this.#compareReads(this.#database, random, READS_IN_COMMIT);
        assert.equal(this.#database.state().txId, this.#model.lastTx, 'the state in a commit');
      } catch (error) {
        this.#failure ??= new Error(`while a commit was ${moment}: ${String(error)}`);
      }
    };
  }

  /** @throws what a reader found during a commit */
  #endWatch(): void {
    this.#disk.watch = undefined;
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #send({ call, preconditions }: Write): Promise<number> {
    const options = { ...OPTIONS, preconditions };
    const database = this.#database;
    const toKv = ({
      name,
      value,
      metadata,
    }: {
      name: string;
      value: string;
      metadata?: object;
    }) => ({
      key: latin1(name),
      value: latin1(value),
      ...(metadata && { metadata }),
    });
    switch (call.kind) {
      case 'set':
        return (await database.set(call.kvs.map(toKv), options)).id;
      case 'delete':
        return (await database.delete(call.keys.map(latin1), call.sinceTx, options)).id;
      case 'zAdd':
        return (await database.zAdd(call.zAdd, options)).id;
      case 'execAll':
        return (await database.execAll(call.operations, options)).id;
      case 'reference': {
        const [key, referencedKey] = [latin1(call.key), latin1(call.target)];
        const { atTx } = call;
        const ref = { key, referencedKey, atTx, boundRef: atTx > 0 };
        return (await database.setReference(ref, options)).id;
      }
      case 'streamedSet': {
        const stager = database.stageValue();
        await stager.write(latin1(call.kv.value));
        const kv = { ...toKv(call.kv), value: await stager.finish() };
        const written = database.set([kv], options);
        // Giving up a value while its transaction is being committed takes nothing away.
        return (await written.finally(() => stager.discard())).id;
      }
    }
  }

  async #compareReads(database: StoredDatabase, random: Random, count: number): Promise<void> {
    const read = new Reads(database, this.#model, random, this.#maker);
    for (let i = 0; i < count; i++) await read.one();
    this.figures.reads += count;
    this.#trusted = read.verified(this.#trusted);
  }

  async #mergeStep(): Promise<void> {
    const { store } = this.#database;
    if (!store.index.hasMergeWork) return;
    this.figures.merges++;
    this.#watch(() => {});
    await store.mergeIndexStep();
    this.#endWatch();
  }

  /** The files as a crash at this moment would leave them. */
  #copy(): string {
    const copy = this.#emptyFolder();
    const filter = (name: string) => !name.endsWith('lock.mdb');
    cpSync(this.#folder, copy, { recursive: true, filter });
    return copy;
  }

  async #openCopy(folder: string): Promise<void> {
    const database = await this.#open(folder);
    await this.#compareAll(database);
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }

  async #reopen(): Promise<void> {
    await this.#database.close();
    this.#database = await this.#open(this.#folder);
    await this.#compareAll(this.#database);
  }

  async #rebuild(): Promise<void> {
    await this.#database.close();
    const store = await Store.open(this.#storeOptions(this.#folder));
    await rebuildIndex(store, silentLog);
    await store.close();
    this.#database = await this.#open(this.#folder);
    await this.#compareAll(this.#database);
  }

  async #compareAll(database: StoredDatabase): Promise<void> {
    const report = await checkStore(database.store);
    assert.deepEqual(report.problems.map(describeProblem), []);
    assert.equal(report.transactions, this.#model.lastTx);
    const read = new Reads(database, this.#model, this.#random, this.#maker);
    for (const key of this.#model.versions.keys()) {
      read.get(key, 0, 0);
      read.history(key, 0, 0, false);
    }
    await this.#compareReads(database, this.#random, 3 * READS);
    for (const prefix of ['', 'k', 'bulk']) {
      assert.equal(await database.count(latin1(prefix)), this.#model.count(prefix), 'count');
    }
  }
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner?.type === 'Buffer' ? Buffer.from(inner.data).toString('latin1') : inner,
  ).slice(0, 600);
}

function codeOf(error: unknown): string {
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
class Reads {
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
