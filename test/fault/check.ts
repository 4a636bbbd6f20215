import assert from 'node:assert/strict';
import { sha256 } from '../../src/base/sha256.js';
import {
  alhOf,
  encodeKvMetadata,
  entryDigest,
  hashTreeRoot,
  parseSortedSetKey,
  rawValueOf,
  SORTED_SET_PREFIX,
  type Trust,
  verifyGet,
  verifyTxById,
} from '../../src/proofs/index.js';
import {
  dualProofFromMessage,
  inclusionProofFromMessage,
  kvMetadataFromMessage,
  type pb,
  signatureFromMessage,
  stateFromMessage,
  txHeaderFromMessage,
} from '../../src/wire/index.js';
import type { Random } from '../sdk/support/random.js';
import { CallError, type GrpcClient } from '../support/grpc-client.js';
import type { ExpectedEntry, Journal, KeyState, Write } from './journal.js';

const PAGE_TXS = 50;
const GET_ALL_KEYS = 500;
const PAGE_ELEMENTS = 1000;
/** Keys that are read one by one in each way; the rest is read in lists. */
const SAMPLE = 40;
/** Keys of former checks that are read again. */
const OLD_SAMPLE = 300;

export interface CheckResult {
  /** Transactions that were not acknowledged and are there. */
  readonly extra: number;
  readonly txId: number;
}

/**
 * Compares a database with what its clients know. The history must be what was checked before, then all
 * that was acknowledged, and besides it only writes whose answer did not arrive, each whole and once.
 * Then reads of all kinds must find exactly what the history says.
 */
export async function checkDatabase(
  client: GrpcClient,
  journal: Journal,
  random: Random,
  { everything = false } = {},
): Promise<CheckResult> {
  const state = stateFromMessage(await client.call('CurrentState', {}));
  const { lastAcknowledged } = journal;
  assert.ok(
    state.txId >= lastAcknowledged,
    `the state is ${state.txId}, but ${lastAcknowledged} was acknowledged`,
  );
  const from = journal.checkedTo + 1;
  const acknowledged = journal.acknowledged.size;
  const touched = await checkHistory(client, journal, state.txId);
  assert.ok(
    Buffer.from(journal.checkedAlh).equals(state.txHash),
    'the state is not of the history',
  );
  await checkTrusts(client, journal, state.txId);
  const old = everything
    ? [...journal.keys.keys()]
    : sample(random, [...journal.keys.keys()], OLD_SAMPLE);
  await checkKeys(client, journal, [...new Set([...touched.keys, ...old])]);
  await checkOneByOne(client, journal, sample(random, [...touched.keys], SAMPLE));
  const sets = everything ? [...journal.sets.keys()] : [...touched.sets];
  for (const set of sample(random, sets, everything ? sets.length : SAMPLE)) {
    await checkSet(client, journal, set);
  }
  if (touched.keys.size > 0) await checkScan(client, journal, random);
  return { extra: state.txId - from + 1 - acknowledged, txId: state.txId };
}

function sample<T>(random: Random, from: readonly T[], count: number): T[] {
  if (from.length <= count) return [...from];
  return Array.from({ length: count }, () => random.pick(from));
}

/** Bytes as the key of a map. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).latin1Slice();
}

interface Touched {
  readonly keys: Set<string>;
  readonly sets: Set<string>;
}

/** Reads and recomputes all transactions since the last check. */
async function checkHistory(client: GrpcClient, journal: Journal, last: number): Promise<Touched> {
  const touched: Touched = { keys: new Set(), sets: new Set() };
  while (journal.checkedTo < last) {
    const request = { initialTx: journal.checkedTo + 1, limit: PAGE_TXS };
    const { txs } = await client.call('TxScan', request);
    assert.ok(txs.length > 0, 'a page of transactions is empty');
    for (const tx of txs) checkTx(journal, tx, touched);
  }
  assert.equal(journal.checkedTo, last);
  const [missing] = journal.acknowledged.keys();
  assert.equal(missing, undefined, `transaction ${missing} was acknowledged and is not there`);
  // What was not found by now never happened.
  journal.unknown.clear();
  return touched;
}

function checkTx(journal: Journal, tx: pb.Tx, touched: Touched): void {
  const header = txHeaderFromMessage(tx.header);
  const txId = journal.checkedTo + 1;
  assert.equal(header.id, txId, 'transactions are not consecutive');
  assert.ok(
    Buffer.from(header.prevAlh).equals(journal.checkedAlh),
    `transaction ${txId} does not follow the one before it`,
  );
  assert.equal(tx.entries.length, header.nentries);
  const digests = tx.entries.map(({ key, hValue, metadata }) => {
    const encoded = encodeKvMetadata(kvMetadataFromMessage(metadata));
    return entryDigest(header.version, encoded, key, hValue);
  });
  assert.ok(
    hashTreeRoot(Buffer.concat(digests)).equals(header.eH),
    `the entries of transaction ${txId} do not match its header`,
  );
  const alh = alhOf(header);
  const known = journal.acknowledged.get(txId);
  if (known !== undefined) {
    assert.ok(known.alh.equals(alh), `transaction ${txId} is not the one acknowledged`);
    const difference = differenceOf(known.write.entriesAt(txId), tx.entries);
    assert.equal(difference, undefined, `transaction ${txId} (${known.write.method})`);
  }
  const write = known?.write ?? takeUnknown(journal, txId, tx.entries);
  assert.ok(write, `transaction ${txId} was written by nobody`);
  journal.acknowledged.delete(txId);
  journal.checkedTo = txId;
  journal.checkedAlh = alh;
  for (const entry of write.entriesAt(txId)) note(journal, txId, entry, touched);
}

function differenceOf(
  expected: readonly ExpectedEntry[],
  found: readonly pb.TxEntry[],
): string | undefined {
  if (expected.length !== found.length) return `${found.length} entries, not ${expected.length}`;
  const at = expected.findIndex(({ rawKey, hValue, deleted = false }, i) => {
    const { key, hValue: hash, metadata } = found[i] as pb.TxEntry;
    return !rawKey.equals(key) || !hValue.equals(hash) || (metadata?.deleted ?? false) !== deleted;
  });
  return at === -1 ? undefined : `entry ${at} differs`;
}

/** Finds and uses up the write without an answer that became this transaction. */
function takeUnknown(
  journal: Journal,
  txId: number,
  entries: readonly pb.TxEntry[],
): Write | undefined {
  for (const write of journal.unknown) {
    if (differenceOf(write.entriesAt(txId), entries) !== undefined) continue;
    journal.unknown.delete(write);
    return write;
  }
  return undefined;
}

function note(journal: Journal, txId: number, entry: ExpectedEntry, touched: Touched): void {
  if (entry.rawKey[0] === SORTED_SET_PREFIX) {
    const parsed = parseSortedSetKey(entry.rawKey);
    assert.ok(parsed);
    const set = text(parsed.set);
    journal.sets.set(set, (journal.sets.get(set) ?? 0) + 1);
    touched.sets.add(set);
    return;
  }
  const key = text(entry.rawKey.subarray(1));
  const revision = (journal.keys.get(key)?.revision ?? 0) + 1;
  journal.keys.set(key, { txId, entry, revision });
  touched.keys.add(key);
}

/** Reads a transaction with its proof from the state that is trusted. */
export async function verifiedTx(
  client: GrpcClient,
  txId: number,
  trust: Trust,
): Promise<ReturnType<typeof verifyTxById>> {
  const request = { tx: txId, proveSinceTx: trust.state.txId };
  const answer = await client.call('VerifiableTxById', request);
  return verifyTxById(
    txId,
    {
      header: txHeaderFromMessage(answer.tx?.header),
      entries: (answer.tx?.entries ?? []).map(({ key, hValue, metadata }) => ({
        rawKey: key,
        hValue,
        metadata: kvMetadataFromMessage(metadata),
      })),
      dualProof: dualProofFromMessage(answer.dualProof),
      signature: signatureFromMessage(answer.signature)?.signature,
    },
    trust,
  );
}

/** Every client can go on from the state that it trusts. */
async function checkTrusts(client: GrpcClient, journal: Journal, txId: number): Promise<void> {
  if (txId === 0) return;
  for (const [i, trust] of journal.trusts.entries()) {
    const verdict = await verifiedTx(client, txId, trust);
    assert.ok(
      verdict.ok,
      verdict.ok ? '' : `transaction ${trust.state.txId} is not provable: ${verdict.reason}`,
    );
    assert.ok(Buffer.from(verdict.state.txHash).equals(journal.checkedAlh));
    // The last client stays at its first state: its proof spans the whole history.
    const staysBehind = i === journal.trusts.length - 1 && trust.state.txId > 0;
    if (!staysBehind) journal.trusts[i] = { ...trust, state: verdict.state };
  }
}

interface Expected {
  /** Where the value stands. */
  readonly key: Buffer;
  readonly txId: number;
  readonly hValue: Buffer;
  /** 0 when it is not known: of a version that a bound reference leads to. */
  readonly revision: number;
  readonly referencedBy: KeyState | undefined;
}

/** What a read of a key must find; undefined when it must find nothing. */
function expectedOf(journal: Journal, key: string): Expected | undefined {
  const known = journal.keys.get(key);
  assert.ok(known);
  const { entry, txId, revision } = known;
  if (entry.deleted === true) return undefined;
  const { target } = entry;
  if (target === undefined) {
    const own = Buffer.from(key, 'latin1');
    return { key: own, txId, hValue: entry.hValue, revision, referencedBy: undefined };
  }
  const found = journal.keys.get(text(target.key));
  assert.ok(found);
  const { hValue } = found.entry;
  const at = target.atTx === 0 ? found.txId : target.atTx;
  return {
    key: target.key,
    txId: at,
    hValue,
    revision: target.atTx === 0 ? found.revision : 0,
    referencedBy: known,
  };
}

function checkEntry(entry: pb.Entry, expected: Expected, where: string): void {
  assert.ok(expected.key.equals(entry.key), `${where}: another key`);
  assert.equal(entry.tx, expected.txId, `${where}: another transaction`);
  const { target } = expected.referencedBy?.entry ?? {};
  assert.equal(entry.referencedBy?.tx, expected.referencedBy?.txId, `${where}: reference`);
  assert.equal(entry.referencedBy?.atTx, target?.atTx, `${where}: reference`);
  assert.equal(entry.revision, expected.revision, `${where}: revision`);
  assert.ok(
    sha256(rawValueOf(entry.value)).equals(expected.hValue),
    `${where}: the value of transaction ${entry.tx} differs`,
  );
}

async function checkKeys(
  client: GrpcClient,
  journal: Journal,
  keys: readonly string[],
): Promise<void> {
  for (let at = 0; at < keys.length; at += GET_ALL_KEYS) {
    const page = keys.slice(at, at + GET_ALL_KEYS);
    const expected = page.flatMap((key) => expectedOf(journal, key) ?? []);
    const request = { keys: page.map((key) => Buffer.from(key, 'latin1')) };
    const { entries } = await client.call('GetAll', request);
    assert.equal(entries.length, expected.length, 'GetAll: keys are missing, or were not deleted');
    for (const [i, entry] of entries.entries())
      checkEntry(entry, expected[i] as Expected, 'GetAll');
  }
}

/** Get, Get at the transaction, TxById, VerifiableGet. */
async function checkOneByOne(
  client: GrpcClient,
  journal: Journal,
  keys: readonly string[],
): Promise<void> {
  for (const name of keys) {
    const key = Buffer.from(name, 'latin1');
    const known = journal.keys.get(name) as KeyState;
    const expected = expectedOf(journal, name);
    const { txId } = known;
    if (expected === undefined) {
      await assert.rejects(client.call('Get', { key }), isKeyNotFound);
      await assert.rejects(client.call('Get', { key, atTx: txId }), isKeyNotFound);
    } else {
      checkEntry(await client.call('Get', { key }), expected, 'Get');
      const atTx = await client.call('Get', { key, atTx: txId });
      checkEntry(
        atTx,
        { ...expected, ...(expected.referencedBy ? {} : { revision: 0 }) },
        'Get at',
      );
      await checkVerifiableGet(client, journal, key);
    }
    const tx = await client.call('TxById', { tx: txId });
    const entry = tx.entries.find((candidate) => known.entry.rawKey.equals(candidate.key));
    assert.ok(
      entry && known.entry.hValue.equals(entry.hValue),
      `TxById: transaction ${txId} differs`,
    );
  }
}

function isKeyNotFound(error: unknown): boolean {
  return error instanceof CallError && error.details === 'key not found';
}

async function checkVerifiableGet(
  client: GrpcClient,
  journal: Journal,
  key: Buffer,
): Promise<void> {
  const trust = journal.trusts.at(-1);
  assert.ok(trust);
  const request = { keyRequest: { key }, proveSinceTx: trust.state.txId };
  const { entry, verifiableTx, inclusionProof } = await client.call('VerifiableGet', request);
  assert.ok(entry);
  const { referencedBy } = entry;
  const verdict = verifyGet(
    { key },
    {
      txId: entry.tx,
      key: entry.key,
      value: entry.value,
      metadata: kvMetadataFromMessage(entry.metadata),
      referencedBy: referencedBy && {
        txId: referencedBy.tx,
        key: referencedBy.key,
        atTx: referencedBy.atTx,
        metadata: kvMetadataFromMessage(referencedBy.metadata),
      },
      header: txHeaderFromMessage(verifiableTx?.tx?.header),
      inclusionProof: inclusionProofFromMessage(inclusionProof),
      dualProof: dualProofFromMessage(verifiableTx?.dualProof),
      signature: signatureFromMessage(verifiableTx?.signature)?.signature,
    },
    trust,
  );
  assert.ok(verdict.ok, verdict.ok ? '' : `VerifiableGet: ${verdict.reason}`);
}

async function checkSet(client: GrpcClient, journal: Journal, set: string): Promise<void> {
  let count = 0;
  let before = Number.NEGATIVE_INFINITY;
  for (let offset = 0; ; offset += PAGE_ELEMENTS) {
    const request = { set: Buffer.from(set, 'latin1'), limit: PAGE_ELEMENTS, offset };
    const { entries } = await client.call('ZScan', request);
    for (const { score, entry } of entries) {
      assert.ok(score >= before, 'ZScan: not in order');
      assert.ok(entry);
      const expected = expectedOf(journal, text(entry.key));
      assert.ok(expected);
      checkEntry(entry, expected, 'ZScan');
      before = score;
    }
    count += entries.length;
    if (entries.length < PAGE_ELEMENTS) break;
  }
  assert.equal(count, journal.sets.get(set), 'ZScan: elements are missing');
}

/** A page of a scan from a key by chance, so that the ordered index is looked at where it was merged. */
async function checkScan(client: GrpcClient, journal: Journal, random: Random): Promise<void> {
  const live = [...journal.keys.keys()].filter((key) => expectedOf(journal, key) !== undefined);
  live.sort((a, b) => (a < b ? -1 : 1));
  const start = random.below(live.length);
  const page = live.slice(start, start + PAGE_ELEMENTS);
  const request = {
    seekKey: Buffer.from(page[0] as string, 'latin1'),
    inclusiveSeek: true,
    limit: page.length,
  };
  const { entries } = await client.call('Scan', request);
  assert.equal(entries.length, page.length, 'Scan: the page is short');
  for (const [i, entry] of entries.entries()) {
    checkEntry(entry, expectedOf(journal, page[i] as string) as Expected, 'Scan');
  }
}
