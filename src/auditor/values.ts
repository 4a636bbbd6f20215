import { createHash } from 'node:crypto';
import { equalBytes } from '../base/bytes.js';
import { sha256 } from '../base/sha256.js';
import {
  CallError,
  isNotFound,
  type RawEntry,
  type SteleClient,
  type Transaction,
  VerificationError,
} from '../client/index.js';
import { PLAIN_KEY_PREFIX, PLAIN_VALUE_PREFIX } from '../proofs/index.js';
import { isInHistory } from './key-history.js';

/** `EntryTypeAction`: raw values, with the byte of their kind before them. */
const RAW_VALUE = 2;
/** Of values that are held in memory at once. */
const HELD_BYTES_MAX = 4 * 1024 * 1024;
/** Entries of a transaction that are fetched one by one, and those whose keys' histories are looked at. */
const ENTRIES_A_TX = 3;

/** Numbers from `first` to `last`, at most `count` of them by chance, in order. */
export function sample(
  first: number,
  last: number,
  count: number,
  random: () => number = Math.random,
): number[] {
  const size = last - first + 1;
  if (size <= count) return Array.from({ length: Math.max(0, size) }, (_, i) => first + i);
  const found = new Set<number>();
  while (found.size < count) found.add(first + Math.floor(random() * size));
  return [...found].sort((a, b) => a - b);
}

/**
 * Fetches the values of transactions and holds them against the digests that are proved, and looks whether
 * the histories of their keys still have them.
 * @throws VerificationError for the first that does not fit; what the calls throw
 */
export async function checkValues(
  client: SteleClient,
  txIds: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  for (const txId of txIds) {
    signal.throwIfAborted();
    const proved = await client.verifiedTxById(txId, { signal });
    await new TxValues(client, proved, signal).check();
  }
}

/** The values of one transaction whose entries are proved. */
class TxValues {
  readonly #client: SteleClient;
  readonly #txId: number;
  readonly #entries: readonly RawEntry[];
  readonly #signal: AbortSignal;

  constructor(client: SteleClient, { header, entries }: Transaction, signal: AbortSignal) {
    this.#client = client;
    this.#txId = header.id;
    this.#entries = entries;
    this.#signal = signal;
  }

  async check(): Promise<void> {
    const lengths = await this.#unlessRemoved(() => this.#lengths());
    if (lengths === undefined) return;
    if (lengths.length !== this.#entries.length) {
      this.#fail('values are missing', `${this.#entries.length} values`, `${lengths.length}`);
    }
    if (lengths.reduce((sum, length) => sum + length, 0) > HELD_BYTES_MAX) {
      return this.#checkOneByOne(lengths);
    }
    const values = await this.#unlessRemoved(() => this.#rawValues());
    if (values === undefined) return;
    // Servers of 0.9 do not give them with the transaction. A raw value has a byte at least.
    const has = [...values.values()].some((value) => value.length > 0);
    if (!has && values.size > 0) return this.#checkOneByOne(lengths);
    await this.#checkAll(values);
  }

  async #lengths(): Promise<readonly number[]> {
    const { entries } = await this.#client.call('TxById', { tx: this.#txId }, this.#options);
    return entries.map(({ vLen }) => vLen);
  }

  /** By the raw key in hexadecimal. */
  async #rawValues(): Promise<ReadonlyMap<string, Uint8Array>> {
    const action = { action: RAW_VALUE };
    const entriesSpec = { kvEntriesSpec: action, zEntriesSpec: action, sqlEntriesSpec: action };
    const request = { tx: this.#txId, entriesSpec };
    const { entries } = await this.#client.call('TxById', request, this.#options);
    return new Map(entries.map(({ key, value }) => [hexOf(key), value]));
  }

  async #checkAll(values: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const inHistories: RawEntry[] = [];
    for (const entry of this.#entries) {
      const value = values.get(hexOf(entry.rawKey)) ?? Buffer.alloc(0);
      // What has expired is not shown.
      if (entry.metadata?.expiresAt !== undefined && value.length === 0) continue;
      this.#compare(entry, sha256(value));
      if (isPlain(entry) && value[0] === PLAIN_VALUE_PREFIX) inHistories.push(entry);
    }
    for (const at of sample(0, inHistories.length - 1, ENTRIES_A_TX)) {
      const key = (inHistories[at] as RawEntry).rawKey.subarray(1);
      const has = () => isInHistory(this.#client, key, this.#txId, this.#signal);
      if ((await this.#unlessRemoved(has)) !== false) continue;
      this.#fail('the history of a key lacks its version', 'that version', 'others');
    }
  }

  async #checkOneByOne(lengths: readonly number[]): Promise<void> {
    const plain = this.#entries.map((_, at) => at).filter((at) => isPlain(this.#entry(at)));
    for (const i of sample(0, plain.length - 1, ENTRIES_A_TX)) {
      const at = plain[i] as number;
      const key = this.#entry(at).rawKey.subarray(1);
      const isLarge = (lengths[at] ?? 0) > HELD_BYTES_MAX;
      await this.#unlessRemoved(async () => {
        // No reference is that long: what comes is the value of the entry itself.
        if (isLarge) this.#compare(this.#entry(at), await this.#streamedDigest(key));
        else await this.#client.verifiedGet(key, { atTx: this.#txId }, this.#options);
      });
    }
  }

  async #streamedDigest(key: Uint8Array): Promise<Uint8Array> {
    const { pieces } = await this.#client.streamGet(key, { atTx: this.#txId }, this.#options);
    const hash = createHash('sha256').update(Buffer.from([PLAIN_VALUE_PREFIX]));
    for await (const piece of pieces) hash.update(piece);
    return hash.digest();
  }

  /** Undefined for what a retention period removed, and for what leads to nothing. */
  async #unlessRemoved<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const leadsNowhere: boolean = isNotFound(error);
      if (!(error instanceof CallError) || error.code !== 'refused') throw error;
      if (/tx not found/.test(error.details)) {
        return this.#fail('it is gone', 'the transaction that was just proved', error.details);
      }
      // Of a reference whose target was deleted.
      if (leadsNowhere || /was removed/.test(error.details)) return undefined;
      if (!/corrupt|damaged|mismatch|does not match/i.test(error.details)) throw error;
      return this.#fail('a value is damaged', 'values that match their digests', error.details);
    }
  }

  #compare({ hValue }: RawEntry, digest: Uint8Array): void {
    if (equalBytes(digest, hValue)) return;
    const what = 'a value is not the one that was written';
    this.#fail(what, `the digest ${hexOf(hValue)}`, hexOf(digest));
  }

  #entry(at: number): RawEntry {
    return this.#entries[at] as RawEntry;
  }

  get #options(): { readonly signal: AbortSignal } {
    return { signal: this.#signal };
  }

  #fail(what: string, expected: string, found: string): never {
    const { serverUuid: server, database } = this.#client;
    const reason = `transaction ${this.#txId}: ${what}`;
    throw new VerificationError({ check: 'value', reason, expected, found, server, database });
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** An entry that stands under a key for good. */
function isPlain({ rawKey, metadata }: RawEntry): boolean {
  const { deleted, nonIndexable, expiresAt } = metadata ?? {};
  if (deleted === true || nonIndexable === true || expiresAt !== undefined) return false;
  return rawKey[0] === PLAIN_KEY_PREFIX;
}
