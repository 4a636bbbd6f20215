import { sha256 } from '../../base/sha256.js';
import type { Checkpoint, Seal } from '../records.js';
import type { ProvedSeal } from './database-seals.js';

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
  /** That the seal stands in the database, for who has only the proof. */
  proof?(stored: StoredSeal): Promise<ProvedSeal>;
}

export function sealHash(value: Uint8Array): string {
  return sha256(value).toString('hex');
}
