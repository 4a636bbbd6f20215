import { checksum32, checksumSeed } from '../base/checksum.js';
import type { TreeNodes } from '../proofs/index.js';
import type { Batch, Environment } from './environment.js';
import { corrupted } from './errors.js';
import { u64Key } from './layout.js';
import type { Table } from './table.js';

const DIGEST_BYTES = 32;
/** Nodes of lower levels are too many to keep. */
const CACHED_LEVEL_MIN = 4;
/** Slots of the direct-mapped cache; 40 bytes each, taken from the system when they are first used. */
const CACHE_SLOTS = 1 << 15;

/**
 * Nodes of the accumulative tree. The record of leaf n holds the complete subtrees that leaf n closes, by
 * rising level: 1 + (number of trailing zero bits of n) digests and a checksum.
 */
export class TreeStore implements TreeNodes {
  readonly #tree: Table;
  /** By slot: leaf * 64 + level of the node that stands there; 0 for none. */
  readonly #cacheKeys = new Float64Array(CACHE_SLOTS);
  readonly #cache = Buffer.alloc(CACHE_SLOTS * DIGEST_BYTES);

  constructor(environment: Environment) {
    this.#tree = environment.table('tree');
  }

  append(batch: Batch, leaf: number, nodes: readonly Uint8Array[]): void {
    const record = Buffer.allocUnsafe(nodes.length * DIGEST_BYTES + 4);
    nodes.forEach((node, level) => {
      record.set(node, level * DIGEST_BYTES);
    });
    const end = record.length - 4;
    record.writeUInt32BE(checksum32(record, 0, end, checksumSeed(leaf)), end);
    batch.put('tree', u64Key(leaf), record);
  }

  /** @throws StorageError `corrupted` */
  node(level: number, index: number): Uint8Array {
    const leaf = (index + 1) * 2 ** level;
    if (level < CACHED_LEVEL_MIN) return this.#nodeOf(leaf, level);
    const key = leaf * 64 + level;
    const slot = (Math.imul(index, 0x9e3779b1) ^ Math.imul(level, 0x85ebca6b)) & (CACHE_SLOTS - 1);
    const at = slot * DIGEST_BYTES;
    if (this.#cacheKeys[slot] !== key) {
      this.#cache.set(this.#nodeOf(leaf, level), at);
      this.#cacheKeys[slot] = key;
    }
    return Buffer.from(this.#cache.subarray(at, at + DIGEST_BYTES));
  }

  #nodeOf(leaf: number, level: number): Buffer {
    const node = this.closedBy(leaf)[level];
    if (node === undefined) throw corrupted(`tree node ${leaf}/${level} is missing`);
    return node;
  }

  /** The complete subtrees that a leaf closes, by rising level. @throws StorageError `corrupted` */
  closedBy(leaf: number): Buffer[] {
    const record = this.#tree.get(u64Key(leaf));
    const end = (record?.length ?? 0) - 4;
    if (record === undefined || end <= 0 || end % DIGEST_BYTES !== 0) {
      throw corrupted(`tree nodes of leaf ${leaf} are missing`);
    }
    if (record.readUInt32BE(end) !== checksum32(record, 0, end, checksumSeed(leaf))) {
      throw corrupted(`tree nodes of leaf ${leaf}`);
    }
    const nodes: Buffer[] = [];
    for (let at = 0; at < end; at += DIGEST_BYTES)
      nodes.push(record.subarray(at, at + DIGEST_BYTES));
    return nodes;
  }
}
