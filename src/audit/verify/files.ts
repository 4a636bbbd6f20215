import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { createGunzip } from 'node:zlib';
import { parseRotatedName, streamNames } from '../file-names.js';

/** One file of the stream, as its name tells. */
export interface AuditFile {
  readonly path: string;
  readonly name: string;
  /** From 1 and never used twice; undefined for the file that is being written. */
  readonly fileNo: number | undefined;
  readonly compressed: boolean;
  /** Held open by whoever listed it. */
  readonly handle?: FileHandle;
}

/** The list with the live file held open, so that a rotation while it is read takes nothing away. */
export class HeldFiles implements AsyncDisposable {
  readonly files: readonly AuditFile[];
  readonly #handle: FileHandle | undefined;

  private constructor(files: readonly AuditFile[], handle: FileHandle | undefined) {
    this.files = files;
    this.#handle = handle;
  }

  static async open(livePath: string): Promise<HeldFiles> {
    const files = await listAuditFiles(livePath);
    const live = files.at(-1);
    if (live === undefined || live.fileNo !== undefined) return new HeldFiles(files, undefined);
    const handle = await open(live.path, 'r');
    return new HeldFiles([...files.slice(0, -1), { ...live, handle }], handle);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle?.close();
  }
}

/**
 * The files of a stream in their order, the live one last. Of a file that is there plain and compressed (a
 * compression that did not end) the plain one counts.
 */
export async function listAuditFiles(livePath: string): Promise<AuditFile[]> {
  const stream = streamNames(path.resolve(livePath));
  const closed = new Map<number, AuditFile>();
  const names = (await readdir(stream.folder)).sort();
  for (const name of names) {
    const found = parseRotatedName(stream, name);
    if (!found || closed.has(found.fileNo)) continue;
    closed.set(found.fileNo, { path: path.join(stream.folder, name), name, ...found });
  }
  const files = [...closed.values()].sort((a, b) => (a.fileNo ?? 0) - (b.fileNo ?? 0));
  if (names.includes(stream.live)) {
    const live = path.join(stream.folder, stream.live);
    files.push({ path: live, name: stream.live, fileNo: undefined, compressed: false });
  }
  return files;
}

const CHUNK_BYTES = 256 * 1024;
/** Far above what a writer makes; a longer line is not read into memory. */
export const LINE_BYTES_MAX = 1024 * 1024;
const LF = 0x0a;

export interface LineVisitor {
  /** Bytes as they stand in the file, uncompressed. */
  chunk?(bytes: Buffer): void;
  /** Without its end. The bytes are a view that is good until the call returns. @returns false to stop */
  // biome-ignore lint/suspicious/noConfusingVoidType: most visitors read all and say nothing
  line(bytes: Buffer, lineNo: number, offset: number): boolean | void;
  /** Asked after each chunk: reading goes on when what it returns is done. */
  pause?(): Promise<void> | undefined;
}

export interface LinesRead {
  readonly bytes: number;
  readonly lines: number;
  /** Bytes after the last line end. */
  readonly tailBytes: number;
}

/**
 * Reads a file line by line, uncompressed when it has to be.
 * @throws the error of the system or of zlib; RangeError for a line above LINE_BYTES_MAX
 */
export async function readLines(
  file: Pick<AuditFile, 'path' | 'compressed' | 'handle'>,
  visitor: LineVisitor,
  start = 0,
): Promise<LinesRead> {
  const raw = createReadStream(file.path, {
    highWaterMark: CHUNK_BYTES,
    ...(file.compressed ? {} : { start }),
    ...(file.handle === undefined ? {} : { fd: file.handle, autoClose: false }),
  });
  const unzipped = file.compressed ? raw.pipe(createGunzip({ chunkSize: CHUNK_BYTES })) : raw;
  if (unzipped !== raw) raw.on('error', (error) => unzipped.destroy(error));
  let rest: Buffer = Buffer.alloc(0);
  let bytes = 0;
  let lines = 0;
  try {
    for await (const chunk of unzipped as AsyncIterable<Buffer>) {
      visitor.chunk?.(chunk);
      let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const base = bytes - rest.length;
      bytes += chunk.length;
      let from = 0;
      for (let end = data.indexOf(LF); end >= 0; end = data.indexOf(LF, from)) {
        if (visitor.line(data.subarray(from, end), ++lines, start + base + from) === false) {
          return { bytes, lines, tailBytes: 0 };
        }
        from = end + 1;
      }
      data = data.subarray(from);
      if (data.length > LINE_BYTES_MAX) {
        throw new RangeError(`line ${lines + 1} has more than ${LINE_BYTES_MAX} bytes`);
      }
      rest = data;
      await visitor.pause?.();
    }
  } finally {
    if (file.handle === undefined) raw.destroy();
  }
  return { bytes, lines, tailBytes: rest.length };
}
