/** Counts what is under way on a database, so that it is not closed meanwhile. */
export class Uses {
  #count = 0;
  #lastEndMs = performance.now();

  get count(): number {
    return this.#count;
  }

  /** Milliseconds since the last use ended; 0 during one. */
  get idleMs(): number {
    return this.#count > 0 ? 0 : performance.now() - this.#lastEndMs;
  }

  /** A use that begins and ends now. */
  touch(): void {
    this.#lastEndMs = performance.now();
  }

  /** Begins a use, which ends when what is returned is disposed of, once. */
  hold(): Disposable {
    this.#count++;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#count--;
        this.touch();
      },
    };
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    using _use = this.hold();
    return await work();
  }
}
