/**
 * Sorted lists of names that together hold a growing set: each new list is merged with those before it
 * that are not much longer, so that there are O(log n) of them. A name may stand in several.
 */
export class SortedRuns {
  #runs: string[][] = [];

  /** @param names sorted */
  add(names: string[]): void {
    let run = names;
    for (let last = this.#runs.at(-1); last !== undefined; last = this.#runs.at(-1)) {
      if (last.length > 2 * run.length) break;
      this.#runs.pop();
      run = mergeSorted(last, run);
    }
    this.#runs.push(run);
  }

  /** All names as one sorted list; leaves nothing. */
  take(): string[] {
    let all: string[] = [];
    for (let i = this.#runs.length - 1; i >= 0; i--)
      all = mergeSorted(all, this.#runs[i] as string[]);
    this.#runs = [];
    return all;
  }

  /**
   * Names with low <= name < high, each once, from the low end or from the high one.
   * @param more another sorted list to look in
   */
  *between(
    low: string,
    high: string,
    desc: boolean,
    more: readonly string[] = [],
  ): Generator<string> {
    const cursors = [...this.#runs, more].map((run) => ({
      run,
      at: desc ? firstFrom(run, high) - 1 : firstFrom(run, low),
    }));
    for (let last: string | undefined; ; ) {
      let next: string | undefined;
      for (const cursor of cursors) {
        if (cursor.run[cursor.at] === last && last !== undefined) cursor.at += desc ? -1 : 1;
        const name = cursor.run[cursor.at];
        if (name === undefined || name < low || name >= high) continue;
        if (next === undefined || (desc ? name > next : name < next)) next = name;
      }
      if (next === undefined) return;
      yield next;
      last = next;
    }
  }
}

/** Number of the first name that is not below this one. */
function firstFrom(run: readonly string[], name: string): number {
  let low = 0;
  let high = run.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((run[middle] as string) < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mergeSorted(a: readonly string[], b: readonly string[]): string[] {
  const merged: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const left = a[i] as string;
    const right = b[j] as string;
    if (left < right) i++;
    else {
      if (left === right) i++;
      j++;
    }
    merged.push(left < right ? left : right);
  }
  while (i < a.length) merged.push(a[i++] as string);
  while (j < b.length) merged.push(b[j++] as string);
  return merged;
}
