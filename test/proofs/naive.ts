import { createHash } from 'node:crypto';
import type { TreeNodes } from '../../src/proofs/index.js';

/** RFC 6962, section 2.1, as it is written there: the trees of the product are compared with it. */

export function sha(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The largest power of two smaller than n. */
function largestPowerBelow(n: number): number {
  return 1 << (31 - Math.clz32(n - 1));
}

export class NaiveTree implements TreeNodes {
  readonly #payloads: readonly Uint8Array[];
  readonly #heads = new Map<string, Buffer>();

  constructor(payloads: readonly Uint8Array[]) {
    this.#payloads = payloads;
  }

  /** MTH(D[from:to]) */
  head(from: number, to: number): Buffer {
    if (from === to) return sha();
    const key = `${from}:${to}`;
    let head = this.#heads.get(key);
    if (head === undefined) {
      const k = from + largestPowerBelow(to - from);
      head =
        to - from === 1
          ? sha(Buffer.from([0]), this.#payloads[from] as Uint8Array)
          : sha(Buffer.from([1]), this.head(from, k), this.head(k, to));
      this.#heads.set(key, head);
    }
    return head;
  }

  /** PATH(m, D[from:to]), m counted from 0 within the range. */
  path(m: number, from: number, to: number): Buffer[] {
    if (to - from === 1) return [];
    const k = largestPowerBelow(to - from);
    return m < k
      ? [...this.path(m, from, from + k), this.head(from + k, to)]
      : [...this.path(m - k, from + k, to), this.head(from, from + k)];
  }

  /** SUBPROOF(m, D[from:to], complete) */
  subproof(m: number, from: number, to: number, complete: boolean): Buffer[] {
    if (m === to - from) return complete ? [] : [this.head(from, to)];
    const k = largestPowerBelow(to - from);
    return m <= k
      ? [...this.subproof(m, from, from + k, complete), this.head(from + k, to)]
      : [...this.subproof(m - k, from + k, to, false), this.head(from, from + k)];
  }

  node(level: number, index: number): Buffer {
    return this.head(index * 2 ** level, (index + 1) * 2 ** level);
  }
}

/** Digests that differ, made from their number. */
export function payloads(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => sha(Buffer.from(`payload ${i}`)));
}
