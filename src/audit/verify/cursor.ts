import { stat } from 'node:fs/promises';
import { systemErrorCode } from '../../base/durable-file.js';
import { formatOfLine, placeOfLine } from '../formats/convert.js';
import { type AuditFile, listAuditFiles, readLines } from './files.js';

/** How far a reader of the stream has come. */
export interface CursorPosition {
  /** Of the last line that was taken; 0 before the first. */
  readonly seq: number;
  /** The file it stands in, as the file system numbers it, which renaming does not change. */
  readonly inode: number;
  /** Bytes of that file that were taken. */
  readonly offset: number;
}

export const STREAM_START: CursorPosition = { seq: 0, inode: 0, offset: 0 };

export interface TakenLine {
  readonly seq: number;
  readonly text: string;
  /** Where a reader is that has taken this line. */
  readonly after: CursorPosition;
}

interface OpenFile {
  readonly file: AuditFile;
  readonly inode: number;
  readonly size: number;
}

/**
 * The next lines after a position, over rotated, compressed and live files. What was taken is not read
 * again, unless its file was compressed meanwhile.
 * @param lineCountMax most lines to take
 * @param lastSeq lines behind this one are left
 * @returns nothing when there is nothing new
 */
export async function takeLines(
  livePath: string,
  position: CursorPosition,
  lineCountMax: number,
  lastSeq = Number.MAX_SAFE_INTEGER,
): Promise<TakenLine[]> {
  const taking = new Taking(position.seq, lineCountMax, lastSeq);
  // The file that grows is the one that a reader mostly stands in; the folder may hold thousands.
  const live = { path: livePath, name: '', fileNo: undefined, compressed: false };
  const inLive = await openFile(live);
  if (inLive && standsIn(inLive, position)) {
    await taking.from(inLive, position.offset);
    if (taking.isComplete) return taking.lines;
    taking.reset();
  }
  const files = await openFiles(livePath);
  const known = files.findIndex((file) => !file.file.compressed && standsIn(file, position));
  if (known >= 0) {
    await taking.from(files[known] as OpenFile, position.offset);
    // A new file may have got the number of one that is gone.
    if (taking.lines.length > 0 && !taking.isComplete) taking.reset();
    else return taking.fromAll(files.slice(known + 1));
  }
  return taking.fromAll(files.slice(await firstAfter(files, position.seq)));
}

function standsIn({ inode, size }: OpenFile, position: CursorPosition): boolean {
  return inode === position.inode && size >= position.offset;
}

/** The lines that one look at the files gives. */
class Taking {
  lines: TakenLine[] = [];
  readonly #afterSeq: number;
  readonly #countMax: number;
  readonly #lastSeq: number;

  constructor(afterSeq: number, countMax: number, lastSeq: number) {
    this.#afterSeq = afterSeq;
    this.#countMax = countMax;
    this.#lastSeq = lastSeq;
  }

  reset(): void {
    this.lines = [];
  }

  /** Whether there are lines, and none is missing before them. */
  get isComplete(): boolean {
    return this.lines[0]?.seq === this.#afterSeq + 1;
  }

  get #newest(): number {
    return this.lines.at(-1)?.seq ?? this.#afterSeq;
  }

  async fromAll(files: readonly OpenFile[]): Promise<TakenLine[]> {
    for (const file of files) {
      if (this.lines.length >= this.#countMax || this.#newest >= this.#lastSeq) break;
      await this.from(file, 0);
    }
    return this.lines;
  }

  async from(file: OpenFile, start: number): Promise<void> {
    await takeFrom(file, start, this.#newest, (line) => {
      if (line.seq > this.#lastSeq) return false;
      this.lines.push(line);
      return this.lines.length < this.#countMax;
    });
  }
}

async function takeFrom(
  { file, inode }: OpenFile,
  start: number,
  afterSeq: number,
  take: (line: TakenLine) => boolean,
): Promise<void> {
  await readLines(
    file,
    {
      line: (bytes, _lineNo, offset) => {
        const text = bytes.toString('utf8');
        const format = formatOfLine(text);
        const seq = (format && placeOfLine(text, format)?.seq) ?? 0;
        if (seq <= afterSeq) return true;
        return take({ seq, text, after: { seq, inode, offset: offset + bytes.length + 1 } });
      },
    },
    start,
  );
}

/** The files with what tells them apart; one that was renamed just now is found by the next call. */
async function openFiles(livePath: string): Promise<OpenFile[]> {
  const files: OpenFile[] = [];
  for (const file of await listAuditFiles(livePath)) {
    const opened = await openFile(file);
    // While it is being closed, a file has both names.
    if (opened && !files.some(({ inode }) => inode === opened.inode)) files.push(opened);
  }
  return files;
}

/** @returns undefined when it is gone */
async function openFile(file: AuditFile): Promise<OpenFile | undefined> {
  try {
    const { ino, size } = await stat(file.path);
    return { file, inode: ino, size };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Index of the file that holds the line after `seq`. */
async function firstAfter(files: readonly OpenFile[], seq: number): Promise<number> {
  let found = 0;
  for (const [at, { file }] of files.entries()) {
    let first: number | undefined;
    await readLines(file, {
      line: (bytes) => {
        const text = bytes.toString('utf8');
        const format = formatOfLine(text);
        first = format && placeOfLine(text, format)?.seq;
        return false;
      },
    });
    if (first !== undefined && first > seq + 1) break;
    found = at;
  }
  return found;
}
