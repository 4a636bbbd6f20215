import type { Element, Found, RawEntry, Write } from './model.js';

/** An answer for one key; what an SDK does not tell is left out. */
export type Got = Partial<Omit<Found, 'value'>> & { readonly value: Buffer };

export interface ScanArguments {
  readonly prefix: string;
  readonly seekKey: string;
  readonly desc: boolean;
  readonly limit: number;
}

export interface ZScanArguments {
  readonly set: string;
  readonly desc: boolean;
  readonly limit: number;
  readonly min?: number;
  readonly max?: number;
}

export interface HistoryArguments {
  readonly key: string;
  readonly offset: number;
  readonly limit: number;
  readonly desc: boolean;
}

/** One element; a value where the SDK gives it. */
export type GotElement = Element & { readonly value?: Buffer };

/**
 * What the suite calls: an SDK that has logged in and selected its database. Writes answer the id of
 * their transaction. What an SDK cannot do is absent.
 */
export interface Sdk {
  /** Ends the connection; the server may be gone. */
  close(): void;
  /** Transaction of the state that it keeps. */
  stateTx(): number;
  /** Answers to a few questions about the server; throws when one is not as it must be. */
  askServer(lastTx: number): Promise<void>;

  set(key: string, value: Buffer): Promise<number>;
  setAll(kvs: readonly (readonly [string, Buffer])[]): Promise<number>;
  verifiedSet(key: string, value: Buffer): Promise<number>;
  setReference(key: string, target: string, atTx: number): Promise<number>;
  verifiedSetReference(key: string, target: string, atTx: number): Promise<number>;
  zAdd(set: string, element: Element): Promise<number>;
  verifiedZAdd(set: string, element: Element): Promise<number>;
  execAll(writes: readonly Write[]): Promise<number>;
  delete?(keys: readonly string[]): Promise<number>;

  /** Fails when there is no value. */
  get(key: string): Promise<Got>;
  getAt?(key: string, atTx: number): Promise<Got>;
  getAtRevision?(key: string, revision: number): Promise<Got>;
  verifiedGet(key: string, atTx: number): Promise<Got>;
  getAll(keys: readonly string[]): Promise<Got[]>;
  scan(request: ScanArguments): Promise<Got[]>;
  zScan(request: ZScanArguments): Promise<GotElement[]>;
  history(request: HistoryArguments): Promise<Got[]>;
  txById(tx: number): Promise<RawEntry[]>;
  verifiedTxById(tx: number): Promise<RawEntry[]>;
  txScan(
    tx: number,
    limit: number,
    desc: boolean,
  ): Promise<{ readonly id: number; readonly entries: RawEntry[] }[]>;

  streamSet?(kvs: readonly (readonly [string, Buffer])[]): Promise<number>;
  streamGet?(key: string): Promise<Got>;
  streamScan?(prefix: string): Promise<Got[]>;
  streamZScan?(set: string): Promise<GotElement[]>;
  streamHistory?(key: string): Promise<Got[]>;
}

/** What this SDK is known to do differently, each for its reason. */
export interface Traits {
  /** Its verified zAdd sends a transaction without `boundRef`: refused by every server. */
  readonly boundZAddRefused: boolean;
  /** Its execAll can carry references only. */
  readonly execAllReferencesOnly: boolean;
  /** It cannot verify a reference that was written in another transaction than its value. */
  readonly referencesUnverifiable: boolean;
  /** It cannot compute the digest of an entry with metadata. */
  readonly metadataUnverifiable: boolean;
  /** Its verified reference does not move the state. */
  readonly verifiedReferenceKeepsState: boolean;
  /** Bytes of the longest value that its streams can write. */
  readonly streamValueMax: number;
}
