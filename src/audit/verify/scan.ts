import { type ChainHead, FileDigest, lineHash } from '../chain.js';
import { type AuditFormat, formatOfLine, placeOfLine } from '../formats/convert.js';
import { type AuditFile, type LinesRead, readLines } from './files.js';
import type { Problem, ProblemKind } from './report.js';

export interface Mark {
  readonly lines: number;
  readonly merkleRoot: string;
  readonly head: string;
}

export interface FileScan extends LinesRead {
  readonly sha256: string;
  readonly merkleRoot: string;
  readonly format: AuditFormat | undefined;
  readonly firstSeq: number | undefined;
  readonly head: ChainHead | undefined;
  readonly problems: readonly Problem[];
  /** Lines, root and head up to the number that was asked for; undefined when it is not there. */
  readonly mark: Mark | undefined;
  /** Lines whose names the caller wants to see, in their order. */
  readonly noted: readonly { readonly name: string; readonly line: string }[];
}

export interface ScanOptions {
  /** What stands before the first line; undefined when it is not known. */
  readonly before: ChainHead | undefined;
  /** Note the tree up to the line with this number. */
  readonly markSeq?: number | undefined;
  /** Reading ends before the line behind this one. */
  readonly lastSeq?: number | undefined;
  /** Names of events whose lines are kept. */
  readonly note: ReadonlySet<string>;
  /** Told of every line that can be read. */
  each(name: string, line: string): void;
}

/** Problems of one file that are kept; after one change the rest often follows. */
const PROBLEMS_MAX = 20;

/** Reads a file once, and checks every line against the one before. */
export async function scanFile(file: AuditFile, options: ScanOptions): Promise<FileScan> {
  const scanner = new Scanner(file, options);
  const read = await readLines(file, {
    chunk: (bytes) => scanner.chunk(bytes),
    line: (bytes, lineNo) => scanner.line(bytes, lineNo),
  });
  scanner.end();
  return { ...read, ...scanner.result() };
}

class Scanner {
  readonly #file: AuditFile;
  readonly #options: ScanOptions;
  readonly #digest = new FileDigest();
  #format: AuditFormat | undefined;
  readonly #problems: Problem[] = [];
  readonly #noted: { name: string; line: string }[] = [];
  #head: ChainHead | undefined;
  #firstSeq: number | undefined;
  #mark: Mark | undefined;
  /** A link that does not hold, until the next one tells which of both lines was changed. */
  #broken: { readonly lineNo: number; readonly seq: number } | undefined;
  #unreadable = false;

  constructor(file: AuditFile, options: ScanOptions) {
    this.#file = file;
    this.#options = options;
    this.#head = options.before;
  }

  chunk(bytes: Buffer): void {
    this.#digest.addBytes(bytes);
  }

  /** @returns whether to go on */
  line(bytes: Buffer, lineNo: number): boolean {
    const { lastSeq } = this.#options;
    if (lastSeq !== undefined && (this.#head?.seq ?? 0) >= lastSeq) return false;
    this.#checked(bytes, lineNo);
    return true;
  }

  #checked(bytes: Buffer, lineNo: number): void {
    const text = bytes.toString('utf8');
    const hash = lineHash(bytes);
    this.#digest.addLine(hash, 0);
    this.#format ??= formatOfLine(text);
    const place = this.#format && placeOfLine(text, this.#format);
    if (!place) {
      this.#settle(false);
      this.#add(
        'line',
        lineNo,
        this.#nextSeq(),
        `the line is no event${this.#format ? ` in the format ${this.#format}` : ''}`,
      );
      if (this.#head) this.#head = { seq: this.#head.seq + 1, hash: hash };
      this.#unreadable = true;
      return;
    }
    this.#link(place.seq, place.prev, lineNo);
    this.#firstSeq ??= place.seq;
    this.#head = { seq: place.seq, hash: hash };
    this.#options.each(place.name, text);
    if (this.#options.note.has(place.name)) this.#noted.push({ name: place.name, line: text });
    if (place.seq === this.#options.markSeq) {
      this.#mark = { lines: lineNo, merkleRoot: this.#digest.merkleRoot(), head: this.#head.hash };
    }
  }

  #link(seq: number, prev: string, lineNo: number): void {
    const head = this.#head;
    // The line before is reported already, so nothing new is said by the link to it.
    const unreadable = this.#unreadable;
    this.#unreadable = false;
    if (!head) return;
    const holds = prev === head.hash;
    if (seq !== head.seq + 1) {
      this.#settle(false);
      this.#add('sequence', lineNo, head.seq + 1, gapText(head.seq + 1, seq));
      return;
    }
    if (this.#broken) this.#settle(!holds);
    else if (!holds && !unreadable) this.#broken = { lineNo, seq };
  }

  /** @param again whether the link after the broken one does not hold either */
  #settle(again: boolean): void {
    const broken = this.#broken;
    if (!broken) return;
    this.#broken = undefined;
    const back = again || broken.lineNo === 1 ? 0 : 1;
    const lineNo = broken.lineNo - back;
    const what =
      broken.lineNo === 1 && !again
        ? 'the first line does not continue the file before'
        : 'the line was changed: it is not what the next line was chained to';
    this.#add('chain', lineNo, broken.seq - back, what);
  }

  #nextSeq(): number | undefined {
    return this.#head ? this.#head.seq + 1 : undefined;
  }

  #add(kind: ProblemKind, line: number, seq: number | undefined, what: string): void {
    if (this.#problems.length >= PROBLEMS_MAX) return;
    this.#problems.push({ kind, file: this.#file.name, line, seq, what });
  }

  end(): void {
    this.#settle(false);
  }

  result() {
    return {
      merkleRoot: this.#digest.merkleRoot(),
      sha256: this.#digest.finish(),
      format: this.#format,
      firstSeq: this.#firstSeq,
      head: this.#head === this.#options.before ? undefined : this.#head,
      problems: this.#problems,
      mark: this.#mark,
      noted: this.#noted,
    };
  }
}

function gapText(expected: number, found: number): string {
  if (found > expected) {
    const missing = found - expected === 1 ? `${expected}` : `${expected} to ${found - 1}`;
    return `seq ${found} stands where ${expected} must stand: ${missing} removed or moved`;
  }
  return `seq ${found} stands where ${expected} must stand: lines were moved or added`;
}
