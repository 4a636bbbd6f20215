import type { World } from './world.js';

export interface Progress extends Disposable {
  at(done: number): void;
}

const FIRST_MS = 500;
const STEP_MS = 200;

/** A line on the terminal that tells how far a long work is; nothing elsewhere, or when it is short. */
export function startProgress(world: World, what: string, total: number): Progress {
  const show = world.errIsTerminal;
  let next = performance.now() + FIRST_MS;
  let shown = false;
  return {
    at(done) {
      if (!show || performance.now() < next) return;
      next = performance.now() + STEP_MS;
      shown = true;
      world.err(`\r${what}: ${Math.floor((100 * done) / Math.max(total, 1))} % `);
    },
    [Symbol.dispose]() {
      if (shown) world.err('\r\u001b[K');
    },
  };
}
