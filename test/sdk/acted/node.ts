// Acts out @codenotary/immudb-node 2.0.0-alpha.1, which is in no registry: sessions, header version 1
// alone, no state of its own (the program passes a reference to every verifiable call), and proofs
// checked without the linear one.

import assert from 'node:assert/strict';
import path from 'node:path';
import { pb } from '../../../src/wire/index.js';
import { type Element, type RawEntry, rawKey, rawValue, type Write } from '../support/model.js';
import { main, type Options } from '../support/program.js';
import type { Got, GotElement, Sdk } from '../support/sdk.js';
import { frame, framesOf, grouped } from './chunks.js';
import {
  alh,
  entryDigest,
  hash,
  kvMetadata,
  rootOf,
  type TxState,
  verifyConsistency,
  verifyInclusion,
  verifyLastInclusion,
} from './formulas.js';
import {
  bytes,
  gotFrom,
  PlainCalls,
  rawEntries,
  referenceRequest,
  writtenAs,
  zAddRequest,
} from './plain-calls.js';
import { StateFile } from './state-file.js';
import { Transport } from './transport.js';

const RAW = { action: pb.EntryTypeAction.RAW_VALUE };

class Node2 extends PlainCalls implements Sdk {
  protected readonly transport: Transport;
  private readonly database: string;
  /** What a program that uses this SDK has to keep by itself. */
  private readonly references: StateFile;

  constructor({ port, stateDir, database }: Options) {
    super();
    this.database = database;
    this.transport = new Transport(port);
    this.references = new StateFile(path.join(stateDir, 'reference'));
  }

  async logIn(create: boolean): Promise<void> {
    const open = async (databaseName: string): Promise<void> => {
      const login = { username: bytes('immudb'), password: bytes('immudb'), databaseName };
      const { sessionID, serverUUID } = await this.transport.call('OpenSession', login);
      this.transport.setHeader('sessionid', sessionID);
      this.transport.setHeader('immudb-uuid', serverUUID);
    };
    if (create) {
      await open('defaultdb');
      await this.transport.call('CreateDatabaseV2', { name: this.database });
      await this.transport.call('CloseSession', {});
    }
    await open(this.database);
  }

  async askServer(lastTx: number): Promise<void> {
    await this.transport.call('KeepAlive', {});
    const { txId, db } = await this.transport.call('CurrentState', {});
    assert.deepEqual({ txId, db }, { txId: lastTx, db: this.database });
    const { settings } = await this.transport.call('GetDatabaseSettingsV2', {});
    assert.equal(settings?.writeTxHeaderVersion?.value, 1);
    await this.transport.call('FlushIndex', { cleanupPercentage: 1 });
  }

  stateTx(): number {
    return this.references.get(this.database)?.id ?? 0;
  }

  private reference(): TxState {
    const kept = this.references.get(this.database);
    assert.ok(kept, 'no reference yet');
    return kept;
  }

  private async takeReference(): Promise<void> {
    const { txId, txHash } = await this.transport.call('CurrentState', {});
    this.references.set(this.database, { id: txId, alh: txHash });
  }

  /** What it calls the check of a transaction against a reference. */
  private checkTx(answer: pb.VerifiableTx, reference: TxState): void {
    const header = answer.tx?.header;
    const { sourceTxHeader: s, targetTxHeader: t } = answer.dualProof ?? {};
    assert.ok(header && s && t && answer.dualProof, 'an incomplete answer');
    const { inclusionProof, consistencyProof, lastInclusionProof } = answer.dualProof;
    assert.ok(reference.id > 1, 'it refuses a reference to the first transaction');
    // It hashes id - 1 without looking at the field.
    assert.deepEqual([s.blTxId, t.blTxId, header.version], [s.id - 1, t.id - 1, 1]);
    const known = header.id <= reference.id ? t : s;
    assert.deepEqual([known.id, alh(known, 1)], [reference.id, Buffer.from(reference.alh)]);
    // The leaf with number id - 1 is what the header calls prevAlh.
    if (t.id > 1) assert.ok(verifyLastInclusion(lastInclusionProof, t.prevAlh, t.blRoot), 'last');
    if (header.id > reference.id) {
      const grown = verifyConsistency(consistencyProof, s.id - 1, t.id - 1, s.blRoot, t.blRoot);
      assert.ok(grown, 'consistency proof');
      assert.deepEqual(alh(t, 1), alh(header, 1));
    } else if (header.id === reference.id - 1) {
      assert.deepEqual(alh(header, 1), Buffer.from(t.prevAlh), 'direct neighbours');
    } else if (header.id < reference.id) {
      const included = verifyInclusion(inclusionProof, s.id - 1, t.id - 1, alh(s, 1), t.blRoot);
      assert.ok(included, 'inclusion proof');
      assert.deepEqual(alh(s, 1), alh(header, 1));
    }
    const newest = header.id > reference.id ? header : t;
    this.references.set(this.database, { id: newest.id, alh: alh(newest, 1) });
  }

  private checkWrite(answer: pb.VerifiableTx, write: Write, reference: TxState): number {
    const tx = writtenAs(answer.tx?.header, 1);
    const digest = entryDigest(1, rawKey(write), hash(rawValue(write)));
    assert.deepEqual(rootOf([digest]), Buffer.from(answer.tx?.header?.eH ?? []), 'root');
    this.checkTx(answer, reference);
    return tx;
  }

  async verifiedSet(key: string, value: Buffer): Promise<number> {
    // From transaction 0 or 1 it cannot verify, so a program begins with plain writes.
    if (this.stateTx() < 2) {
      const tx = await this.set(key, value);
      await this.takeReference();
      return tx;
    }
    const reference = this.reference();
    const setRequest = { KVs: [{ key: bytes(key), value }] };
    const request = { setRequest, proveSinceTx: reference.id };
    const answer = await this.transport.call('VerifiableSet', request);
    return this.checkWrite(answer, { kind: 'plain', key, value }, reference);
  }

  async verifiedSetReference(key: string, target: string, atTx: number): Promise<number> {
    const reference = this.reference();
    const answer = await this.transport.call('VerifiableSetReference', {
      referenceRequest: referenceRequest(key, target, atTx),
      proveSinceTx: reference.id,
    });
    return this.checkWrite(answer, { kind: 'reference', key, target, atTx }, reference);
  }

  async verifiedZAdd(set: string, element: Element): Promise<number> {
    const reference = this.reference();
    const request = { zAddRequest: zAddRequest(set, element), proveSinceTx: reference.id };
    const answer = await this.transport.call('VerifiableZAdd', request);
    return this.checkWrite(answer, { kind: 'element', set, element }, reference);
  }

  async verifiedGet(key: string, atTx: number): Promise<Got> {
    const reference = this.reference();
    const { entry, verifiableTx } = await this.transport.call('VerifiableGet', {
      keyRequest: { key: bytes(key), atTx },
      proveSinceTx: reference.id,
    });
    assert.ok(entry && verifiableTx?.tx?.header);
    const value = Buffer.from(entry.value);
    const target = Buffer.from(entry.key).toString();
    const write: Write = entry.referencedBy
      ? { kind: 'reference', key, target, atTx: entry.referencedBy.atTx }
      : { kind: 'plain', key, value };
    const expected = { key: rawKey(write), hValue: hash(rawValue(write)) };
    const entries = rawEntries(verifiableTx.tx);
    assert.ok(
      entries.some((one) => one.key.equals(expected.key) && one.hValue.equals(expected.hValue)),
    );
    assert.deepEqual(this.rootOfEntries(verifiableTx.tx), Buffer.from(verifiableTx.tx.header.eH));
    this.checkTx(verifiableTx, reference);
    return gotFrom(entry);
  }

  private rootOfEntries({ entries }: pb.Tx): Buffer {
    return rootOf(
      entries.map(({ key, hValue, metadata }) => entryDigest(1, key, hValue, kvMetadata(metadata))),
    );
  }

  async verifiedTxById(tx: number): Promise<RawEntry[]> {
    const reference = this.reference();
    const answer = await this.transport.call('VerifiableTxById', {
      tx,
      proveSinceTx: reference.id,
      entriesSpec: { kvEntriesSpec: RAW, zEntriesSpec: RAW, sqlEntriesSpec: RAW },
      keepReferencesUnresolved: true,
    });
    assert.ok(answer.tx?.header);
    assert.deepEqual(this.rootOfEntries(answer.tx), Buffer.from(answer.tx.header.eH));
    for (const { value, hValue } of answer.tx.entries) {
      assert.deepEqual(hash(value), Buffer.from(hValue), 'raw value of an entry');
    }
    this.checkTx(answer, reference);
    return rawEntries(answer.tx);
  }

  async delete(keys: readonly string[]): Promise<number> {
    const header = await this.transport.call('Delete', { keys: keys.map(bytes) });
    return writtenAs(header, keys.length);
  }

  async getAtRevision(key: string, atRevision: number): Promise<Got> {
    return gotFrom(await this.transport.call('Get', { key: bytes(key), atRevision }));
  }

  /** One chunk for each pair, of any size, with both frames in it. */
  async streamSet(kvs: readonly (readonly [string, Buffer])[]): Promise<number> {
    const chunks = kvs.map(([key, value]) => Buffer.concat([frame(bytes(key)), frame(value)]));
    return writtenAs(await this.transport.write('streamSet', chunks), kvs.length);
  }

  async streamGet(key: string): Promise<Got> {
    const [name, value] = framesOf(await this.transport.read('streamGet', { key: bytes(key) }));
    assert.ok(name && value);
    return { key: name.toString(), value };
  }

  async streamScan(prefix: string): Promise<Got[]> {
    const chunks = await this.transport.read('streamScan', { prefix: bytes(prefix) });
    return grouped(framesOf(chunks), 2).map(([key, value]) => {
      assert.ok(key && value);
      return { key: key.toString(), value };
    });
  }

  async streamHistory(key: string): Promise<Got[]> {
    const chunks = await this.transport.read('streamHistory', { key: bytes(key) });
    return grouped(framesOf(chunks), 2).map(([name, value]) => {
      assert.ok(name && value);
      return { key: name.toString(), value };
    });
  }

  async streamZScan(set: string): Promise<GotElement[]> {
    const chunks = await this.transport.read('streamZScan', { set: bytes(set) });
    return grouped(framesOf(chunks), 5).map(([, key, score, atTx, value]) => {
      assert.ok(key && score && atTx && value);
      const element = { score: score.readDoubleBE(), key: key.toString() };
      return { ...element, atTx: Number(atTx.readBigUInt64BE()), value };
    });
  }
}

async function connect(options: Options, create: boolean): Promise<Sdk> {
  const sdk = new Node2(options);
  await sdk.logIn(create);
  return sdk;
}

await main('node (acted)', connect, () => ({
  boundZAddRefused: false,
  execAllReferencesOnly: false,
  referencesUnverifiable: false,
  metadataUnverifiable: false,
  verifiedReferenceKeepsState: false,
  streamValueMax: 200_000,
}));
