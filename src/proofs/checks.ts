/** Checks of arguments, which throw, and of hostile input, which answer. */

export const DIGEST_BYTES = 32;

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

/** @throws TypeError */
export function checkBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`${name} must be a Uint8Array, got ${kindOf(value)}`);
  }
}

/** @throws TypeError, RangeError */
export function checkDigest(name: string, value: unknown): asserts value is Uint8Array {
  checkBytes(name, value);
  if (value.length !== DIGEST_BYTES) {
    throw new RangeError(`${name} must have ${DIGEST_BYTES} bytes, got ${value.length}`);
  }
}

/** @throws TypeError, RangeError */
export function checkInteger(
  name: string,
  value: unknown,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): asserts value is number {
  if (typeof value !== 'number') {
    throw new TypeError(`${name} must be a number, got ${kindOf(value)}`);
  }
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}, got ${value}`);
  }
}

export function isDigest(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.length === DIGEST_BYTES;
}

/** Counts by index, since `every` skips the holes of a sparse array. */
export function areDigests(values: unknown): values is readonly Uint8Array[] {
  if (!Array.isArray(values)) return false;
  for (let i = 0; i < values.length; i++) if (!isDigest(values[i])) return false;
  return true;
}

export function isIntegerFrom(min: number, value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** What `make` returns; undefined when its checks of arguments refuse hostile input. */
export function ifAccepted<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return undefined;
    throw error;
  }
}
