import { createHash } from 'node:crypto';

/** Keys and sets are ASCII text, so that comparing strings compares their bytes. */
export interface Element {
  readonly score: number;
  readonly key: string;
  /** 0 is unbound. */
  readonly atTx: number;
}

/** One entry of a transaction. */
export type Write =
  | { readonly kind: 'plain'; readonly key: string; readonly value: Buffer }
  | { readonly kind: 'expired'; readonly key: string; readonly value: Buffer }
  | { readonly kind: 'deleted'; readonly key: string }
  | {
      readonly kind: 'reference';
      readonly key: string;
      readonly target: string;
      /** 0 is unbound. */
      readonly atTx: number;
    }
  | { readonly kind: 'element'; readonly set: string; readonly element: Element };

export type KeyWrite = Exclude<Write, { kind: 'element' }>;

/** One write of a key. */
export interface Version {
  readonly tx: number;
  readonly write: KeyWrite;
}

/** What a read of a key answers. */
export interface Found {
  readonly tx: number;
  readonly key: string;
  readonly value: Buffer;
  /** From 1; 0 when it was read at a transaction. */
  readonly revision: number;
  /** The reference that was followed, with the transaction that wrote it. */
  readonly ref?: { readonly key: string; readonly tx: number };
}

export interface RawEntry {
  readonly key: Buffer;
  readonly hValue: Buffer;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function f64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
}

/** The value of a reference as History shows it. */
function referenceValue(target: string, atTx: number): Buffer {
  return Buffer.concat([u64(atTx), Buffer.of(0), Buffer.from(target)]);
}

export function rawKey(write: Write): Buffer {
  if (write.kind !== 'element') return Buffer.concat([Buffer.of(0), Buffer.from(write.key)]);
  const { score, key, atTx } = write.element;
  const [set, member] = [Buffer.from(write.set), Buffer.from(key)];
  return Buffer.concat([
    Buffer.of(1),
    u64(set.length),
    set,
    f64(score),
    u64(1 + member.length),
    Buffer.of(0),
    member,
    u64(atTx),
  ]);
}

export function rawValue(write: Write): Buffer {
  switch (write.kind) {
    case 'plain':
    case 'expired':
      return Buffer.concat([Buffer.of(0), write.value]);
    case 'reference':
      return Buffer.concat([Buffer.of(1), referenceValue(write.target, write.atTx)]);
    default:
      return Buffer.alloc(0);
  }
}

/** The value of a version as History shows it. */
export function shownValue({ write }: Version): Buffer {
  if (write.kind === 'plain') return write.value;
  if (write.kind === 'reference') return referenceValue(write.target, write.atTx);
  return Buffer.alloc(0);
}

export function compareElements(a: Element, b: Element): number {
  const text = (x: string, y: string): number => (x < y ? -1 : x > y ? 1 : 0);
  return a.score - b.score || a.key.length - b.key.length || text(a.key, b.key) || a.atTx - b.atTx;
}

/** All that was ever written to a database, and what each kind of read must answer from it. */
export class Model {
  readonly keys = new Map<string, Version[]>();
  readonly txs: Write[][] = [];
  private readonly sets = new Map<string, Map<string, Element>>();

  get last(): number {
    return this.txs.length;
  }

  /** Adds a transaction and returns the id that it must have. */
  commit(writes: Write[]): number {
    this.txs.push(writes);
    for (const write of writes) {
      if (write.kind === 'element') {
        const elements = this.sets.get(write.set) ?? new Map<string, Element>();
        this.sets.set(write.set, elements.set(JSON.stringify(write.element), write.element));
      } else {
        this.keys.set(write.key, [...this.versions(write.key), { tx: this.last, write }]);
      }
    }
    return this.last;
  }

  writesOf(tx: number): readonly Write[] {
    return this.txs[tx - 1] ?? [];
  }

  rawEntries(tx: number): RawEntry[] {
    return this.writesOf(tx).map((write) => ({
      key: rawKey(write),
      hValue: createHash('sha256').update(rawValue(write)).digest(),
    }));
  }

  versions(key: string): readonly Version[] {
    return this.keys.get(key) ?? [];
  }

  isLive(key: string): boolean {
    const kind = this.versions(key).at(-1)?.write.kind;
    return kind === 'plain' || kind === 'reference';
  }

  /** The latest value, or the one written by a transaction. */
  get(key: string, atTx = 0): Found | undefined {
    const versions = this.versions(key);
    const version = atTx > 0 ? versions.find(({ tx }) => tx === atTx) : versions.at(-1);
    return version && this.read(version, atTx > 0 ? 0 : versions.length);
  }

  read({ tx, write }: Version, revision: number): Found | undefined {
    if (write.kind === 'plain') return { tx, key: write.key, value: write.value, revision };
    if (write.kind !== 'reference') return undefined;
    const found = this.get(write.target, write.atTx);
    return found && { ...found, ref: { key: write.key, tx } };
  }

  /** Live keys with the prefix, in order, each with what it resolves to. */
  scan(prefix: string, desc: boolean): { readonly key: string; readonly found: Found }[] {
    const keys = [...this.keys.keys()].filter((key) => key.startsWith(prefix)).sort();
    if (desc) keys.reverse();
    return keys.flatMap((key) => {
      const found = this.get(key);
      return found ? [{ key, found }] : [];
    });
  }

  /** Elements that can be resolved, in order, each with what it points to. */
  zScan(set: string, desc: boolean): { readonly element: Element; readonly found: Found }[] {
    const elements = [...(this.sets.get(set)?.values() ?? [])].sort(compareElements);
    if (desc) elements.reverse();
    return elements.flatMap((element) => {
      const found = this.get(element.key, element.atTx);
      return found ? [{ element, found }] : [];
    });
  }
}
