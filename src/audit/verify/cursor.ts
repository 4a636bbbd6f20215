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
 * @returns nothing when there is nothing new
 */
export async function takeLines(
  livePath: string,
  position: CursorPosition,
  lineCountMax: number,
): Promise<TakenLine[]> {
  const files = await openFiles(livePath);
  const taken: TakenLine[] = [];
  const known = files.findIndex(
    ({ inode, size, file }) =>
      inode === position.inode && size >= position.offset && !file.compressed,
  );
  const first = known >= 0 ? known : await firstAfter(files, position.seq);
  for (let at = first; at < files.length && taken.length < lineCountMax; at++) {
    const start = at === known ? position.offset : 0;
    await takeFrom(files[at] as OpenFile, start, taken.at(-1)?.seq ?? position.seq, (line) => {
      taken.push(line);
      return taken.length < lineCountMax;
    });
  }
  return taken;
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
    try {
      const { ino, size } = await stat(file.path);
      // While it is being closed, a file has both names.
      if (!files.some(({ inode }) => inode === ino)) files.push({ file, inode: ino, size });
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }
  return files;
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
