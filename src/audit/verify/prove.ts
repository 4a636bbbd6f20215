import { sha256 } from '../../base/sha256.js';
import { hashTreeProof, type State, verifyGet, verifyHashTreeProof } from '../../proofs/index.js';
import { formatOfLine, placeOfLine } from '../formats/convert.js';
import { parseSeal, sealKey } from '../records.js';
import type { ProvedSeal } from './database-seals.js';
import { AuditFileError } from './errors.js';
import { listAuditFiles, readLines } from './files.js';
import type { SealSource, StoredSeal } from './seal-source.js';

/** One event with everything that is needed to check it, without the file that it stands in. */
export interface EventProof {
  readonly v: 1;
  /** The line as it stands in the file, without its end. */
  readonly line: string;
  /** From 0. */
  readonly leaf: number;
  /** Lines of the file. */
  readonly width: number;
  /** From the leaf upward, in hexadecimal digits. */
  readonly terms: readonly string[];
  /** The value of the seal, as it is stored. */
  readonly seal: string;
  /** That the seal stands in an immutable database; absent when no database was at hand. */
  readonly anchor?: ProvedSeal;
}

/** @throws AuditFileError when the event is not there or its file has no seal yet */
export async function proveEvent(
  livePath: string,
  seq: number,
  source: SealSource,
): Promise<EventProof> {
  const stored = (await source.seals()).find(
    ({ seal }) => seal.first_seq <= seq && seq <= seal.last_seq,
  );
  if (!stored) {
    throw new AuditFileError(
      'notProvable',
      `no seal covers seq ${seq}: it does not exist, or its file is not closed yet`,
    );
  }
  const { lines, hashes } = await readSealed(livePath, stored);
  const leaf = seq - stored.seal.first_seq;
  const line = lines.get(leaf);
  if (line === undefined) {
    throw new AuditFileError('notProvable', `${stored.seal.file} does not hold seq ${seq}`);
  }
  const { terms, width } = hashTreeProof(hashes, leaf);
  const anchor = await source.proof?.(stored);
  return {
    v: 1,
    line,
    leaf,
    width,
    terms: terms.map((term) => Buffer.from(term).toString('hex')),
    seal: stored.value.toString('utf8'),
    ...(anchor && { anchor }),
  };

  async function readSealed(
    path: string,
    { seal }: StoredSeal,
  ): Promise<{ lines: Map<number, string>; hashes: Buffer }> {
    const file = (await listAuditFiles(path)).find(({ fileNo }) => fileNo === seal.file_no);
    if (!file) throw new AuditFileError('notProvable', `${seal.file} is not there`);
    const digests: Buffer[] = [];
    const kept = new Map<number, string>();
    await readLines(file, {
      line: (bytes, lineNo) => {
        digests.push(sha256(bytes));
        if (lineNo - 1 === seq - seal.first_seq) kept.set(lineNo - 1, bytes.toString('utf8'));
      },
    });
    return { lines: kept, hashes: Buffer.concat(digests) };
  }
}

export type ProofVerdict =
  | {
      readonly ok: true;
      readonly seq: number;
      /** State of the database that stands behind the seal; undefined when the proof has no anchor. */
      readonly state: State | undefined;
      /** Whether that is the state, or is linked to the one, that the checker trusts. */
      readonly trusted: boolean;
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Checks a proof with nothing else at hand. Without a trusted state it shows that line, seal and database
 * belong together; with one, that this is the database that the checker knows. Takes hostile input.
 */
export function checkEventProof(proof: EventProof, trusted?: State): ProofVerdict {
  const no = (reason: string): ProofVerdict => ({ ok: false, reason });
  if (proof?.v !== 1 || typeof proof.line !== 'string' || typeof proof.seal !== 'string') {
    return no('this is no proof of an event');
  }
  const sealValue = Buffer.from(proof.seal);
  const seal = parseSeal(sealValue);
  if (!seal) return no('the seal is malformed');
  const format = formatOfLine(proof.line);
  const place = format && placeOfLine(proof.line, format);
  if (!place || format !== seal.format)
    return no(`the line is no event in the format ${seal.format}`);
  if (place.seq !== seal.first_seq + proof.leaf || proof.width !== seal.lines) {
    return no('the event does not stand where the proof says');
  }
  const terms = Array.isArray(proof.terms)
    ? proof.terms.map((term) => Buffer.from(String(term), 'hex'))
    : [];
  const inclusion = { leaf: proof.leaf, width: proof.width, terms };
  const root = Buffer.from(seal.merkle_root, 'hex');
  if (!verifyHashTreeProof(inclusion, sha256(Buffer.from(proof.line)), root)) {
    return no('the line is not in the file that was sealed');
  }
  const { anchor } = proof;
  if (!anchor) {
    if (trusted) return no('the proof has no anchor that could be compared with the trusted state');
    return { ok: true, seq: place.seq, state: undefined, trusted: false };
  }
  const stored: unknown = anchor.entry?.value;
  if (!(stored instanceof Uint8Array) || !sealValue.equals(stored))
    return no('the anchor holds another seal');
  const state = trusted ?? anchor.state;
  const verdict = verifyGet({ key: Buffer.from(sealKey(seal.file_no)) }, anchor.entry, { state });
  if (!verdict.ok) return no(`the seal is not proved in the database: ${verdict.reason}`);
  return { ok: true, seq: place.seq, state: verdict.state, trusted: trusted !== undefined };
}

/** As JSON; bytes are `{ "$hex": … }`. */
export function renderProof(proof: EventProof): string {
  return `${JSON.stringify(proof, (_key, value: unknown) => hexOf(value), 2)}\n`;
}

function hexOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $hex: Buffer.from(value).toString('hex') };
  const buffer = value as { type?: unknown; data?: unknown } | null;
  // A Buffer was made into an object by its own method before the replacer saw it.
  return buffer?.type === 'Buffer' && Array.isArray(buffer.data)
    ? { $hex: Buffer.from(buffer.data as number[]).toString('hex') }
    : value;
}

/** @throws AuditFileError when it is no JSON */
export function parseProof(text: string): EventProof {
  try {
    return JSON.parse(text, (_key, value: { $hex?: unknown } | null) =>
      typeof value?.$hex === 'string' ? Buffer.from(value.$hex, 'hex') : value,
    ) as EventProof;
  } catch {
    throw new AuditFileError('proofMalformed', 'the proof is no JSON');
  }
}
