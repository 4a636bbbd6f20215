import { sha256 } from '../../base/sha256.js';
import { AUDIT_FORMATS, type AuditFormat } from '../formats/convert.js';

/** What is stored about a closed file. Hashes are lower-case hexadecimal digits. */
export interface Seal {
  readonly file_no: number;
  readonly file: string;
  readonly format: AuditFormat;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly lines: number;
  readonly bytes: number;
  readonly sha256: string;
  /** Hash of the last line. */
  readonly head: string;
  readonly merkle_root: string;
  /** SHA-256 of the value of the seal before; absent or zeros in the first. */
  readonly prev_seal: string;
}

/** What is stored about the file that is being written. */
export interface Checkpoint {
  readonly up_to_seq: number;
  readonly head: string;
  readonly merkle_root: string;
  /** Lines and bytes of the file up to there. */
  readonly lines: number;
  readonly bytes: number;
  readonly file_no?: number;
}

/** Seals with the bytes that are hashed and proved. */
export interface StoredSeal {
  readonly seal: Seal;
  readonly value: Buffer;
}

export const SEAL_PREFIX = 'audit/seal/';
export const CHECKPOINT_PREFIX = 'audit/ckpt/';
const KEY_DIGITS = 20;

export function sealKey(fileNo: number): string {
  return SEAL_PREFIX + String(fileNo).padStart(KEY_DIGITS, '0');
}

export function checkpointKey(upToSeq: number): string {
  return CHECKPOINT_PREFIX + String(upToSeq).padStart(KEY_DIGITS, '0');
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

const HASH = /^[0-9a-f]{64}$/;

/** Takes hostile input. @returns undefined when the value is no seal */
export function parseSeal(value: Uint8Array): Seal | undefined {
  const object = parse(value);
  if (!object) return undefined;
  const { file, format, sha256: hash, head, merkle_root, prev_seal } = object;
  const numbers = ['file_no', 'first_seq', 'last_seq', 'lines', 'bytes'];
  if (!numbers.every((name) => Number.isSafeInteger(object[name]))) return undefined;
  if (![hash, head, merkle_root, prev_seal].every((text) => HASH.test(String(text)))) {
    return undefined;
  }
  const known = AUDIT_FORMATS.find((name) => name === format);
  if (typeof file !== 'string' || known === undefined) return undefined;
  return object as unknown as Seal;
}

export function parseCheckpoint(value: Uint8Array): Checkpoint | undefined {
  const object = parse(value);
  if (!object) return undefined;
  const { up_to_seq, head, merkle_root, lines, bytes } = object;
  if (![up_to_seq, lines, bytes].every(Number.isSafeInteger)) return undefined;
  if (![head, merkle_root].every((text) => HASH.test(String(text)))) return undefined;
  return object as unknown as Checkpoint;
}

function parse(value: Uint8Array): Record<string, unknown> | undefined {
  try {
    const object: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    return typeof object === 'object' && object !== null && !Array.isArray(object)
      ? (object as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
