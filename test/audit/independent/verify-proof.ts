/**
 * Checks what `stele audit prove` prints, by the published formulas alone: it imports nothing of Stele.
 *
 *   node verify-proof.js PROOF.json [TXID:ALH]
 *
 * With a state that was noted elsewhere it must be the one that the proof ends in. Prints the line and exits
 * with 0 when it is proved, else says why not and exits with 1.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { argv, exit, stdout } from 'node:process';

interface Hex {
  readonly $hex: string;
}

interface Header {
  readonly id: number;
  readonly ts: number;
  readonly version: number;
  readonly nentries: number;
  readonly blTxId: number;
  readonly prevAlh: Hex;
  readonly eH: Hex;
  readonly blRoot: Hex;
  readonly metadata?: unknown;
}

interface Proof {
  readonly line: string;
  readonly leaf: number;
  readonly width: number;
  readonly terms: readonly string[];
  /** The value of the record `audit/seal/<file_no>`. */
  readonly seal: string;
  readonly anchor: {
    readonly state: { readonly txId: number; readonly txHash: Hex };
    readonly entry: {
      readonly key: Hex;
      readonly value: Hex;
      readonly inclusionProof: { leaf: number; width: number; terms: readonly Hex[] };
      readonly header: Header;
      readonly dualProof: {
        readonly targetTxHeader: Header;
        readonly inclusionProof: readonly Hex[];
        readonly lastInclusionProof: readonly Hex[];
      };
    };
  };
}

function hash(...parts: readonly Uint8Array[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function bytes({ $hex }: Hex): Buffer {
  return Buffer.from($hex, 'hex');
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer;
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function u16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16BE(value);
  return buffer;
}

/** A path of a tree of RFC 6962: from the leaf at `index` of `last + 1` to the root. */
function rootFrom(digest: Buffer, index: number, last: number, terms: readonly Buffer[]): Buffer {
  let [at, end, root] = [index, last, hash(Buffer.of(0), digest)];
  for (const term of terms) {
    const isLeft = at % 2 === 0 && at !== end;
    root = isLeft ? hash(Buffer.of(1), root, term) : hash(Buffer.of(1), term, root);
    at = Math.floor(at / 2);
    end = Math.floor(end / 2);
  }
  return root;
}

/** Stands for a transaction and all history before it. */
function alh(header: Header): Buffer {
  demand(header.version === 1 && header.metadata === undefined, 'a header of another kind');
  const { ts, nentries, eH, blTxId, blRoot, id, prevAlh } = header;
  const counts = Buffer.concat([u16(1), u16(0), u32(nentries)]);
  const inner = hash(u64(ts), counts, bytes(eH), u64(blTxId), bytes(blRoot));
  return hash(u64(id), bytes(prevAlh), inner);
}

function demand(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** @returns the place in the stream. @throws an error that says what does not hold */
function verify(proof: Proof, trusted: string | undefined): number {
  const { line, leaf, width, terms, anchor } = proof;
  const seal = JSON.parse(proof.seal) as Record<string, string | number>;
  const { seq } = JSON.parse(line) as { seq: number };
  demand(seq === Number(seal.first_seq) + leaf, 'the line stands elsewhere');
  demand(width === seal.lines && leaf < width, 'the file has another number of lines');
  const path = terms.map((term) => Buffer.from(term, 'hex'));
  const root = rootFrom(hash(Buffer.from(line)), leaf, width - 1, path);
  demand(root.toString('hex') === seal.merkle_root, 'the line is not in the sealed file');

  const { entry, state } = anchor;
  const key = `audit/seal/${String(seal.file_no).padStart(20, '0')}`;
  demand(bytes(entry.key).toString() === key, 'the entry is of another key');
  demand(bytes(entry.value).toString() === proof.seal, 'the entry is another seal');
  // A plain key and a plain value have the prefix 0 each.
  const rawKey = Buffer.concat([Buffer.of(0), bytes(entry.key)]);
  const value = hash(Buffer.of(0), bytes(entry.value));
  const digest = hash(u16(0), u16(rawKey.length), rawKey, value);
  const inTx = entry.inclusionProof;
  const eH = rootFrom(digest, inTx.leaf, inTx.width - 1, inTx.terms.map(bytes));
  demand(eH.equals(bytes(entry.header.eH)), 'the seal is not in its transaction');
  demand(inTx.width === entry.header.nentries, 'the transaction has another number of entries');

  const source = alh(entry.header);
  const { targetTxHeader: target, inclusionProof, lastInclusionProof } = entry.dualProof;
  demand(target.id === state.txId, 'the proof ends in another transaction');
  demand(alh(target).equals(bytes(state.txHash)), 'the proof ends in another state');
  if (entry.header.id !== target.id) {
    const isLast = entry.header.id === target.blTxId;
    const toRoot = (isLast ? lastInclusionProof : inclusionProof).map(bytes);
    const history = rootFrom(source, entry.header.id - 1, target.blTxId - 1, toRoot);
    demand(history.equals(bytes(target.blRoot)), 'the transaction is not in the history');
  } else demand(source.equals(bytes(state.txHash)), 'the transaction is not the state');
  const found = `${state.txId}:${state.txHash.$hex}`;
  demand(trusted === undefined || trusted === found, `the state is ${found}`);
  return seq;
}

try {
  const proof = JSON.parse(readFileSync(argv[2] as string, 'utf8')) as Proof;
  const seq = verify(proof, argv[3]);
  stdout.write(`${JSON.stringify({ seq, line: proof.line })}\n`);
} catch (error) {
  stdout.write(`not proved: ${error instanceof Error ? error.message : error}\n`);
  exit(1);
}
