import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type Checkpoint, parseSeal } from '../../../src/audit/records.js';
import type { SealSource, StoredSeal } from '../../../src/audit/verify/seal-source.js';
import { sampleEvent } from '../event-samples.js';

function sha(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}

/** The tree of RFC 6962, from its definition. */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha('');
  if (leaves.length === 1) return sha(Buffer.concat([Buffer.of(0), leaves[0] as Buffer]));
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  const halves = [merkleRoot(leaves.slice(0, k)), merkleRoot(leaves.slice(k))];
  return sha(Buffer.concat([Buffer.of(1), ...halves]));
}

export interface Stream {
  readonly directory: string;
  /** Of the live file. */
  readonly live: string;
  /** Names of the sealed files, by file number from 1. */
  readonly names: readonly string[];
  readonly source: SealSource;
  /** Mutable, so that a test can forge. */
  readonly values: Buffer[];
  checkpoint: Checkpoint;
  /** Of the last line of the live file. */
  readonly lastSeq: number;
  path(fileNo: number | 'live'): string;
}

/** A stream of sealed files and a live one, written by a second reading of the format. */
export function makeStream(
  t: Pick<TestContext, 'after'>,
  fileLines: readonly number[],
  liveLines: number,
  deletedFileNo?: number,
): Stream {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'stele-audit-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  let seq = 0;
  let prev = '0'.repeat(64);
  let previousSha = '';
  const lines = (count: number): string[] =>
    Array.from({ length: count }, (_, at) => {
      seq++;
      const change =
        at === 0
          ? { event_name: 'audit.opened', event_data: { previous_sha256: previousSha, v: 1 } }
          : deletedFileNo !== undefined && at === 1
            ? { event_name: 'audit.file_deleted', event_data: { file_no: deletedFileNo, v: 1 } }
            : { username: `user${seq}` };
      const line = JSON.stringify(sampleEvent({ ...change, seq, prev }));
      prev = sha(line).toString('hex');
      return line;
    });
  const names: string[] = [];
  const values: Buffer[] = [];
  for (const [at, count] of fileLines.entries()) {
    const firstSeq = seq + 1;
    const written = lines(count);
    const text = `${written.join('\n')}\n`;
    const name = `audit.20261122T0000${String(at).padStart(2, '0')}Z.${String(at + 1).padStart(10, '0')}.json`;
    writeFileSync(path.join(directory, name), text);
    previousSha = sha(text).toString('hex');
    names.push(name);
    values.push(
      Buffer.from(
        JSON.stringify({
          v: 1,
          file_no: at + 1,
          file: name,
          format: 'native',
          first_seq: firstSeq,
          last_seq: seq,
          lines: count,
          bytes: Buffer.byteLength(text),
          sha256: previousSha,
          head: prev,
          merkle_root: merkleRoot(written.map(sha)).toString('hex'),
          opened_at: '2026-11-22T00:00:00.000Z',
          sealed_at: '2026-11-22T00:00:00.000Z',
          reason: 'size',
          key_id: '0123456789abcdef',
          prev_seal: at === 0 ? '0'.repeat(64) : sha(values[at - 1] as Buffer).toString('hex'),
        }),
      ),
    );
  }
  const live = lines(liveLines);
  writeFileSync(path.join(directory, 'audit.json'), live.map((line) => `${line}\n`).join(''));
  const seen = live.slice(0, -2);
  const stream: Stream = {
    directory,
    live: path.join(directory, 'audit.json'),
    names,
    values,
    lastSeq: seq,
    path: (fileNo) =>
      path.join(directory, fileNo === 'live' ? 'audit.json' : (names[fileNo - 1] as string)),
    checkpoint: {
      v: 1,
      file_no: names.length + 1,
      at: '2026-11-22T00:00:00.000Z',
      watermarks: {},
      clean: false,
      up_to_seq: seq - 2,
      head: sha(seen.at(-1) as string).toString('hex'),
      merkle_root: merkleRoot(seen.map(sha)).toString('hex'),
      lines: seen.length,
      bytes: Buffer.byteLength(seen.join('\n')) + 1,
    },
    source: {
      seals: async () =>
        values.map(
          (value): StoredSeal => ({ value, seal: parseSeal(value) as StoredSeal['seal'] }),
        ),
      checkpoint: async () => stream.checkpoint,
    },
  };
  return stream;
}
