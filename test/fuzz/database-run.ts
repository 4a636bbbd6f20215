import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { silentLog } from '../../src/base/log.js';
import { StoredDatabase, type WriteOptions } from '../../src/database/index.js';
import { defaultSettings } from '../../src/database/settings-rules.js';
import type { State } from '../../src/proofs/index.js';
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
import { DatabaseModel, type Outcome, outcome } from './database-model.js';
import { codeOf, Reads, show } from './database-reads.js';
import { expectWrite, latin1, type Write, WriteMaker } from './database-writes.js';

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
const CHECKS_IN_COMMIT_PERCENT = 5;

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
        if (random.chance(CHECKS_IN_COMMIT_PERCENT)) await this.#check(this.#database);
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

  async #check({ store }: StoredDatabase): Promise<void> {
    const report = await checkStore(store);
    assert.deepEqual(report.problems.map(describeProblem), []);
    assert.equal(report.transactions, this.#model.lastTx);
  }

  async #compareAll(database: StoredDatabase): Promise<void> {
    await this.#check(database);
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
