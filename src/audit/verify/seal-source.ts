import { sha256 } from '../../base/sha256.js';
import type { Checkpoint, Seal } from '../records.js';

/** A seal with the bytes that are hashed and proved. */
export interface StoredSeal {
  readonly seal: Seal;
  readonly value: Buffer;
}

/** Where the seals of a stream are kept: a database, a server, or a file that was exported. */
export interface SealSource {
  /** In the order of their numbers. @throws when they cannot be read or their proofs do not verify */
  seals(): Promise<readonly StoredSeal[]>;
  /** The newest, if there is one. */
  checkpoint(): Promise<Checkpoint | undefined>;
}

export function sealHash(value: Uint8Array): string {
  return sha256(value).toString('hex');
}
