import assert from 'node:assert/strict';
import type { pb } from '../../../src/wire/index.js';
import type { Element, RawEntry, Write } from '../support/model.js';
import type {
  Got,
  GotElement,
  HistoryArguments,
  ScanArguments,
  ZScanArguments,
} from '../support/sdk.js';
import type { Transport } from './transport.js';

export const bytes = (text: string): Buffer => Buffer.from(text);
const text = (raw: Uint8Array): string => Buffer.from(raw).toString();

export function gotFrom(entry: pb.Entry | undefined): Got {
  assert.ok(entry, 'no entry');
  const { tx, key, value, revision, referencedBy } = entry;
  const got = { tx, key: text(key), value: Buffer.from(value), revision };
  if (!referencedBy) return got;
  return { ...got, ref: { key: text(referencedBy.key), tx: referencedBy.tx } };
}

export function gotElement({ score, key, atTx, entry }: pb.ZEntry): GotElement {
  assert.ok(entry, 'an element without entry');
  return { score, key: text(key), atTx, value: Buffer.from(entry.value) };
}

export function rawEntries(tx: pb.Tx): RawEntry[] {
  assert.equal(tx.entries.length, tx.header?.nentries, 'entries of the transaction');
  return tx.entries.map(({ key, hValue }) => ({
    key: Buffer.from(key),
    hValue: Buffer.from(hValue),
  }));
}

/** The header of a write; it tells how many entries were written. */
export function writtenAs(header: pb.TxHeader | undefined, entries: number): number {
  assert.equal(header?.nentries, entries, 'nentries');
  return header.id;
}

export function referenceRequest(key: string, target: string, atTx: number) {
  return { key: bytes(key), referencedKey: bytes(target), atTx, boundRef: atTx > 0 };
}

export function zAddRequest(set: string, { score, key, atTx }: Element) {
  return { set: bytes(set), score, key: bytes(key), atTx, boundRef: atTx > 0 };
}

function operation(write: Write) {
  switch (write.kind) {
    case 'plain':
      return { operation: 'kv' as const, kv: { key: bytes(write.key), value: write.value } };
    case 'reference':
      return {
        operation: 'ref' as const,
        ref: referenceRequest(write.key, write.target, write.atTx),
      };
    case 'element':
      return { operation: 'zAdd' as const, zAdd: zAddRequest(write.set, write.element) };
    default:
      throw new TypeError(`no operation for ${write.kind}`);
  }
}

/** The calls that are one message and one answer, without a check, in every SDK acted out here. */
export abstract class PlainCalls {
  protected abstract readonly transport: Transport;
  /** Sent with history and zScan. */
  protected readonly sinceTx: number = 0;

  close(): void {
    this.transport.close();
  }

  set(key: string, value: Buffer): Promise<number> {
    return this.setAll([[key, value]]);
  }

  async setAll(kvs: readonly (readonly [string, Buffer])[]): Promise<number> {
    const KVs = kvs.map(([key, value]) => ({ key: bytes(key), value }));
    return writtenAs(await this.transport.call('Set', { KVs }), kvs.length);
  }

  async setReference(key: string, target: string, atTx: number): Promise<number> {
    const request = referenceRequest(key, target, atTx);
    return writtenAs(await this.transport.call('SetReference', request), 1);
  }

  async zAdd(set: string, element: Element): Promise<number> {
    return writtenAs(await this.transport.call('ZAdd', zAddRequest(set, element)), 1);
  }

  async execAll(writes: readonly Write[]): Promise<number> {
    const Operations = writes.map(operation);
    return writtenAs(await this.transport.call('ExecAll', { Operations }), writes.length);
  }

  async get(key: string): Promise<Got> {
    return gotFrom(await this.transport.call('Get', { key: bytes(key) }));
  }

  async getAt(key: string, atTx: number): Promise<Got> {
    return gotFrom(await this.transport.call('Get', { key: bytes(key), atTx }));
  }

  async getAll(keys: readonly string[]): Promise<Got[]> {
    const { entries } = await this.transport.call('GetAll', { keys: keys.map(bytes) });
    return entries.map(gotFrom);
  }

  async scan({ prefix, seekKey, desc, limit }: ScanArguments): Promise<Got[]> {
    const request = { prefix: bytes(prefix), seekKey: bytes(seekKey), desc, limit };
    return (await this.transport.call('Scan', request)).entries.map(gotFrom);
  }

  async zScan({ set, desc, limit, min, max }: ZScanArguments): Promise<GotElement[]> {
    const { entries } = await this.transport.call('ZScan', {
      set: bytes(set),
      desc,
      limit,
      sinceTx: this.sinceTx,
      ...(min !== undefined && { minScore: { score: min } }),
      ...(max !== undefined && { maxScore: { score: max } }),
    });
    return entries.map(gotElement);
  }

  async history({ key, offset, limit, desc }: HistoryArguments): Promise<Got[]> {
    const request = { key: bytes(key), offset, limit, desc, sinceTx: this.sinceTx };
    return (await this.transport.call('History', request)).entries.map(gotFrom);
  }

  async txById(tx: number): Promise<RawEntry[]> {
    return rawEntries(await this.transport.call('TxById', { tx }));
  }

  async txScan(
    initialTx: number,
    limit: number,
    desc: boolean,
  ): Promise<{ id: number; entries: RawEntry[] }[]> {
    const { txs } = await this.transport.call('TxScan', { initialTx, limit, desc });
    return txs.map((tx) => ({ id: tx.header?.id ?? 0, entries: rawEntries(tx) }));
  }
}
