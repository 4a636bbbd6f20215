const FNV_PRIME = 0x01000193;
const FNV_OFFSET = 0x811c9dc5;

/**
 * FNV-1a over bytes [start, end), 32 bits. Each step is a bijection of the state, so that any change of a
 * single byte changes the result. Guards short records against faults of a disk; it is no protection
 * against intent, which the digests of the log are.
 */
export function checksum32(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let hash = FNV_OFFSET ^ seed;
  for (let at = start; at < end; at++) {
    hash = Math.imul(hash ^ (bytes[at] as number), FNV_PRIME);
  }
  return hash >>> 0;
}

/** A seed out of a safe integer and a small one, so that a record moved elsewhere does not pass. */
export function checksumSeed(id: number, part = 0): number {
  const high = Math.floor(id / 0x1_0000_0000);
  return Math.imul(Math.imul(id | 0, FNV_PRIME) ^ high, FNV_PRIME) ^ part;
}
