import { equalBytes } from '../base/bytes.js';
import { sha256 } from '../base/sha256.js';
import {
  alhOf,
  encodeKvMetadata,
  entryDigest,
  hashTreeRoot,
  type ProvedEntry,
  rawKeyOf,
  type State,
  type TxHeader,
  verifyGet,
  verifySet,
  verifySetReference,
  verifyTxById,
  verifyZAdd,
} from '../proofs/index.js';
import { inclusionProofFromMessage, type pb, WireDecodeError } from '../wire/index.js';
import { type DamagePlace, sound } from './damage.js';
import { CallError, VerificationError, type VerificationFailure } from './errors.js';
import { checkVersion } from './history-check.js';
import type { CallOptions, ClientOptions } from './options.js';
import {
  type KeyValue,
  keyRequest,
  kvToMessage,
  referenceRequest,
  type WhichVersion,
  zAddRequest,
} from './plain.js';
import { StreamClient } from './streams.js';
import { provedTx, type SignedState, stateText } from './trust.js';
import {
  type Bytes,
  bytesOf,
  type Entry,
  entryFromMessage,
  type Transaction,
  transactionFromMessage,
} from './values.js';

/**
 * A client that believes nothing that it cannot verify. The methods whose names begin with `verified`
 * throw `VerificationError` for an answer that does not continue the history known before.
 */
export class SteleClient extends StreamClient {
  /** Connects, and learns the identity of the server. @throws ClientError `unreachable` and others */
  static async connect(options: ClientOptions & CallOptions = {}): Promise<SteleClient> {
    const client = new SteleClient(options);
    try {
      await client.reach({ signal: options.signal });
      return client;
    } catch (error) {
      await client.close();
      throw error;
    }
  }

  /** The newest verified state of the database; undefined before the first. */
  trustedState(): Promise<State | undefined> {
    return this.trust.trusted();
  }

  /** The current state of the server, proved to continue the trusted one. */
  verifiedState(options: CallOptions = {}): Promise<SignedState> {
    return this.trust.verifiedState(options);
  }

  verifiedSet(key: Bytes, value: Bytes, options: CallOptions = {}): Promise<TxHeader> {
    return this.verifiedSetAll([{ key, value }], options);
  }

  /** All in one transaction, proved to hold them and nothing else. */
  async verifiedSetAll(entries: readonly KeyValue[], options: CallOptions = {}): Promise<TxHeader> {
    const setRequest = { KVs: entries.map(kvToMessage) };
    const expected = entries.map(({ key, value, metadata }) => ({
      key: bytesOf(key),
      value: bytesOf(value),
      metadata,
    }));
    const answer = await this.trust.verified(
      (proveSinceTx) => this.call('VerifiableSet', { setRequest, proveSinceTx }, options),
      (message, trust) => verifySet(expected, provedTx(message), trust),
      options,
    );
    return provedTx(answer).header;
  }

  async verifiedSetReference(
    key: Bytes,
    referencedKey: Bytes,
    { atTx = 0 }: { readonly atTx?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<TxHeader> {
    const request = referenceRequest(key, referencedKey, atTx);
    const expected = { key: bytesOf(key), referencedKey: bytesOf(referencedKey), atTx };
    const answer = await this.trust.verified(
      (proveSinceTx) =>
        this.call('VerifiableSetReference', { referenceRequest: request, proveSinceTx }, options),
      (message, trust) => verifySetReference(expected, provedTx(message), trust),
      options,
    );
    return provedTx(answer).header;
  }

  async verifiedZAdd(
    set: Bytes,
    score: number,
    key: Bytes,
    { atTx = 0 }: { readonly atTx?: number | undefined } = {},
    options: CallOptions = {},
  ): Promise<TxHeader> {
    const request = zAddRequest(set, score, key, atTx);
    const expected = { set: bytesOf(set), score, key: bytesOf(key), atTx };
    const answer = await this.trust.verified(
      (proveSinceTx) =>
        this.call('VerifiableZAdd', { zAddRequest: request, proveSinceTx }, options),
      (message, trust) => verifyZAdd(expected, provedTx(message), trust),
      options,
    );
    return provedTx(answer).header;
  }

  /**
   * The entry is proved to be in its transaction; what a reference leads to is proved by a second call.
   * No proof says that there is no newer version: `verifiedHistory` with `complete` does.
   */
  async verifiedGet(
    key: Bytes,
    which: WhichVersion = {},
    options: CallOptions = {},
  ): Promise<Entry> {
    const request = keyRequest(key, which);
    const answer = await this.trust.verified(
      (proveSinceTx) => this.call('VerifiableGet', { keyRequest: request, proveSinceTx }, options),
      (message, trust) =>
        verifyGet({ key: bytesOf(key), atTx: which.atTx }, provedEntry(message), trust),
      options,
    );
    return this.#provedTarget(entryFromMessage(answer.entry as pb.Entry), options);
  }

  /** As `verifiedGet`, the value in pieces of any number, so that it may exceed a message. */
  async verifiedStreamGet(
    key: Bytes,
    which: WhichVersion = {},
    options: CallOptions = {},
  ): Promise<Entry> {
    const request = keyRequest(key, which);
    const answer = await this.trust.verified(
      (proveSinceTx) =>
        this.streamedVerifiableEntry({ keyRequest: request, proveSinceTx }, options),
      (message, trust) =>
        verifyGet({ key: bytesOf(key), atTx: which.atTx }, provedEntry(message), trust),
      options,
    );
    return this.#provedTarget(entryFromMessage(answer.entry as pb.Entry), options);
  }

  /** As `verifiedSetAll`, in a stream, so that all together may exceed a message. */
  async verifiedStreamSet(
    entries: readonly KeyValue[],
    options: CallOptions = {},
  ): Promise<TxHeader> {
    const expected = entries.map(({ key, value }) => ({
      key: bytesOf(key),
      value: bytesOf(value),
    }));
    const answer = await this.trust.verified(
      (since) => this.streamVerifiableSet(since, expected, options),
      (message, trust) => verifySet(expected, provedTx(message), trust),
      options,
    );
    return provedTx(answer).header;
  }

  /** The transaction with all of its entries. */
  async verifiedTxById(txId: number, options: CallOptions = {}): Promise<Transaction> {
    try {
      const answer = await this.trust.verified(
        (proveSinceTx) => this.call('VerifiableTxById', { tx: txId, proveSinceTx }, options),
        (message, trust) => {
          const { entries } = transactionFromMessage(message.tx);
          return verifyTxById(txId, { ...provedTx(message), entries }, trust);
        },
        options,
      );
      return transactionFromMessage(answer.tx);
    } catch (error) {
      const trusted = await this.trustedState();
      const isGone =
        error instanceof CallError &&
        /tx not found$/.test(error.details) &&
        txId > 0 &&
        txId <= (trusted?.txId ?? 0);
      if (!isGone) throw error;
      throw this.#notVerified({
        check: 'history',
        reason: 'a transaction of the verified history is gone',
        expected: `transaction ${txId} of ${trusted?.txId}`,
        found: error.details,
      });
    }
  }

  /**
   * Every transaction of the verified history, newest first: each is bound to the next by its hash, up
   * to the verified state of the server, so that nothing can be left out, changed or added.
   */
  async *verifiedTransactions(
    { downTo = 1, pageSize }: { readonly downTo?: number; readonly pageSize?: number } = {},
    options: CallOptions = {},
  ): AsyncGenerator<Transaction> {
    const state = await this.verifiedState(options);
    let { txId, txHash } = state;
    const limit = txId - downTo + 1;
    if (txId === 0 || limit <= 0) return;
    const pages = this.transactions({ from: txId, desc: true, limit, pageSize }, options);
    for await (const tx of sound(pages, this.#place)) {
      const reason = faultOf(tx, { txId, txHash });
      if (reason !== undefined) {
        throw this.#notVerified({
          check: 'history',
          reason,
          expected: stateText({ txId, txHash }),
          found: stateText({ txId: tx.header.id, txHash: alhOf(tx.header) }),
        });
      }
      yield tx;
      txHash = tx.header.prevAlh;
      txId--;
    }
    if (txId >= downTo) {
      throw this.#notVerified({
        check: 'history',
        reason: 'transactions of the verified history are missing',
        expected: `transactions down to ${downTo}`,
        found: `none below ${txId + 1}`,
      });
    }
  }

  /**
   * Every version of a key, oldest first, each proved to be in its transaction and numbered without a
   * gap. With `complete` all transactions are read to prove that no version was left out.
   */
  async *verifiedHistory(
    key: Bytes,
    { complete = false }: { readonly complete?: boolean | undefined } = {},
    options: CallOptions = {},
  ): AsyncGenerator<Entry> {
    const seen: number[] = [];
    let revision = 0;
    for await (const entry of sound(this.history(key, {}, options), this.#place)) {
      revision++;
      const tx = await this.verifiedTxById(entry.txId, options);
      const failure = checkVersion(bytesOf(key), entry, tx, { revision, after: seen.at(-1) ?? 0 });
      if (failure !== undefined) throw this.#notVerified(failure);
      seen.push(entry.txId);
      if (!complete) yield entry;
    }
    if (!complete) return;
    const written = await this.#writesOf(bytesOf(key), options);
    const listed = new Set(seen);
    const missing = written.filter((txId) => !listed.has(txId));
    if (missing.length > 0) {
      throw this.#notVerified({
        check: 'history',
        reason: 'versions of the key are left out of its history',
        expected: `a version of transaction ${missing.join(', ')}`,
        found: `versions of ${seen.join(', ') || 'none'}`,
      });
    }
    yield* sound(this.history(key, {}, options), this.#place);
  }

  /** Transactions with an indexed entry of the key, oldest first. */
  async #writesOf(key: Uint8Array, options: CallOptions): Promise<number[]> {
    const rawKey = rawKeyOf(key);
    const found: number[] = [];
    for await (const { header, entries } of this.verifiedTransactions({}, options)) {
      const writes = entries.some(
        (entry) => equalBytes(entry.rawKey, rawKey) && entry.metadata?.nonIndexable !== true,
      );
      if (writes) found.push(header.id);
    }
    return found.reverse();
  }

  async #provedTarget(entry: Entry, options: CallOptions): Promise<Entry> {
    if (entry.referencedBy === undefined) return entry;
    const target = await this.verifiedGet(entry.key, { atTx: entry.txId }, options);
    if (equalBytes(target.value, entry.value) && target.referencedBy === undefined) return entry;
    throw this.#notVerified({
      check: 'value',
      reason: 'the value under a reference is not the one of the key that it leads to',
      expected: `the value of transaction ${entry.txId}`,
      found: 'another one',
    });
  }

  get #place(): DamagePlace {
    return { server: this.serverUuid, database: this.database };
  }

  #notVerified(failure: VerificationFailure): VerificationError {
    return new VerificationError({ ...failure, ...this.#place });
  }
}

function provedEntry(message: pb.VerifiableEntry): ProvedEntry {
  if (message.entry === undefined) {
    throw new WireDecodeError('messageInvalidField', 'VerifiableEntry.entry: expected present');
  }
  return {
    ...provedTx(message.verifiableTx),
    ...entryFromMessage(message.entry),
    inclusionProof: inclusionProofFromMessage(message.inclusionProof),
  };
}

function faultOf({ header, entries }: Transaction, state: State): string | undefined {
  if (header.id !== state.txId) return 'a transaction of the verified history is missing';
  if (!equalBytes(alhOf(header), state.txHash)) return 'a transaction is not the verified one';
  if (entries.length !== header.nentries) return 'a transaction has not all of its entries';
  const digests = entries.map(({ rawKey, hValue, metadata }) =>
    entryDigest(header.version, encodeKvMetadata(metadata), rawKey, hValue),
  );
  const root =
    digests.length === 0 ? sha256(Buffer.alloc(0)) : hashTreeRoot(Buffer.concat(digests));
  return equalBytes(root, header.eH) ? undefined : 'the entries are not those of the transaction';
}
