/** Calls of one connection that are begun in one turn of the event loop. */
const CALLS_AT_ONCE = 64;
/** Calls that are begun in one turn of those that had to wait longer. */
const CALLS_A_TURN = 64;

/** What one connection has waiting. */
export interface Line {
  readonly waiting: (() => void)[];
  turn: number;
  begun: number;
}

export function newLine(): Line {
  return { waiting: [], turn: 0, begun: 0 };
}

/**
 * Spreads the calls of a connection that sends many at once over turns of the event loop, so that those
 * of others come in between. All connections take turns. A call is begun after all that arrived with it
 * was read: one that was reset in the same breath costs next to nothing.
 */
export class Turns {
  readonly #lines = new Set<Line>();
  /** Begun in the next turn. */
  #arrived: (() => void)[] = [];
  #turn = 1;
  #scheduled = false;

  /** Runs `begin` in the next turn, or later when it is others' turn. */
  begin(line: Line, begin: () => void): void {
    if (line.turn !== this.#turn) {
      line.turn = this.#turn;
      line.begun = 0;
    }
    this.#schedule();
    if (line.waiting.length === 0 && line.begun < CALLS_AT_ONCE) {
      line.begun++;
      this.#arrived.push(begin);
      return;
    }
    line.waiting.push(begin);
    this.#lines.add(line);
  }

  /** Nothing of it is begun any more. */
  forget(line: Line): void {
    line.waiting.length = 0;
    this.#lines.delete(line);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#turn++;
    this.#scheduled = false;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const begin of arrived) begin();
    let left = CALLS_A_TURN;
    while (left > 0 && this.#lines.size > 0) {
      for (const line of this.#lines) {
        const begin = line.waiting.shift();
        if (line.waiting.length === 0) this.#lines.delete(line);
        begin?.();
        if (--left === 0) break;
      }
    }
    if (this.#lines.size > 0) this.#schedule();
  }
}
