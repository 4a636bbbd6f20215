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

/** Raw values, with the byte of their kind before them. */
const RAW_VALUE = 2;
/** What one call of a transaction may fetch. */
const VALUE_BYTES_MAX = 64 * 1024 * 1024;
/** Newest versions of a key that are looked through for the one of a transaction. */
const VERSIONS_MAX = 1000;
/** Entries of a transaction whose keys' histories are looked at. */
const HISTORIES_A_TX = 3;

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
 * Fetches the values of transactions and holds them against the digests that are proved, and looks whether the
 * histories of their keys still have them.
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
    const values = await valuesOf(client, proved, signal);
    if (values !== undefined) await checkTx(client, proved, values, signal);
  }
}

/** Undefined when they were removed by a retention period, or are too many for one call. */
async function valuesOf(
  client: SteleClient,
  { header }: Transaction,
  signal: AbortSignal,
): Promise<readonly Buffer[] | undefined> {
  const plain = await client.call('TxById', { tx: header.id }, { signal });
  const bytes = plain.entries.reduce((sum, { vLen }) => sum + vLen, 0);
  if (bytes > VALUE_BYTES_MAX) return undefined;
  const action = { action: RAW_VALUE };
  const entriesSpec = { kvEntriesSpec: action, zEntriesSpec: action, sqlEntriesSpec: action };
  try {
    const { entries } = await client.call('TxById', { tx: header.id, entriesSpec }, { signal });
    return entries.map(({ value }) => Buffer.from(value));
  } catch (error) {
    if (!(error instanceof CallError) || error.code !== 'refused') throw error;
    if (/was removed/.test(error.details)) return undefined;
    if (!/corrupt|damaged|mismatch|does not match/i.test(error.details)) throw error;
    const expected = 'values that match their digests';
    throw new VerificationError({
      ...{ check: 'value', reason: `a value of transaction ${header.id} is damaged` },
      ...{ expected, found: error.details, server: client.serverUuid, database: client.database },
    });
  }
}

async function checkTx(
  client: SteleClient,
  { header, entries }: Transaction,
  values: readonly Buffer[],
  signal: AbortSignal,
): Promise<void> {
  // Servers of 0.9 do not give them.
  if (values.every((value) => value.length === 0)) return;
  const fail = (reason: string, expected: string, found: string): never => {
    const { serverUuid: server, database } = client;
    throw new VerificationError({ check: 'value', reason, expected, found, server, database });
  };
  const where = `of transaction ${header.id}`;
  if (values.length !== entries.length) {
    fail(`values ${where} are missing`, `${entries.length} values`, `${values.length}`);
  }
  const plain: RawEntry[] = [];
  for (const [i, entry] of entries.entries()) {
    const value = values[i] as Buffer;
    if (entry.metadata?.expiresAt !== undefined && value.length === 0) continue;
    const hash = sha256(value);
    if (!hash.equals(entry.hValue)) {
      const expected = `the digest ${Buffer.from(entry.hValue).toString('hex')}`;
      fail(`a value ${where} is not the one that was written`, expected, hash.toString('hex'));
    }
    if (isPlain(entry, value)) plain.push(entry);
  }
  for (const at of sample(0, plain.length - 1, HISTORIES_A_TX)) {
    const { rawKey } = plain[at] as RawEntry;
    if (await isInHistory(client, rawKey.subarray(1), header.id, signal)) continue;
    fail(`the history of a key lacks its version ${where}`, 'that version', 'others');
  }
}

/** A value that is found under its key. */
function isPlain({ rawKey, metadata }: RawEntry, value: Buffer): boolean {
  if (metadata?.nonIndexable === true || metadata?.expiresAt !== undefined) return false;
  return rawKey[0] === PLAIN_KEY_PREFIX && value[0] === PLAIN_VALUE_PREFIX;
}

async function isInHistory(
  client: SteleClient,
  key: Uint8Array,
  txId: number,
  signal: AbortSignal,
): Promise<boolean> {
  let versions = 0;
  let oldest = Number.POSITIVE_INFINITY;
  const page = client.history(key, { desc: true, limit: VERSIONS_MAX }, { signal });
  try {
    for await (const entry of page) {
      if (entry.txId === txId) return true;
      versions++;
      oldest = Math.min(oldest, entry.txId);
    }
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
  // It may stand further back than was looked.
  return versions === VERSIONS_MAX && oldest > txId;
}
