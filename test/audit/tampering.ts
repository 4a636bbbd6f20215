import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { lineHash } from '../../src/audit/chain.js';
import { Bench, type Report, type SuiteOptions } from '../fault/suite.js';
import { GrpcClient } from '../support/grpc-client.js';
import { runStele } from './run-stele.js';
import { readStream } from './stream-reader.js';

const TIMEOUT_MS = 60_000;
const NOT_VERIFIED = 3;

/** What must be said of it: the kind of problem, the file, and the line where there is one. */
interface Expected {
  readonly kind: string;
  readonly file: string;
  readonly line?: number;
}

/** A copy of the folder of a stream that somebody changes. */
class Victim {
  readonly folder: string;
  readonly closed: readonly string[];

  constructor(folder: string, closed: readonly string[]) {
    this.folder = folder;
    this.closed = closed;
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  lines(name: string): string[] {
    return readFileSync(this.path(name), 'utf8').split('\n').slice(0, -1);
  }

  write(name: string, lines: readonly string[]): void {
    writeFileSync(this.path(name), lines.map((line) => `${line}\n`).join(''));
  }

  /** The second of the closed files. */
  get second(): string {
    return this.closed[1] as string;
  }
}

type Tampering = (victim: Victim) => Expected;

const LIVE = 'audit.json';
/** Somewhere in a file. */
const LINE = 5;

/** Makes the chain of a file good again after a line was changed. */
function rechained(lines: readonly string[], from: number): string[] {
  const chained = [...lines];
  for (let at = from + 1; at < chained.length; at++) {
    const prev = lineHash(chained[at - 1] as string);
    chained[at] = (chained[at] as string).replace(/"prev":"[0-9a-f]{64}"\}$/, `"prev":"${prev}"}`);
  }
  return chained;
}

function edited(lines: readonly string[], at: number): string[] {
  return lines.map((line, index) => (index === at ? line.replace('immudb', 'nobody') : line));
}

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  'a byte is edited': (victim) => {
    const { second: file } = victim;
    victim.write(file, edited(victim.lines(file), LINE));
    return { kind: 'chain', file, line: LINE + 1 };
  },
  'two lines are swapped': (victim) => {
    const { second: file } = victim;
    const lines = victim.lines(file);
    lines.splice(LINE, 2, lines[LINE + 1] as string, lines[LINE] as string);
    victim.write(file, lines);
    return { kind: 'sequence', file, line: LINE + 1 };
  },
  'a line is dropped': (victim) => {
    const { second: file } = victim;
    victim.write(
      file,
      victim.lines(file).filter((_line, at) => at !== LINE),
    );
    return { kind: 'sequence', file, line: LINE + 1 };
  },
  'a file is dropped': (victim) => {
    rmSync(victim.path(victim.second));
    return { kind: 'missingFile', file: victim.second };
  },
  'a closed file is cut': (victim) => {
    const { second: file } = victim;
    const lines = victim.lines(file);
    victim.write(file, lines.slice(0, -2));
    return { kind: 'seal', file, line: lines.length - 1 };
  },
  'a file is written anew with a good chain': (victim) => {
    const { second: file } = victim;
    victim.write(file, rechained(edited(victim.lines(file), LINE), LINE));
    return { kind: 'seal', file };
  },
  'the live file is deleted': (victim) => {
    rmSync(victim.path(LIVE));
    return { kind: 'missingFile', file: LIVE };
  },
  'the live file is cut': (victim) => {
    const lines = victim.lines(LIVE);
    victim.write(LIVE, lines.slice(0, LINE));
    return { kind: 'checkpoint', file: LIVE, line: LINE + 1 };
  },
  'the live file is copied and truncated': (victim) => {
    copyFileSync(victim.path(LIVE), victim.path('audit.json.1'));
    truncateSync(victim.path(LIVE));
    return { kind: 'checkpoint', file: LIVE, line: 1 };
  },
  'the live file is written anew with a good chain': (victim) => {
    victim.write(LIVE, rechained(edited(victim.lines(LIVE), LINE), LINE));
    return { kind: 'checkpoint', file: LIVE };
  },
  'bytes are added': (victim) => {
    appendFileSync(victim.path(LIVE), '{"event_name":"nothing');
    return { kind: 'tail', file: LIVE };
  },
};

/** Streams of a real server that somebody has changed, each shown to `stele audit verify`. */
export async function tampering(report: Report, options: SuiteOptions): Promise<void> {
  await using bench = await Bench.make(options, ['--audit-compress=false', '--audit-reserve=0B']);
  const folder = path.join(bench.dir, 'audit');
  const seals = path.join(bench.folder, 'seals.jsonl');
  const ok = await report.test('a stream as it was left', TIMEOUT_MS, async () => {
    await written(bench);
    const exported = runStele(bench.folder, ['audit', 'files', '--export-seals', ...dirOf(bench)]);
    assert.equal(exported.status, 0, exported.stderr);
    writeFileSync(seals, exported.stdout);
    const { status, stdout, stderr } = runStele(bench.folder, ['audit', 'verify', ...dirOf(bench)]);
    assert.equal(status, 0, stderr);
    return stdout.trim();
  });
  if (!ok) return bench.fail();
  const closed = readStream(folder).files.filter((name) => name !== LIVE);
  for (const [name, tamper] of Object.entries(TAMPERINGS)) {
    await report.test(name, TIMEOUT_MS, async () => {
      const copy = path.join(bench.folder, 'copy');
      cpSync(folder, copy, { recursive: true });
      try {
        return found(bench, copy, seals, tamper(new Victim(copy, closed)));
      } finally {
        rmSync(copy, { recursive: true });
      }
    });
  }
  await report.test('a seal is forged', TIMEOUT_MS, async () => forgedSeal(bench, folder, seals));
}

function dirOf(bench: Bench): string[] {
  return ['--dir', bench.dir];
}

async function written(bench: Bench): Promise<void> {
  await bench.start();
  using client = new GrpcClient(bench.port);
  await client.login();
  for (let file = 0; file < 3; file++) {
    for (let at = 0; at < 10; at++) {
      const key = Buffer.from(`${file}/${at}`);
      await client.call('Set', { KVs: [{ key, value: Buffer.from('v') }] });
    }
    if (file < 2) await client.call('RotateAudit', {});
  }
  await bench.stop();
}

function found(bench: Bench, folder: string, seals: string, expected: Expected): string {
  const args = ['--audit-path', path.join(folder, LIVE), '--seals', seals, '--json'];
  const done = runStele(bench.folder, ['audit', 'verify', ...dirOf(bench), ...args]);
  assert.equal(done.status, NOT_VERIFIED, done.stderr);
  const { problems } = JSON.parse(done.stdout) as { problems: (Expected & { what: string })[] };
  const [first] = problems;
  assert.equal(first?.file, expected.file, done.stdout);
  assert.equal(first?.kind, expected.kind, done.stdout);
  if (expected.line !== undefined) assert.equal(first?.line, expected.line, done.stdout);
  return done.stderr.split('\n')[0] ?? '';
}

/** The seal after it was chained to what it was; of the newest one the database's proof tells. */
function forgedSeal(bench: Bench, folder: string, seals: string): string {
  const records = readFileSync(seals, 'utf8').split('\n').slice(0, -1);
  const at = records.findIndex((record) => record.includes('seal/00000000000000000001'));
  const { key, value } = JSON.parse(records[at] as string) as { key: string; value: string };
  const forged = value.replace(/"lines":\d+/, '"lines":1');
  assert.notEqual(forged, value);
  const file = path.join(bench.folder, 'forged.jsonl');
  records[at] = JSON.stringify({ key, value: forged });
  writeFileSync(file, `${records.join('\n')}\n`);
  const name = (JSON.parse(value) as { file: string }).file;
  return found(bench, folder, file, { kind: 'sealChain', file: name });
}
