/**
 * What a database should hold and answer, in the plainest way: lists and loops over everything, nothing
 * of the server's own code. Keys and values are texts of one byte a character, whose order is bytewise.
 */

export interface Target {
  readonly key: string;
  /** 0: unbound. */
  readonly atTx: number;
}

export interface Version {
  readonly tx: number;
  readonly value: string;
  readonly target?: Target | undefined;
  readonly deleted?: boolean | undefined;
  /** Unix seconds. */
  readonly expiresAt?: number | undefined;
  readonly nonIndexable?: boolean | undefined;
}

export interface Element extends Target {
  readonly set: string;
  readonly score: number;
}

export type Change =
  | ({ readonly name: string } & Omit<Version, 'tx'>)
  | { readonly element: Element };

/** A value as a read gives it. */
export interface Found {
  readonly key: string;
  readonly value: string;
  readonly tx: number;
  readonly revision: number;
  /** `key:tx:atTx:revision` of the reference that led there. */
  readonly by?: string | undefined;
}

export type Outcome<T> = { readonly ok: T } | { readonly refused: string };

export interface ScanBounds {
  readonly prefix: string;
  readonly seek: string;
  readonly end: string;
  readonly inclusiveSeek: boolean;
  readonly inclusiveEnd: boolean;
  readonly desc: boolean;
  readonly offset: number;
  readonly limit: number;
}

export interface ZScanBounds {
  readonly set: string;
  readonly min: number | undefined;
  readonly max: number | undefined;
  /** Absent: from the end of the range. */
  readonly seek: Element | undefined;
  readonly inclusiveSeek: boolean;
  readonly desc: boolean;
  readonly offset: number;
  readonly limit: number;
}

export class Refusal extends Error {}

export function refuse(code: string): never {
  throw new Refusal(code);
}

/** What a call should give: a value, or the code of an error. */
export function outcome<T>(call: () => T): Outcome<T> {
  try {
    return { ok: call() };
  } catch (error) {
    if (error instanceof Refusal) return { refused: error.message };
    throw error;
  }
}

function cut<T>(all: readonly T[], { offset, limit }: { offset: number; limit: number }): T[] {
  return all.slice(offset, offset + limit);
}

/** Order of elements of a set: score, length of key, key, transaction. */
function compareElements(a: Element, b: Element): number {
  if (a.score !== b.score) return a.score - b.score;
  if (a.key.length !== b.key.length) return a.key.length - b.key.length;
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.atTx - b.atTx;
}

/** A reference as it stands in a history: eight bytes of transaction id, a kind, the key. */
function referenceText({ key, atTx }: Target): string {
  return `${'\0'.repeat(6)}${String.fromCharCode(atTx >> 8, atTx & 255)}\0${key}`;
}

export class DatabaseModel {
  /** Transaction n at n - 1. */
  readonly txs: Change[][] = [];
  /** Indexed versions of a key, oldest first. */
  readonly versions = new Map<string, Version[]>();
  readonly elements: Element[] = [];
  readonly now: () => number;

  /** @param now unix seconds */
  constructor(now: () => number) {
    this.now = now;
  }

  get lastTx(): number {
    return this.txs.length;
  }

  commit(changes: Change[]): number {
    this.txs.push(changes);
    const tx = this.lastTx;
    for (const change of changes) {
      if ('element' in change) {
        const { element } = change;
        const isThere = ({ set, ...other }: Element) =>
          set === element.set && compareElements({ set, ...other }, element) === 0;
        if (!this.elements.some(isThere)) this.elements.push(element);
      } else if (change.nonIndexable !== true) {
        const { name, ...version } = change;
        this.versions.set(name, [...(this.versions.get(name) ?? []), { ...version, tx }]);
      }
    }
    return tx;
  }

  newest(key: string): Version | undefined {
    return this.versions.get(key)?.at(-1);
  }

  isLive({ deleted, expiresAt }: Version): boolean {
    return deleted !== true && (expiresAt === undefined || expiresAt > this.now());
  }

  /** What one transaction wrote for a key. */
  versionAt(key: string, tx: number): Version {
    if (tx > this.lastTx) refuse('txNotFound');
    for (const change of this.txs[tx - 1] ?? []) {
      if ('name' in change && change.name === key) return { ...change, tx };
    }
    return refuse('keyNotFound');
  }

  #live(version: Version | undefined): Version {
    if (version === undefined || version.deleted === true) refuse('keyNotFound');
    if (!this.isLive(version)) refuse('keyExpired');
    return version;
  }

  get(key: string, atTx = 0, atRevision = 0): Found {
    if (atTx > 0) return this.#follow(key, this.#live(this.versionAt(key, atTx)), 0);
    const versions = this.versions.get(key) ?? refuse('keyNotFound');
    if (atRevision === 0) return this.#follow(key, this.#live(versions.at(-1)), versions.length);
    const revision = atRevision > 0 ? atRevision : versions.length + atRevision;
    const version = versions[revision - 1] ?? refuse('invalidRevision');
    return this.#follow(key, this.#live(version), revision);
  }

  #follow(key: string, version: Version, revision: number): Found {
    if (version.target === undefined)
      return { key, value: version.value, tx: version.tx, revision };
    const { key: targetKey, atTx } = version.target;
    const target = this.#live(atTx > 0 ? this.versionAt(targetKey, atTx) : this.newest(targetKey));
    if (target.target !== undefined) refuse('resolutionLimit');
    const targetRevision = atTx > 0 ? 0 : (this.versions.get(targetKey)?.length ?? 0);
    const by = `${key}:${version.tx}:${atTx}:${revision}`;
    return { key: targetKey, value: target.value, tx: target.tx, revision: targetRevision, by };
  }

  /** Where a read leads, undefined when it leads nowhere. */
  #tryGet(key: string, atTx = 0): Found | undefined {
    const found = outcome(() => this.get(key, atTx));
    return 'ok' in found ? found.ok : undefined;
  }

  getAll(keys: readonly string[]): Found[] {
    return keys.flatMap((key) => this.#tryGet(key) ?? []);
  }

  scan(bounds: ScanBounds): Found[] {
    const { prefix, seek, end, inclusiveSeek, inclusiveEnd, desc } = bounds;
    const keys = [...this.versions.keys()].sort();
    if (desc) keys.reverse();
    const isPast = (key: string, bound: string) => (desc ? key < bound : key > bound);
    const inside = keys.filter(
      (key) =>
        key.startsWith(prefix) &&
        (seek === '' || isPast(key, seek) || (inclusiveSeek && key === seek)) &&
        (end === '' || isPast(end, key) || (inclusiveEnd && key === end)),
    );
    return cut(this.getAll(inside), bounds);
  }

  zScan(bounds: ZScanBounds): { element: Element; found: Found }[] {
    const { set, min, max, seek, inclusiveSeek, desc } = bounds;
    const all = this.elements
      .filter((element) => element.set === set)
      .filter(
        ({ score }) => (min === undefined || score >= min) && (max === undefined || score <= max),
      )
      .sort(compareElements);
    if (desc) all.reverse();
    const sought = all.filter((element) => {
      if (seek === undefined) return true;
      const order = compareElements(element, seek) * (desc ? -1 : 1);
      return order > 0 || (inclusiveSeek && order === 0);
    });
    const found = sought.flatMap((element) => {
      const one = this.#tryGet(element.key, element.atTx);
      return one === undefined ? [] : [{ element, found: one }];
    });
    return cut(found, bounds);
  }

  /** `tx:revision:value`, with `deleted` or `expired` in place of a value that is gone. */
  history(key: string, offset: number, limit: number, desc: boolean): string[] {
    const versions = this.versions.get(key) ?? refuse('keyNotFound');
    if (offset === versions.length) refuse('noMoreEntries');
    const lines = versions.map((version, i) => {
      const { tx, value, target, deleted } = version;
      const gone = deleted === true ? 'deleted' : 'expired';
      const stored = target === undefined ? value : referenceText(target);
      return `${tx}:${i + 1}:${this.isLive(version) ? stored : gone}`;
    });
    return cut(desc ? lines.reverse() : lines, { offset, limit });
  }

  count(prefix: string): number {
    const newest = [...this.versions].map(([key, versions]) => ({ key, version: versions.at(-1) }));
    return newest.filter(
      ({ key, version }) => key.startsWith(prefix) && version !== undefined && this.isLive(version),
    ).length;
  }
}
