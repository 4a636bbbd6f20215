import { type IndexChanges, joined, type Waiting } from './index-changes.js';
import { SortedRuns } from './sorted-runs.js';

/** Bounds of what waits. */
export interface BacklogLimits {
  /** Versions, and bytes of keys, that may wait before every commit carries a part of the merge. */
  readonly versionsHigh: number;
  readonly keyBytesHigh: number;
}

/** Names that are merged in order; what changes meanwhile belongs to the next generation. */
interface Generation {
  readonly names: readonly string[];
  next: number;
  /** Last transaction whose changes are all in this generation, or were merged before. */
  readonly txId: number;
}

/** Index changes that wait in memory, by name, to be merged into the tables in sorted order. */
export class IndexBacklog {
  readonly #limits: BacklogLimits;
  readonly #newest = new Map<string, Waiting>();
  /** Names of what waits, besides those of the generation; some may have been merged since. */
  readonly #runs = new SortedRuns();
  #generation: Generation | undefined;
  #versions = 0;
  #keyBytes = 0;

  constructor(limits: BacklogLimits) {
    this.#limits = limits;
  }

  get keys(): number {
    return this.#newest.size;
  }

  get isHigh(): boolean {
    const { versionsHigh, keyBytesHigh } = this.#limits;
    return this.#versions > versionsHigh || this.#keyBytes > keyBytesHigh;
  }

  get(name: string): Waiting | undefined {
    return this.#newest.get(name);
  }

  add(changes: IndexChanges): void {
    const names: string[] = [];
    for (const [name, waiting] of changes.all()) {
      const before = this.#newest.get(name);
      if (before === undefined) this.#keyBytes += name.length;
      else this.#versions -= versionsOf(before);
      const now = joined(name, before, waiting);
      this.#newest.set(name, now);
      this.#versions += versionsOf(now);
      names.push(name);
    }
    this.#runs.add(names.sort());
  }

  /**
   * The next names to merge, in order; some may wait no more.
   * @param txId last transaction added
   */
  take(count: number, txId: number): readonly string[] {
    this.#generation ??= { names: this.#runs.take(), next: 0, txId };
    const generation = this.#generation;
    const from = generation.next;
    generation.next = Math.min(from + count, generation.names.length);
    return generation.names.slice(from, generation.next);
  }

  /** Last transaction of a generation that `take` has gone through, undefined while there is more of it. */
  endOfGeneration(): number | undefined {
    const generation = this.#generation;
    if (generation === undefined || generation.next < generation.names.length) return undefined;
    return generation.txId;
  }

  /** After the commit of what was taken: until then `between` needs the names. */
  endGeneration(): void {
    if (this.endOfGeneration() !== undefined) this.#generation = undefined;
  }

  /** What was merged waits no more. */
  delete(name: string): void {
    const waiting = this.#newest.get(name);
    if (waiting === undefined) return;
    this.#newest.delete(name);
    this.#versions -= versionsOf(waiting);
    this.#keyBytes -= name.length;
  }

  /** Waiting names with low <= name < high, in order. */
  *between(low: string, high: string, desc: boolean): Generator<string> {
    for (const name of this.#runs.between(low, high, desc, this.#generation?.names)) {
      if (this.#newest.has(name)) yield name;
    }
  }
}

function versionsOf(waiting: Waiting): number {
  return 1 + (waiting.older?.length ?? 0);
}
