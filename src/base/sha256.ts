import * as crypto from 'node:crypto';

declare global {
  interface Buffer {
    /** In every Node, but not in its types. */
    latin1Write(text: string, offset: number, length: number): number;
    latin1Slice(start?: number, end?: number): string;
  }
}

/** In Node since 20.12; the types of Node 20 do not name it. */
type OneShotHash = (algorithm: string, data: Uint8Array, encoding: 'latin1') => string;
const oneShotHash = (crypto as unknown as { hash: OneShotHash }).hash;

export const SHA256_BYTES = 32;

/**
 * Writes the digest of `input` to `out` at `offset`. The way by a latin1 string is the fastest that Node
 * has for short inputs: 0.33 us for 65 bytes against 1.2 us with `createHash`.
 * @throws RangeError when `out` has no room for it, where `latin1Write` would write a part
 */
export function sha256Into(out: Buffer, offset: number, input: Uint8Array): void {
  if (!(offset >= 0 && offset + SHA256_BYTES <= out.length)) {
    throw new RangeError(`offset must leave ${SHA256_BYTES} bytes of ${out.length}, got ${offset}`);
  }
  out.latin1Write(oneShotHash('sha256', input, 'latin1'), offset, SHA256_BYTES);
}

export function sha256(input: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(SHA256_BYTES);
  sha256Into(out, 0, input);
  return out;
}

/** A digest over pieces. */
export interface Sha256 {
  update(piece: Uint8Array): void;
  digest(): Buffer;
}

export function createSha256(): Sha256 {
  const hash = crypto.createHash('sha256');
  return {
    update(piece) {
      hash.update(piece);
    },
    digest: () => hash.digest(),
  };
}
