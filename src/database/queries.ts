import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Store } from '../storage/index.js';
import { DatabaseError } from './errors.js';
import { illegalArguments } from './failures.js';
import type { Guard } from './guard.js';
import { type HistoryVersion, Lists, type ZElement } from './lists.js';
import type { Reader, Resolved } from './reader.js';
import { ResultBudget } from './result-budget.js';
import type { DatabaseSettings } from './settings.js';
import type { Transactions } from './transactions.js';
import type {
  Entry,
  HistoryRequest,
  KeyRequest,
  ScanRequest,
  StreamedEntry,
  Tx,
  TxRequest,
  TxScanRequest,
  VerifiableEntry,
  VerifiableStreamedEntry,
  VerifiableTx,
  ZEntry,
  ZScanRequest,
} from './types.js';

export interface QueryLimits {
  /** Elements of one page. */
  readonly resultEntriesMax: number;
  /** Bytes of keys and values of one unary answer. */
  readonly resultBytesMax: number;
}

function notWithAtTx(field: string): DatabaseError {
  return new DatabaseError(
    'illegalArgumentsExplained',
    `illegal arguments: ${field} should not be specified when AtTx is used`,
  );
}

/** The reads of a database. */
export class Queries {
  readonly #store: Store;
  readonly #reader: Reader;
  readonly #lists: Lists;
  readonly #transactions: Transactions;
  readonly #guard: Guard;
  readonly #settings: DatabaseSettings;
  readonly #limits: QueryLimits;

  constructor(
    store: Store,
    reader: Reader,
    transactions: Transactions,
    guard: Guard,
    settings: DatabaseSettings,
    limits: QueryLimits,
  ) {
    this.#store = store;
    this.#reader = reader;
    this.#lists = new Lists(store, reader, limits.resultEntriesMax);
    this.#transactions = transactions;
    this.#guard = guard;
    this.#settings = settings;
    this.#limits = limits;
  }

  #budget(streamingMethod: string): ResultBudget {
    return new ResultBudget(this.#limits.resultBytesMax, streamingMethod);
  }

  #resolve(request: KeyRequest): Resolved {
    if (request.key.length === 0) {
      throw new DatabaseError('emptyKey', 'illegal arguments: empty key');
    }
    if (request.atTx > 0) {
      if (request.sinceTx > 0) throw notWithAtTx('SinceTx');
      if (request.atRevision !== 0) throw notWithAtTx('AtRevision');
    }
    if (request.sinceTx > this.#store.state.txId && !request.noWait) {
      throw new DatabaseError(
        'sinceTxInFuture',
        'illegal arguments: SinceTx must not be greater than the current transaction ID',
      );
    }
    return this.#reader.resolve(request);
  }

  /** @throws illegalArguments when a list asks for a transaction that does not exist yet */
  #checkSince(sinceTx: number, noWait = false): void {
    if (sinceTx > this.#store.state.txId && !noWait) throw illegalArguments();
  }

  /** References that stay unresolved need no state to be resolved in. */
  #checkSinceTx({ sinceTx, keepReferencesUnresolved }: TxRequest): void {
    if (!keepReferencesUnresolved) this.#checkSince(sinceTx);
  }

  get(request: KeyRequest): Entry {
    return this.#guard.read(() => this.#reader.toEntry(this.#resolve(request)));
  }

  getStreamed(request: KeyRequest): StreamedEntry {
    return this.#guard.read(() => this.#streamed(this.#resolve(request)));
  }

  #streamed(resolved: Resolved): StreamedEntry {
    return this.#guard.streamed(this.#reader.toStreamed(resolved));
  }

  getAll(keys: readonly Uint8Array[], sinceTx: number): Entry[] {
    return this.#guard.read(() => {
      this.#checkSince(sinceTx);
      const budget = this.#budget('streamGet');
      const entries: Entry[] = [];
      for (const key of keys) {
        const resolved = this.#reader.tryFind(key);
        if (resolved !== undefined) entries.push(budget.entry(resolved, this.#reader));
      }
      return entries;
    });
  }

  verifiableGet(request: KeyRequest, proveSinceTx: number): VerifiableEntry {
    return this.#guard.read(() => {
      const resolved = this.#provable(request, proveSinceTx);
      return { entry: this.#reader.toEntry(resolved), ...this.#proofOf(resolved, proveSinceTx) };
    });
  }

  verifiableGetStreamed(request: KeyRequest, proveSinceTx: number): VerifiableStreamedEntry {
    return this.#guard.read(() => {
      const resolved = this.#provable(request, proveSinceTx);
      return { entry: this.#streamed(resolved), ...this.#proofOf(resolved, proveSinceTx) };
    });
  }

  #provable(request: KeyRequest, proveSinceTx: number): Resolved {
    this.#transactions.checkProveSince(proveSinceTx);
    return this.#resolve(request);
  }

  #proofOf({ version, referencedBy }: Resolved, proveSinceTx: number) {
    const { tx, key } = referencedBy ?? version;
    return {
      verifiableTx: this.#transactions.verifiable(tx, proveSinceTx),
      inclusionProof: this.#transactions.inclusion(tx, key),
    };
  }

  scan(request: ScanRequest): Entry[] {
    return this.#guard.read(() => {
      const budget = this.#budget('streamScan');
      const entries: Entry[] = [];
      for (const resolved of this.#scan(request)) {
        entries.push(budget.entry(resolved, this.#reader));
      }
      return entries;
    });
  }

  #scan(request: ScanRequest): Generator<Resolved> {
    this.#checkSince(request.sinceTx, request.noWait);
    return this.#lists.scan(request, this.#settings);
  }

  zScan(request: ZScanRequest): ZEntry[] {
    return this.#guard.read(() => {
      const budget = this.#budget('streamZScan');
      const entries: ZEntry[] = [];
      for (const { resolved, ...element } of this.#zScan(request)) {
        entries.push({ ...element, entry: budget.entry(resolved, this.#reader) });
      }
      return entries;
    });
  }

  #zScan(request: ZScanRequest): Generator<ZElement> {
    this.#checkSince(request.sinceTx, request.noWait);
    return this.#lists.zScan(request, this.#settings);
  }

  history(request: HistoryRequest): Entry[] {
    return this.#guard.read(() => {
      const budget = this.#budget('streamHistory');
      const entries: Entry[] = [];
      for (const { version, expired } of this.#history(request)) {
        if (expired || version.metadata?.deleted === true) {
          entries.push({ ...this.#reader.withoutValue(version), ...(expired ? { expired } : {}) });
        } else entries.push(budget.entry({ version }, this.#reader));
      }
      return entries;
    });
  }

  #history(request: HistoryRequest): Generator<HistoryVersion> {
    this.#checkSince(request.sinceTx);
    return this.#lists.history(request);
  }

  async *scanStreamed(request: ScanRequest): AsyncGenerator<StreamedEntry> {
    for (const resolved of this.#guard.each(this.#scan(request))) yield this.#streamed(resolved);
  }

  async *zScanStreamed(
    request: ZScanRequest,
  ): AsyncGenerator<ZEntry & { streamed: StreamedEntry }> {
    for (const { resolved, ...element } of this.#guard.each(this.#zScan(request))) {
      yield { ...element, streamed: this.#streamed(resolved) };
    }
  }

  async *historyStreamed(request: HistoryRequest): AsyncGenerator<StreamedEntry> {
    for (const { version, expired } of this.#guard.each(this.#history(request))) {
      const streamed = this.#streamed({ version });
      yield expired ? { ...streamed, expired, valueLength: 0, value: () => [] } : streamed;
    }
  }

  async count(prefix: Uint8Array): Promise<number> {
    const steps = this.#lists.countSteps(prefix, this.#settings);
    for (;;) {
      const step = this.#guard.read(() => steps.next());
      if (step.done === true) return step.value;
      await nextTurn();
    }
  }

  txById(request: TxRequest): Tx {
    return this.#guard.read(() => {
      this.#checkSinceTx(request);
      return this.#transactions.byId(request);
    });
  }

  verifiableTxById(request: TxRequest, proveSinceTx: number): VerifiableTx {
    return this.#guard.read(() => {
      const last = this.#store.state.txId;
      if (proveSinceTx > last) {
        throw new DatabaseError(
          'illegalStateExplained',
          `illegal state: latest txID=${last} is lower than specified as initial tx=${proveSinceTx}`,
        );
      }
      this.#checkSinceTx(request);
      const tx = this.#transactions.byId(request);
      return { tx, dualProof: this.#transactions.dualProof(request.tx, proveSinceTx) };
    });
  }

  txScan(request: TxScanRequest): Tx[] {
    return this.#guard.read(() => {
      this.#checkSince(request.sinceTx);
      const limit = this.#lists.limit(request.limit);
      const budget = this.#budget('exportTx');
      const txs: Tx[] = [];
      for (const tx of this.#transactions.scan(request, limit)) txs.push(budget.tx(tx));
      return txs;
    });
  }
}
