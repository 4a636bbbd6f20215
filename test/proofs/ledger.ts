import {
  alhOf,
  EMPTY_HASH,
  encodeKvMetadata,
  entryDigest,
  type HeaderVersion,
  type History,
  hashTreeProof,
  hashTreeRoot,
  type KvMetadata,
  makeDualProof,
  type ProvedTx,
  type State,
  type TxHeader,
  type TxMetadata,
  ZERO_HASH,
} from '../../src/proofs/index.js';
import { NaiveTree, sha } from './naive.js';

export interface LedgerEntry {
  readonly rawKey: Buffer;
  readonly rawValue: Buffer;
  readonly metadata?: KvMetadata;
}

interface Tx {
  readonly header: TxHeader;
  readonly alh: Buffer;
  readonly entries: readonly LedgerEntry[];
  readonly digests: Buffer;
}

export interface AppendOptions {
  readonly version?: HeaderVersion;
  readonly metadata?: TxMetadata;
  /** How many transactions the tree lags behind. */
  readonly lag?: number;
}

/** A database in memory that plays the server. */
export class Ledger implements History {
  readonly #txs: Tx[] = [];
  #nodes: NaiveTree | undefined;

  static of(txs: readonly { header: TxHeader; entries: readonly LedgerEntry[] }[]): Ledger {
    const ledger = new Ledger();
    for (const { header, entries } of txs) ledger.#push(header, entries);
    return ledger;
  }

  #push(header: TxHeader, entries: readonly LedgerEntry[]): void {
    const digests = Buffer.concat(entries.map((entry) => digestOf(header.version, entry)));
    this.#txs.push({ header, alh: alhOf(header), entries, digests });
    this.#nodes = undefined;
  }

  append(entries: readonly LedgerEntry[], options: AppendOptions = {}): number {
    const { version = 1, metadata, lag = 0 } = options;
    const id = this.size + 1;
    const blTxId = Math.max(0, id - 1 - lag);
    this.#push(
      {
        id,
        prevAlh: id === 1 ? EMPTY_HASH : this.alh(id - 1),
        ts: 1_700_000_000 + id,
        version,
        nentries: entries.length,
        eH: hashTreeRoot(Buffer.concat(entries.map((entry) => digestOf(version, entry)))),
        blTxId,
        blRoot: blTxId === 0 ? ZERO_HASH : this.nodes.head(0, blTxId),
        ...(metadata === undefined ? {} : { metadata }),
      },
      entries,
    );
    return id;
  }

  get size(): number {
    return this.#txs.length;
  }

  get nodes(): NaiveTree {
    this.#nodes ??= new NaiveTree(this.#txs.map(({ alh }) => alh));
    return this.#nodes;
  }

  tx(txId: number): Tx {
    const tx = this.#txs[txId - 1];
    if (tx === undefined) throw new Error(`no transaction ${txId}`);
    return tx;
  }

  header(txId: number): TxHeader {
    return this.tx(txId).header;
  }

  alh(txId: number): Buffer {
    return this.tx(txId).alh;
  }

  state(txId: number): State {
    return txId === 0 ? { txId, txHash: EMPTY_HASH } : { txId, txHash: this.alh(txId) };
  }

  /** What a server answers for transaction `txId` to a client that trusts the state of `since`. */
  answer(txId: number, since: number): ProvedTx {
    const other = since === 0 ? txId : since;
    const [source, target] = [Math.min(txId, other), Math.max(txId, other)];
    return {
      header: this.header(txId),
      dualProof: makeDualProof(this.header(source), this.header(target), this),
    };
  }

  inclusionProof(txId: number, index: number) {
    return hashTreeProof(this.tx(txId).digests, index);
  }
}

export function digestOf(version: HeaderVersion, entry: LedgerEntry): Buffer {
  return entryDigest(version, encodeKvMetadata(entry.metadata), entry.rawKey, sha(entry.rawValue));
}
