// Keys that look random and are found again by their number, so that nobody has to keep a million of them.

export const KEY_BYTES = 32;

/** Writes key `number` of the family `seed`; 32 bytes that spread evenly. */
export function writeKey(out, at, seed, number) {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0;
  for (let word = 0; word < KEY_BYTES; word += 4) {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    mixed = (mixed ^ (mixed >>> 14)) >>> 0;
    out[at + word] = mixed;
    out[at + word + 1] = mixed >>> 8;
    out[at + word + 2] = mixed >>> 16;
    out[at + word + 3] = mixed >>> 24;
  }
  // The number itself, mixed by an odd factor, keeps two keys of a family apart.
  const unique = Math.imul(number, 0x2545f491) >>> 0;
  out[at + 4] = unique;
  out[at + 5] = unique >>> 8;
  out[at + 6] = unique >>> 16;
  out[at + 7] = unique >>> 24;
}

export function keyOf(seed, number) {
  const key = Buffer.allocUnsafe(KEY_BYTES);
  writeKey(key, 0, seed, number);
  return key;
}
