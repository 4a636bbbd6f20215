/**
 * What is kept about the stream in an immutable database: a seal for every file that is closed, and
 * checkpoints of the one that grows. Both are JSON texts with their members in the order given here.
 */

/** A closed file. All hashes in lower-case hexadecimal digits. */
export interface Seal {
  readonly v: 1;
  /** From 1; never used twice. */
  readonly file_no: number;
  /** Name without folder, and without `.gz`. */
  readonly file: string;
  readonly format: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly lines: number;
  readonly bytes: number;
  /** Of all bytes of the file, uncompressed. */
  readonly sha256: string;
  /** Hash of the last line. */
  readonly head: string;
  readonly merkle_root: string;
  /** RFC 3339. */
  readonly opened_at: string;
  readonly sealed_at: string;
  readonly reason: string;
  readonly key_id: string;
  /** SHA-256 of the value of the seal before; 64 zeros in the first one. */
  readonly prev_seal: string;
}

/** How far the stream had come. `lines`, `bytes` and `merkle_root` are of the live file up to there. */
export interface Checkpoint {
  readonly v: 1;
  readonly file_no: number;
  readonly up_to_seq: number;
  /** Hash of that line. */
  readonly head: string;
  readonly merkle_root: string;
  readonly lines: number;
  readonly bytes: number;
  /** RFC 3339. */
  readonly at: string;
  /** By database: every transaction up to this one has its event, or needs none. */
  readonly watermarks: Readonly<Record<string, number>>;
  /** By database: transactions above the watermark whose events are covered, too. */
  readonly above?: Readonly<Record<string, readonly number[]>>;
  /** Whether the server stopped in order right after it. */
  readonly clean: boolean;
}

export const SEAL_PREFIX = 'audit/seal/';
export const CHECKPOINT_PREFIX = 'audit/ckpt/';

/** `prev_seal` of the first seal. */
export const NO_SEAL = '0'.repeat(64);

const DIGITS = 20;

export function sealKey(fileNo: number): string {
  return SEAL_PREFIX + String(fileNo).padStart(DIGITS, '0');
}

export function checkpointKey(upToSeq: number): string {
  return CHECKPOINT_PREFIX + String(upToSeq).padStart(DIGITS, '0');
}

export function encodeSeal(seal: Seal): Buffer {
  const { v, file_no, file, format, first_seq, last_seq, lines, bytes, sha256, head } = seal;
  const { merkle_root, opened_at, sealed_at, reason, key_id, prev_seal } = seal;
  return Buffer.from(
    JSON.stringify({
      ...{ v, file_no, file, format, first_seq, last_seq, lines, bytes, sha256, head },
      ...{ merkle_root, opened_at, sealed_at, reason, key_id, prev_seal },
    }),
  );
}

export function encodeCheckpoint(checkpoint: Checkpoint): Buffer {
  const {
    v,
    file_no,
    up_to_seq,
    head,
    merkle_root,
    lines,
    bytes,
    at,
    watermarks,
    above = {},
    clean,
  } = checkpoint;
  return Buffer.from(
    JSON.stringify({
      ...{ v, file_no, up_to_seq, head, merkle_root, lines, bytes, at, watermarks, above, clean },
    }),
  );
}

const SEAL_NUMBERS = ['v', 'file_no', 'first_seq', 'last_seq', 'lines', 'bytes'] as const;
const SEAL_HASHES = ['sha256', 'head', 'merkle_root', 'prev_seal'] as const;
const SEAL_TEXTS = ['file', 'format', 'opened_at', 'sealed_at', 'reason', 'key_id'] as const;

/** @returns undefined for anything else. Takes hostile input. */
export function parseSeal(value: Uint8Array): Seal | undefined {
  const fields = parseObject(value);
  if (fields === undefined) return undefined;
  const ok =
    SEAL_NUMBERS.every((name) => isCount(fields[name])) &&
    SEAL_HASHES.every((name) => isHash(fields[name])) &&
    SEAL_TEXTS.every((name) => typeof fields[name] === 'string') &&
    fields.v === 1;
  return ok ? (fields as unknown as Seal) : undefined;
}

/** @returns undefined for anything else. Takes hostile input. */
export function parseCheckpoint(value: Uint8Array): Checkpoint | undefined {
  const fields = parseObject(value);
  if (fields === undefined) return undefined;
  const { watermarks } = fields;
  const ok =
    ['file_no', 'up_to_seq', 'lines', 'bytes'].every((name) => isCount(fields[name])) &&
    ['head', 'merkle_root'].every((name) => isHash(fields[name])) &&
    fields.v === 1 &&
    typeof fields.at === 'string' &&
    typeof fields.clean === 'boolean' &&
    typeof watermarks === 'object' &&
    watermarks !== null &&
    Object.values(watermarks).every(isCount);
  return ok ? (fields as unknown as Checkpoint) : undefined;
}

function parseObject(value: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString());
    return typeof parsed === 'object' && parsed !== null
      ? (parsed as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}
