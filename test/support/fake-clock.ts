import type { Clock } from '../../src/base/clock.js';

/** Stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs: number;

  constructor(nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678)) {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}
