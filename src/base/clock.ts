/** Time as a parameter, so that a test can own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** Whole seconds since the Unix epoch, rounded down. */
export function unixSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}
