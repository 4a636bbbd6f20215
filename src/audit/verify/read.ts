import { setTimeout as pause } from 'node:timers/promises';
import { parseNativeEvent } from '../formats/convert.js';
import type { NativeEvent } from '../formats/native.js';
import { type CursorPosition, STREAM_START, takeLines } from './cursor.js';
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
 * Lines as they are written, until the signal is given.
 * @param afterSeq lines up to this one are left out
 */
export async function* followEvents(
  livePath: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<{ readonly event: NativeEvent; readonly text: string }> {
  let position: CursorPosition = { ...STREAM_START, seq: afterSeq };
  while (!signal.aborted) {
    const lines = await takeLines(livePath, position, BATCH_LINES);
    for (const { text, after } of lines) {
      position = after;
      const event = parseNativeEvent(text);
      if (event) yield { event, text };
    }
    if (lines.length === 0) await pause(POLL_MS, undefined, { signal }).catch(() => {});
  }
}
