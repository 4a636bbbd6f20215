import { stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { parseNativeEvent } from '../formats/convert.js';
import type { NativeEvent } from '../formats/native.js';
import { AuditFileError } from './errors.js';
import { type AuditFile, listAuditFiles, readLines } from './files.js';

export interface StreamLine {
  readonly file: AuditFile;
  readonly lineNo: number;
  /** Without its end. */
  readonly text: string;
}

/** Lines handed over at a time. */
const BATCH_LINES = 1024;

/** All lines of a stream in their order, unchecked: rotated, compressed and live files. */
export async function* streamLines(livePath: string): AsyncGenerator<StreamLine> {
  for (const file of await listAuditFiles(livePath)) yield* linesOf(file);
}

async function* linesOf(file: AuditFile): AsyncGenerator<StreamLine> {
  const queue: StreamLine[] = [];
  let wake: () => void = () => {};
  let drain: () => void = () => {};
  let done = false;
  const reading = readLines(file, {
    line: (bytes, lineNo) => {
      queue.push({ file, lineNo, text: bytes.toString('utf8') });
      if (queue.length >= BATCH_LINES) wake();
    },
    pause: () =>
      queue.length < BATCH_LINES
        ? undefined
        : new Promise<void>((resolve) => {
            drain = resolve;
          }),
  }).finally(() => {
    done = true;
    wake();
  });
  // Reported by the await below.
  reading.catch(() => {});
  for (;;) {
    if (queue.length < BATCH_LINES && !done) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    yield* queue.splice(0);
    drain();
    if (done && queue.length === 0) break;
  }
  await reading;
}

/** @throws AuditFileError for a line that is no event of the format `native` */
export async function* streamEvents(
  livePath: string,
): AsyncGenerator<{ readonly event: NativeEvent; readonly text: string }> {
  for await (const { file, lineNo, text } of streamLines(livePath)) {
    const event = parseNativeEvent(text);
    if (!event) {
      throw new AuditFileError(
        'lineUnreadable',
        `${file.path}, line ${lineNo}: no event in the format native; stele audit verify says more`,
      );
    }
    yield { event, text };
  }
}

const POLL_MS = 200;

/**
 * Lines from the end of the live file on, as they are written. A file that was closed is read to its end
 * before the next one.
 * @param afterSeq lines up to this one are left out
 */
export async function* followEvents(
  livePath: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<{ readonly event: NativeEvent; readonly text: string }> {
  let last = afterSeq;
  let seen = '';
  while (!signal.aborted) {
    const files = await listAuditFiles(livePath);
    const sizes = await Promise.all(
      files.map(async (file) => `${file.name} ${await sizeOf(file)}`),
    );
    if (sizes.join() !== seen) {
      seen = sizes.join();
      for await (const found of eventsAfter(files, last)) {
        last = found.event.seq;
        yield found;
      }
    }
    await pause(POLL_MS, undefined, { signal }).catch(() => {});
  }
}

/** Closed files that end before are not read again. */
async function* eventsAfter(files: readonly AuditFile[], seq: number) {
  const first = await firstSeqs(files);
  for (const [at, file] of files.entries()) {
    const next = first[at + 1];
    if (next !== undefined && next <= seq + 1) continue;
    for await (const { text } of linesOf(file)) {
      const event = parseNativeEvent(text);
      if (event && event.seq > seq) yield { event, text };
    }
  }
}

/** Number of the first line of each file; undefined for one that has none. */
async function firstSeqs(files: readonly AuditFile[]): Promise<(number | undefined)[]> {
  const numbers: (number | undefined)[] = [];
  for (const file of files) {
    let number: number | undefined;
    await readLines(file, {
      line: (bytes) => {
        number = parseNativeEvent(bytes.toString('utf8'))?.seq;
        return false;
      },
    });
    numbers.push(number);
  }
  return numbers;
}

async function sizeOf(file: AuditFile): Promise<number> {
  try {
    return (await stat(file.path)).size;
  } catch {
    return 0;
  }
}
