/** A broken invariant: a bug of ours, never a caller's mistake. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Stays on in production. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new AssertionError(`unexpected value: ${String(value)}`);
}
