/** Ids kept above a mark; more than this says that something is wrong, and the mark waits. */
const WAITING_MAX = 1_000_000;

class Mark {
  /** Every transaction up to it has its event, or needs none. */
  upTo: number;
  readonly above = new Set<number>();

  constructor(upTo: number) {
    this.upTo = upTo;
  }

  add(txId: number): void {
    if (txId <= this.upTo) return;
    if (txId !== this.upTo + 1) {
      if (this.above.size < WAITING_MAX) this.above.add(txId);
      return;
    }
    this.upTo = txId;
    while (this.above.delete(this.upTo + 1)) this.upTo++;
  }
}

/** Which transactions of which database have their events. */
export class Watermarks {
  readonly #marks = new Map<string, Mark>();

  /** All transactions up to this one are done. */
  set(database: string, upTo: number): void {
    this.#marks.set(database, new Mark(upTo));
  }

  /** A transaction has its event on disk, or needs none. */
  add(database: string, txId: number): void {
    let mark = this.#marks.get(database);
    if (mark === undefined) {
      mark = new Mark(0);
      this.#marks.set(database, mark);
    }
    mark.add(txId);
  }

  forget(database: string): void {
    this.#marks.delete(database);
  }

  /** Undefined for a database that nothing is known of. */
  of(database: string): number | undefined {
    return this.#marks.get(database)?.upTo;
  }

  all(): Record<string, number> {
    return Object.fromEntries([...this.#marks].sort().map(([name, { upTo }]) => [name, upTo]));
  }

  /** What is done above the marks. */
  above(): Record<string, number[]> {
    const found: Record<string, number[]> = {};
    for (const [name, { above }] of this.#marks) if (above.size > 0) found[name] = [...above];
    return found;
  }

  /** Transactions up to `lastTx` without event, as ranges. */
  missing(database: string, lastTx: number): { readonly from: number; readonly to: number }[] {
    const mark = this.#marks.get(database);
    const ranges: { from: number; to: number }[] = [];
    for (let id = (mark?.upTo ?? 0) + 1; id <= lastTx; id++) {
      if (mark?.above.has(id)) continue;
      const last = ranges.at(-1);
      if (last?.to === id - 1) last.to = id;
      else ranges.push({ from: id, to: id });
    }
    return ranges;
  }
}
