import { EMPTY_HASH, leafHash, nodeHash } from '../../proofs/index.js';

/**
 * The tree over the lines of one file (RFC 6962), of which only the right edge is kept: the roots of the
 * complete subtrees, the widest first. A leaf is the SHA-256 of a line.
 */
export class LineTree {
  readonly #edge: { readonly width: number; readonly root: Buffer }[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(lineHash: Buffer): void {
    let width = 1;
    let root: Buffer = Buffer.from(leafHash(lineHash));
    for (let last = this.#edge.at(-1); last?.width === width; last = this.#edge.at(-1)) {
      root = Buffer.from(nodeHash(last.root, root));
      width *= 2;
      this.#edge.pop();
    }
    this.#edge.push({ width, root });
    this.#size++;
  }

  /** Hexadecimal digits; the hash of nothing when there is no leaf. */
  root(): string {
    let root: Uint8Array | undefined;
    for (let at = this.#edge.length - 1; at >= 0; at--) {
      const { root: left } = this.#edge[at] as { root: Buffer };
      root = root === undefined ? left : nodeHash(left, root);
    }
    return Buffer.from(root ?? EMPTY_HASH).toString('hex');
  }
}
