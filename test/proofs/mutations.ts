/** Ways to change a value that was received: a path into it, and the copy that has another value there. */

export type Path = readonly (string | number)[];

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}

/** The paths of all leaves and containers below `value`. */
export function* paths(value: unknown, at: Path = []): Generator<Path> {
  if (at.length > 0) yield at;
  if (!isContainer(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    yield* paths(inner, [...at, Array.isArray(value) ? Number(key) : key]);
  }
}

export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, step) => (inner as Readonly<Record<string | number, unknown>>)[step],
    value,
  );
}

/** A copy with another value at the path; what is beside the path is shared. */
export function replaced<T>(value: T, path: Path, by: unknown): T {
  const [step, ...rest] = path;
  if (step === undefined) return by as T;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<
    string | number,
    unknown
  >;
  copy[step] = replaced(copy[step], rest, by);
  return copy as T;
}

/** Every value that differs in a single bit: of bytes, of a number up to 2^53, of a choice of 0 or 1. */
export function* bitFlips(value: unknown, step: string | number | undefined): Generator<unknown> {
  if (value instanceof Uint8Array) {
    for (let bit = 0; bit < value.length * 8; bit++) {
      const copy = Buffer.from(value);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      yield copy;
    }
  } else if (step === 'version') {
    yield value === 0 ? 1 : 0;
  } else if (typeof value === 'number') {
    for (let bit = 0; bit < 53; bit++) {
      const weight = 2 ** bit;
      yield Math.floor(value / weight) % 2 === 0 ? value + weight : value - weight;
    }
  }
}
