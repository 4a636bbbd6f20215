import { checkDigest, checkInteger } from './checks.js';
import { leafHash, nodeHash, ZERO_HASH } from './hashes.js';
import type { TreeNodes } from './types.js';

/** Sizes are safe integers. */
const LEVEL_MAX = 52;

/** The right edge of a growing accumulative tree: O(log n) digests in memory. */
export class TreeAppender {
  /** Complete subtrees from left to right, one for each set bit of the size, highest first. */
  readonly #peaks: Uint8Array[];
  #size: number;

  private constructor(peaks: Uint8Array[], size: number) {
    this.#peaks = peaks;
    this.#size = size;
  }

  /** Continues a stored tree; size 0 begins an empty one. */
  static restore(nodes: TreeNodes, size: number): TreeAppender {
    checkInteger('size', size, 0);
    const peaks: Uint8Array[] = [];
    let from = 0;
    for (let level = LEVEL_MAX; level >= 0; level--) {
      const width = 2 ** level;
      if (from + width > size) continue;
      const node = nodes.node(level, from / width);
      checkDigest('node', node);
      // A copy: what a store hands out may be valid for the moment only.
      peaks.push(Buffer.from(node));
      from += width;
    }
    return new TreeAppender(peaks, size);
  }

  get size(): number {
    return this.#size;
  }

  /** 32 zero bytes when it is empty. */
  root(): Uint8Array {
    let root = this.#peaks.at(-1);
    if (root === undefined) return ZERO_HASH;
    for (let i = this.#peaks.length - 2; i >= 0; i--) {
      root = nodeHash(this.#peaks[i] as Uint8Array, root);
    }
    return root;
  }

  /**
   * Adds the next leaf.
   * @returns the complete subtrees that it closes, from level 0 up: 1 + trailing zero bits of the new
   * size. The appender keeps them: not to be written to
   */
  append(digest: Uint8Array): Uint8Array[] {
    let node: Uint8Array = leafHash(digest);
    const closed = [node];
    for (let size = this.#size; size % 2 === 1; size = Math.floor(size / 2)) {
      node = nodeHash(this.#peaks.pop() as Uint8Array, node);
      closed.push(node);
    }
    this.#peaks.push(node);
    this.#size++;
    return closed;
  }

  /** Goes on by itself from here. */
  clone(): TreeAppender {
    return new TreeAppender([...this.#peaks], this.#size);
  }
}
