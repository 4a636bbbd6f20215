// The suite on the released npm package immudb-node 1.1.1: tokens, header version 0, text only.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Element, RawEntry, Write } from '../support/model.js';
import { main, type Options } from '../support/program.js';
import type {
  Got,
  GotElement,
  HistoryArguments,
  ScanArguments,
  Sdk,
  ZScanArguments,
} from '../support/sdk.js';

interface NodeEntry {
  readonly tx: number;
  readonly key: string;
  readonly value: string;
  readonly referencedby?: { readonly key: string; readonly tx: number };
}

interface NodeTx {
  readonly metadata: { readonly id: number; readonly nentries: number };
  /** Base64. */
  readonly entriesList: readonly { readonly key: string; readonly hvalue: string }[];
}

type Header = { readonly id: number; readonly nentries: number };
type Entries = { readonly entriesList: readonly NodeEntry[] };

/** What is used of the package's client. */
interface NodeClient {
  readonly state: {
    readonly servers: Record<string, Record<string, { readonly txid: number }>>;
  };
  readonly client: { close(): void };
  login(r: { user: string; password: string }): Promise<{ token: string; warning: string }>;
  createDatabase(r: { databasename: string }): Promise<unknown>;
  useDatabase(r: { databasename: string }): Promise<unknown>;
  listDatabases(): Promise<{ databasesList: { databasename: string }[] }>;
  health(): Promise<{ status: boolean; version: string }>;
  count(r: { prefix: string }): Promise<{ count: number }>;
  set(r: { key: string; value: string }): Promise<Header>;
  setAll(r: { kvsList: { key: string; value: string }[] }): Promise<Header>;
  verifiedSet(r: { key: string; value: string }): Promise<Header>;
  setReferenceAt(r: { key: string; referencedKey: string; attx: number }): Promise<Header>;
  verifiedSetReferenceAt(r: { key: string; referencedKey: string; attx: number }): Promise<Header>;
  zAddAt(r: { set: string; score: number; key: string; attx: number }): Promise<Header>;
  verifiedZAddAt(r: { set: string; score: number; key: string; attx: number }): Promise<Header>;
  execAll(r: { operationsList: unknown[] }): Promise<Header>;
  get(r: { key: string }): Promise<NodeEntry>;
  getAll(r: { keysList: string[]; sincetx: number }): Promise<Entries>;
  verifiedGet(r: { key: string; attx?: number }): Promise<NodeEntry>;
  scan(r: object): Promise<Entries>;
  zScan(r: object): Promise<{ entriesList: { key: string; score: number; attx: number }[] }>;
  history(r: object): Promise<Entries>;
  txById(r: { tx: number }): Promise<NodeTx>;
  verifiedTxById(r: { tx: number }): Promise<NodeTx>;
  txScan(r: { initialtx: number; limit: number; desc: boolean }): Promise<{ txsList: NodeTx[] }>;
}

function gotFrom({ tx, key, value }: NodeEntry): Got {
  return { tx, key, value: Buffer.from(value) };
}

function entriesOf(tx: NodeTx): RawEntry[] {
  assert.equal(tx.metadata.nentries, tx.entriesList.length);
  return tx.entriesList.map(({ key, hvalue }) => ({
    key: Buffer.from(key, 'base64'),
    hValue: Buffer.from(hvalue, 'base64'),
  }));
}

/** A failed verification rejects with nothing at all. */
async function told<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error ?? new Error('verification failed');
  }
}

async function writtenBy(call: Promise<Header>): Promise<number> {
  return (await told(call)).id;
}

class ImmudbNode implements Sdk {
  private readonly client: NodeClient;
  private readonly database: string;

  constructor(client: NodeClient, database: string) {
    this.client = client;
    this.database = database;
  }

  close(): void {
    this.client.client.close();
  }

  stateTx(): number {
    // It waits for the server's uuid under a wrong name: every server is called "undefined".
    return this.client.state.servers.undefined?.[this.database]?.txid ?? 0;
  }

  async askServer(): Promise<void> {
    const { status, version } = await this.client.health();
    assert.ok(status && /^\d+\.\d+\.\d+$/.test(version), version);
    const { databasesList } = await this.client.listDatabases();
    assert.ok(databasesList.some(({ databasename }) => databasename === this.database));
    assert.ok((await this.client.count({ prefix: 'k' })).count >= 0);
  }

  set(key: string, value: Buffer): Promise<number> {
    return writtenBy(this.client.set({ key, value: value.toString() }));
  }

  setAll(kvs: readonly (readonly [string, Buffer])[]): Promise<number> {
    const kvsList = kvs.map(([key, value]) => ({ key, value: value.toString() }));
    return writtenBy(this.client.setAll({ kvsList }));
  }

  verifiedSet(key: string, value: Buffer): Promise<number> {
    return writtenBy(this.client.verifiedSet({ key, value: value.toString() }));
  }

  setReference(key: string, referencedKey: string, attx: number): Promise<number> {
    return writtenBy(this.client.setReferenceAt({ key, referencedKey, attx }));
  }

  verifiedSetReference(key: string, referencedKey: string, attx: number): Promise<number> {
    return writtenBy(this.client.verifiedSetReferenceAt({ key, referencedKey, attx }));
  }

  zAdd(set: string, { score, key, atTx }: Element): Promise<number> {
    return writtenBy(this.client.zAddAt({ set, score, key, attx: atTx }));
  }

  verifiedZAdd(set: string, { score, key, atTx }: Element): Promise<number> {
    return writtenBy(this.client.verifiedZAddAt({ set, score, key, attx: atTx }));
  }

  execAll(writes: readonly Write[]): Promise<number> {
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const operationsList = writes.map((write) => {
      if (write.kind !== 'reference') throw new TypeError('only references arrive');
      const { key, target, atTx } = write;
      const ref = { key: base64(key), referencedkey: base64(target), attx: atTx };
      return { ref: { ...ref, boundref: atTx > 0 } };
    });
    return writtenBy(this.client.execAll({ operationsList }));
  }

  async get(key: string): Promise<Got> {
    return gotFrom(await this.client.get({ key }));
  }

  async verifiedGet(key: string, atTx: number): Promise<Got> {
    const request = atTx > 0 ? { key, attx: atTx } : { key };
    const { tx, referencedby, ...entry } = await told(this.client.verifiedGet(request));
    // Its `tx` is the transaction that was proved.
    const value = Buffer.from(entry.value);
    if (!referencedby) return { tx, key: entry.key, value };
    assert.equal(tx, referencedby.tx);
    const ref = { key: Buffer.from(referencedby.key, 'base64').toString(), tx };
    return { key: entry.key, value, ref };
  }

  async getAll(keys: readonly string[]): Promise<Got[]> {
    const { entriesList } = await this.client.getAll({ keysList: [...keys], sincetx: 0 });
    return entriesList.map(gotFrom);
  }

  async scan({ prefix, seekKey, desc, limit }: ScanArguments): Promise<Got[]> {
    const request = { prefix, seekkey: seekKey, desc, limit };
    return (await this.client.scan(request)).entriesList.map(gotFrom);
  }

  async zScan({ set, desc, limit, min, max }: ZScanArguments): Promise<GotElement[]> {
    const { entriesList } = await this.client.zScan({
      set,
      desc,
      limit,
      ...(min !== undefined && { minscore: { score: min } }),
      ...(max !== undefined && { maxscore: { score: max } }),
    });
    return entriesList.map(({ score, key, attx }) => ({ score, key, atTx: attx }));
  }

  async history(request: HistoryArguments): Promise<Got[]> {
    return (await this.client.history(request)).entriesList.map(gotFrom);
  }

  async txById(tx: number): Promise<RawEntry[]> {
    return entriesOf(await this.client.txById({ tx }));
  }

  async verifiedTxById(tx: number): Promise<RawEntry[]> {
    return entriesOf(await told(this.client.verifiedTxById({ tx })));
  }

  async txScan(
    tx: number,
    limit: number,
    desc: boolean,
  ): Promise<{ id: number; entries: RawEntry[] }[]> {
    const { txsList } = await this.client.txScan({ initialtx: tx, limit, desc });
    return txsList.map((one) => ({ id: one.metadata.id, entries: entriesOf(one) }));
  }
}

interface NodePackage {
  readonly default: {
    /** The only one there can be. */
    instance: NodeClient | undefined;
    new (config: object): NodeClient;
    getInstance(config: object): Promise<NodeClient>;
  };
}

async function connect(options: Options, create: boolean): Promise<Sdk> {
  const load = createRequire(import.meta.url);
  const { default: Client } = load(options.module) as NodePackage;
  const { port, database, stateDir } = options;
  const config = { host: '127.0.0.1', port, rootPath: path.join(stateDir, 'root') };
  const user = { user: 'immudb', password: 'immudb' };
  if (database === 'defaultdb') {
    // As its documentation shows it: logs in and selects the database by itself.
    Client.instance = undefined;
    return new ImmudbNode(await Client.getInstance({ ...config, ...user, database }), database);
  }
  const client = new Client(config);
  await client.health();
  await client.login(user);
  if (create) await client.createDatabase({ databasename: database });
  await client.useDatabase({ databasename: database });
  return new ImmudbNode(client, database);
}

await main('node', connect, () => ({
  // It does send boundRef.
  boundZAddRefused: false,
  execAllReferencesOnly: true,
  referencesUnverifiable: false,
  metadataUnverifiable: false,
  verifiedReferenceKeepsState: false,
  streamValueMax: 0,
}));
