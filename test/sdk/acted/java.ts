// Acts out immudb4j 0.9.0.5, 0.10.2 and 1.0.1, which are in no registry: sends what they send and
// checks what they check, state signatures included.

import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { pb } from '../../../src/wire/index.js';
import { type Element, type RawEntry, rawKey, rawValue, type Write } from '../support/model.js';
import { main, type Options } from '../support/program.js';
import type { Got, GotElement, ScanArguments, Sdk, ZScanArguments } from '../support/sdk.js';
import { chunksOf, framesOf, grouped } from './chunks.js';
import {
  alh,
  EMPTY_HASH,
  entryDigest,
  faultOfDualProof,
  hash,
  kvMetadata,
  rootOf,
  type TxState,
  uint,
  verifyInclusion,
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

const LOGIN = { user: bytes('immudb'), password: bytes('immudb') };

/** immudb4j 0.9: tokens and header version 0. What came later is in the classes below. */
class Java09 extends PlainCalls implements Sdk {
  protected readonly transport: Transport;
  protected readonly options: Options;
  /** It asks for transaction 1 where the caller asks for none. */
  protected override readonly sinceTx: number = 1;
  private readonly states: StateFile;

  constructor(options: Options) {
    super();
    this.options = options;
    this.transport = new Transport(options.port);
    this.states = new StateFile(path.join(options.stateDir, 'states'));
  }

  async logIn(create: boolean): Promise<void> {
    const { database } = this.options;
    const { token } = await this.transport.call('Login', LOGIN);
    this.transport.setHeader('authorization', `Bearer ${token}`);
    const databaseName = { databaseName: database };
    if (create) await this.transport.call('CreateDatabase', databaseName);
    // Without this the token of Login has to be good for defaultdb.
    if (database === 'defaultdb') return;
    const used = await this.transport.call('UseDatabase', databaseName);
    this.transport.setHeader('authorization', `Bearer ${used.token}`);
  }

  async askServer(): Promise<void> {
    const { status, version } = await this.transport.call('Health', {});
    assert.ok(status && /^\d+\.\d+\.\d+$/.test(version));
    await this.transport.call('CleanIndex', {});
    const { databases } = await this.transport.call('DatabaseList', {});
    assert.ok(databases.some(({ databaseName }) => databaseName === this.options.database));
  }

  protected stateName(): string {
    return `${this.transport.serverUuid}_${this.options.database}`;
  }

  stateTx(): number {
    return this.states.get(this.stateName())?.id ?? 0;
  }

  protected async state(): Promise<TxState> {
    const kept = this.states.get(this.stateName());
    if (kept) return kept;
    const current = await this.transport.call('CurrentState', {});
    if (current.txId === 0) assert.deepEqual(Buffer.from(current.txHash), EMPTY_HASH);
    this.checkCurrent(current);
    const state = { id: current.txId, alh: Buffer.from(current.txHash) };
    this.states.set(this.stateName(), state);
    return state;
  }

  protected checkCurrent(_state: pb.ImmutableState): void {}

  protected checkSignature(_state: TxState, _signature: pb.Signature | undefined): void {}

  private moveTo(state: TxState, signature: pb.Signature | undefined): void {
    this.checkSignature(state, signature);
    this.states.set(this.stateName(), state);
  }

  private rootOfEntries(tx: pb.Tx): Buffer {
    const { headerVersion } = this.options;
    return rootOf(
      tx.entries.map(({ key, hValue, metadata }) =>
        entryDigest(headerVersion, key, hValue, kvMetadata(metadata)),
      ),
    );
  }

  private prove(proof: pb.DualProof | undefined, source: TxState, target: TxState): void {
    const advance = proof?.LinearAdvanceProof;
    assert.ok(
      !advance || advance.linearProofTerms.length === 0,
      'it cannot take a linear advance proof',
    );
    assert.equal(faultOfDualProof(proof, source, target, this.options.headerVersion), undefined);
  }

  /** The transaction holds the write and nothing else; returns its header. */
  private checkWritten(answer: pb.VerifiableTx, write: Write): pb.TxHeader {
    const { tx, dualProof } = answer;
    assert.ok(tx?.header, 'no transaction');
    writtenAs(tx.header, 1);
    assert.equal(tx.header.version, this.options.headerVersion, 'header version');
    assert.equal(tx.header.metadata, undefined, 'metadata of the header');
    assert.deepEqual(rawEntries(tx), [{ key: rawKey(write), hValue: hash(rawValue(write)) }]);
    const root = this.rootOfEntries(tx);
    assert.deepEqual(root, Buffer.from(tx.header.eH), 'root of the entries');
    assert.deepEqual(root, Buffer.from(dualProof?.targetTxHeader?.eH ?? []), 'root in the proof');
    return tx.header;
  }

  private async checkWrite(answer: pb.VerifiableTx, write: Write, state: TxState): Promise<number> {
    const header = this.checkWritten(answer, write);
    const target = { id: header.id, alh: alh(header, this.options.headerVersion) };
    if (state.id > 0) this.prove(answer.dualProof, state, target);
    this.moveTo(target, answer.signature);
    return target.id;
  }

  async verifiedSet(key: string, value: Buffer): Promise<number> {
    const state = await this.state();
    const answer = await this.transport.call('VerifiableSet', {
      setRequest: { KVs: [{ key: bytes(key), value }] },
      proveSinceTx: state.id,
    });
    return this.checkWrite(answer, { kind: 'plain', key, value }, state);
  }

  /**
   * It throws whenever the two roots are equal, by an inverted test. So they have to be equal, the
   * write is there, and the state stays where it was.
   */
  async verifiedSetReference(key: string, target: string, atTx: number): Promise<number> {
    const state = await this.state();
    const answer = await this.transport.call('VerifiableSetReference', {
      referenceRequest: referenceRequest(key, target, atTx),
      proveSinceTx: state.id,
    });
    return this.checkWritten(answer, { kind: 'reference', key, target, atTx }).id;
  }

  protected verifiedZAddRequest(set: string, element: Element) {
    return { ...zAddRequest(set, element), boundRef: false };
  }

  async verifiedZAdd(set: string, element: Element): Promise<number> {
    const state = await this.state();
    const answer = await this.transport.call('VerifiableZAdd', {
      zAddRequest: this.verifiedZAddRequest(set, element),
      proveSinceTx: state.id,
    });
    return this.checkWrite(answer, { kind: 'element', set, element }, state);
  }

  /** The transaction that a verified get proves. */
  protected provedTx(entry: pb.Entry, _atTx: number): number {
    return entry.referencedBy?.tx ?? entry.tx;
  }

  async verifiedGet(key: string, atTx: number): Promise<Got> {
    const state = await this.state();
    const answer = await this.transport.call('VerifiableGet', {
      keyRequest: { key: bytes(key), atTx },
      proveSinceTx: state.id,
    });
    const { entry, verifiableTx, inclusionProof: inclusion } = answer;
    assert.ok(entry && verifiableTx?.dualProof && inclusion, 'an incomplete answer');
    assert.deepEqual(Buffer.from(entry.referencedBy?.key ?? entry.key), bytes(key));
    assert.equal(entry.metadata, undefined, 'metadata of an entry without any');
    const { dualProof } = verifiableTx;
    const proved = this.provedTx(entry, atTx);
    const isTarget = state.id <= proved;
    const header = isTarget ? dualProof.targetTxHeader : dualProof.sourceTxHeader;
    assert.ok(header, 'no header');
    const version = this.options.headerVersion;
    const write = { key, value: Buffer.from(entry.value), target: '', atTx: 0 };
    const written: Write = entry.referencedBy
      ? {
          ...write,
          kind: 'reference',
          target: Buffer.from(entry.key).toString(),
          atTx: entry.referencedBy.atTx,
        }
      : { ...write, kind: 'plain' };
    const digest = entryDigest(version, rawKey(written), hash(rawValue(written)));
    const { leaf, width, terms } = inclusion;
    assert.ok(verifyInclusion(terms, leaf, width, digest, header.eH), 'inclusion proof');
    const at = { id: proved, alh: alh(header, version) };
    this.advance(state, at, verifiableTx);
    return gotFrom(entry);
  }

  /** Proves that the state and a transaction are of one chain; the later one is the new state. */
  private advance(state: TxState, at: TxState, answer: pb.VerifiableTx): void {
    const [source, target] = state.id <= at.id ? [state, at] : [at, state];
    if (state.id > 0) this.prove(answer.dualProof, source, target);
    this.moveTo(target, answer.signature);
  }

  async verifiedTxById(tx: number): Promise<RawEntry[]> {
    const state = await this.state();
    const answer = await this.transport.call('VerifiableTxById', { tx, proveSinceTx: state.id });
    assert.ok(answer.tx?.header, 'no transaction');
    const root = this.rootOfEntries(answer.tx);
    assert.deepEqual(root, Buffer.from(answer.tx.header.eH), 'root of the entries');
    const at = { id: tx, alh: alh(answer.tx.header, this.options.headerVersion) };
    this.advance(state, at, answer);
    return rawEntries(answer.tx);
  }
}

/** immudb4j 0.10: still tokens, but header version 1 alone, and signatures. */
class Java010 extends Java09 {
  private readonly publicKey: KeyObject = createPublicKey(readFileSync(this.options.publicKey));

  /** Its own check of this in verifiedGet reads the wrong bytes and always fails. */
  protected override checkSignature({ id, alh }: TxState, signature: pb.Signature | undefined) {
    const name = bytes(this.options.database);
    const signed = Buffer.concat([uint(name.length, 4), name, uint(id, 8), alh]);
    assert.ok(signature, 'no signature');
    assert.ok(verify('sha256', signed, this.publicKey, signature.signature), 'signature');
  }

  protected override checkCurrent({ db, txId, txHash, signature }: pb.ImmutableState): void {
    assert.equal(db, this.options.database, 'database mismatch');
    this.checkSignature({ id: txId, alh: txHash }, signature);
  }

  protected override verifiedZAddRequest(set: string, element: Element) {
    return zAddRequest(set, element);
  }

  /** Also for a reference, which therefore has to be in the same transaction. */
  protected override provedTx(entry: pb.Entry, atTx: number): number {
    if (atTx > 0) assert.equal(entry.tx, atTx);
    return entry.tx;
  }
}

/** immudb4j 1.0: sessions, streams, deletion. */
class Java10 extends Java010 {
  protected override readonly sinceTx = 0;

  override async logIn(create: boolean): Promise<void> {
    const { database } = this.options;
    const open = async (databaseName: string): Promise<void> => {
      const { user: username, password } = LOGIN;
      const request = { username, password, databaseName };
      const { sessionID } = await this.transport.call('OpenSession', request);
      this.transport.setHeader('sessionid', sessionID);
      // At once, then every 60 seconds.
      await this.transport.call('KeepAlive', {});
    };
    if (create) {
      await open('defaultdb');
      await this.transport.call('CreateDatabaseV2', { name: database });
      await this.transport.call('CloseSession', {});
    }
    await open(database);
  }

  override async askServer(): Promise<void> {
    assert.match((await this.transport.call('ServerInfo', {})).version, /^\d+\.\d+\.\d+$/);
    await this.transport.call('KeepAlive', {});
    const { databases } = await this.transport.call('DatabaseListV2', {});
    assert.ok(databases.some(({ name, loaded }) => name === this.options.database && loaded));
  }

  protected override stateName(): string {
    return this.options.database;
  }

  async delete(keys: readonly string[]): Promise<number> {
    const header = await this.transport.call('Delete', { keys: keys.map(bytes) });
    return writtenAs(header, keys.length);
  }

  async getAtRevision(key: string, atRevision: number): Promise<Got> {
    return gotFrom(await this.transport.call('Get', { key: bytes(key), atRevision }));
  }

  override async scan({ prefix, seekKey, desc, limit }: ScanArguments): Promise<Got[]> {
    const request = {
      prefix: bytes(prefix),
      seekKey: bytes(seekKey),
      endKey: bytes(''),
      desc,
      limit,
      inclusiveSeek: seekKey === '',
      inclusiveEnd: true,
    };
    return (await this.transport.call('Scan', request)).entries.map(gotFrom);
  }

  /** With bounds it sends no limit. */
  override async zScan(request: ZScanArguments): Promise<GotElement[]> {
    const bounded = request.min !== undefined || request.max !== undefined;
    const all = await super.zScan(bounded ? { ...request, limit: 0 } : request);
    return request.limit > 0 ? all.slice(0, request.limit) : all;
  }

  streamSet(kvs: readonly (readonly [string, Buffer])[]): Promise<number> {
    const frames = kvs.flatMap(([key, value]) => [bytes(key), value]);
    const written = this.transport.write('streamSet', chunksOf(frames));
    return written.then((header) => writtenAs(header, kvs.length));
  }

  async streamGet(key: string): Promise<Got> {
    const frames = framesOf(await this.transport.read('streamGet', { key: bytes(key) }));
    const [got, ...more] = pairs(frames);
    assert.ok(got && more.length === 0);
    return got;
  }

  async streamScan(prefix: string): Promise<Got[]> {
    const request = { prefix: bytes(prefix), inclusiveSeek: true, inclusiveEnd: true };
    return pairs(framesOf(await this.transport.read('streamScan', request)));
  }

  async streamHistory(key: string): Promise<Got[]> {
    return pairs(framesOf(await this.transport.read('streamHistory', { key: bytes(key) })));
  }

  async streamZScan(set: string): Promise<GotElement[]> {
    const request = { set: bytes(set), inclusiveSeek: true };
    const frames = framesOf(await this.transport.read('streamZScan', request));
    return grouped(frames, 5).map(([name, key, score, atTx, value]) => {
      assert.ok(name && key && score && atTx && value);
      assert.equal(name.toString(), set);
      return {
        score: score.readDoubleBE(),
        key: key.toString(),
        atTx: Number(atTx.readBigUInt64BE()),
        value,
      };
    });
  }
}

function pairs(frames: readonly Buffer[]): Got[] {
  return grouped(frames, 2).map(([key, value]) => {
    assert.ok(key && value);
    return { key: key.toString(), value };
  });
}

async function connect(options: Options, create: boolean): Promise<Sdk> {
  const { release } = options;
  const Java = release.startsWith('0.9') ? Java09 : release.startsWith('0.10') ? Java010 : Java10;
  const sdk = new Java(options);
  await sdk.logIn(create);
  return sdk;
}

await main('java (acted)', connect, ({ release }) => {
  const is09 = release.startsWith('0.9');
  return {
    boundZAddRefused: is09,
    execAllReferencesOnly: false,
    referencesUnverifiable: !is09,
    metadataUnverifiable: !is09,
    verifiedReferenceKeepsState: true,
    // It cuts longer ones wrongly.
    streamValueMax: 65_528,
  };
});
