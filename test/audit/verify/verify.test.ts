import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Problem } from '../../../src/audit/verify/report.js';
import { verifyAudit } from '../../../src/audit/verify/verify.js';
import { makeStream, type Stream } from './stream-fixture.js';

/** Three sealed files with seq 1 to 5, 6 to 11, 12 to 18, and a live one with 19 to 24, checked up to 22. */
function stream(t: TestContext): Stream {
  return makeStream(t, [5, 6, 7], 6);
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').slice(0, -1);
}

function writeLines(file: string, lines: readonly string[]): void {
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
}

function edit(file: string, change: (lines: string[]) => void): void {
  const lines = linesOf(file);
  change(lines);
  writeLines(file, lines);
}

type Place = Pick<Problem, 'kind' | 'file' | 'line' | 'seq'>;

async function firstProblem({ live, source }: Stream): Promise<Place | undefined> {
  const [problem] = (await verifyAudit({ path: live, source })).problems;
  return (
    problem && { kind: problem.kind, file: problem.file, line: problem.line, seq: problem.seq }
  );
}

test('an untouched stream is proved', async (t) => {
  const { live, source } = stream(t);
  const report = await verifyAudit({ path: live, source });
  assert.deepEqual(report.problems, []);
  assert.equal(report.ok, true);
  const { files, lines, firstSeq, lastSeq, sealsChecked, checkpointChecked } = report;
  assert.deepEqual(
    { files, lines, firstSeq, lastSeq, sealsChecked, checkpointChecked },
    { files: 4, lines: 24, firstSeq: 1, lastSeq: 24, sealsChecked: 3, checkpointChecked: true },
  );
});

test('compressed files are read as what they were', async (t) => {
  const made = stream(t);
  writeFileSync(`${made.path(2)}.gz`, gzipSync(readFileSync(made.path(2))));
  rmSync(made.path(2));
  assert.equal(await firstProblem(made), undefined);
  writeFileSync(`${made.path(2)}.gz`, gzipSync(`${linesOf(made.path(1)).join('\n')}\n`));
  assert.deepEqual((await firstProblem(made))?.file, `${made.names[1]}.gz`);
});

test('one edited byte is found in its line', async (t) => {
  const made = stream(t);
  for (let at = 0; at < 6; at++) {
    const whole = readFileSync(made.path(2));
    edit(made.path(2), (lines) => {
      lines[at] = (lines[at] as string).replace('alice', 'alicf').replace('user', 'usee');
    });
    const found = await firstProblem(made);
    assert.deepEqual([found?.file, found?.line, found?.seq], [made.names[1], at + 1, 6 + at]);
    writeFileSync(made.path(2), whole);
  }
});

test('every single byte of a line counts', async (t) => {
  const made = stream(t);
  const whole = readFileSync(made.path(1));
  const start = whole.indexOf(10) + 1;
  for (let at = start; at < whole.indexOf(10, start); at += 7) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] as number) ^ 1;
    writeFileSync(made.path(1), changed);
    const found = await firstProblem(made);
    assert.equal(found?.file, made.names[0], `byte ${at}`);
    assert.equal(found?.line, 2, `byte ${at}: ${JSON.stringify(found)}`);
  }
});

test('a dropped line is found where it stood', async (t) => {
  for (let at = 0; at < 7; at++) {
    const made = stream(t);
    edit(made.path(3), (lines) => lines.splice(at, 1));
    const found = await firstProblem(made);
    assert.deepEqual([found?.file, found?.line, found?.seq], [made.names[2], at + 1, 12 + at]);
  }
});

test('swapped lines are found', async (t) => {
  const made = stream(t);
  edit(made.path(1), (lines) => {
    [lines[2], lines[3]] = [lines[3] as string, lines[2] as string];
  });
  const place = { kind: 'sequence', file: made.names[0], line: 3, seq: 3 };
  assert.deepEqual(await firstProblem(made), place);
});

test('an added line is found, also one that continues the chain', async (t) => {
  const made = stream(t);
  appendFileSync(made.path(2), `${linesOf(made.path(3))[0]}\n`);
  assert.deepEqual(await firstProblem(made), {
    kind: 'seal',
    file: made.names[1],
    line: 7,
    seq: 12,
  });
});

test('a truncated file is found, at a line end and within a line', async (t) => {
  const made = stream(t);
  edit(made.path(2), (lines) => lines.splice(4));
  const atEnd = { kind: 'seal', file: made.names[1], line: 5, seq: 10 };
  assert.deepEqual(await firstProblem(made), atEnd);
  const other = stream(t);
  truncateSync(other.path(2), readFileSync(other.path(2)).length - 10);
  const within = { kind: 'tail', file: other.names[1], line: 6, seq: 11 };
  assert.deepEqual(await firstProblem(other), within);
});

test('a replaced file is found', async (t) => {
  const made = stream(t);
  const forged = makeStream(t, [5, 6, 7], 6);
  edit(forged.path(2), (lines) => lines.reverse());
  writeFileSync(made.path(2), readFileSync(forged.path(2)));
  assert.equal((await firstProblem(made))?.file, made.names[1]);
  const again = stream(t);
  writeFileSync(again.path(3), readFileSync(again.path(2)));
  const place = { kind: 'sequence', file: again.names[2], line: 1, seq: 12 };
  assert.deepEqual(await firstProblem(again), place);
});

test('a dropped file is found, unless an event records its deletion', async (t) => {
  const made = stream(t);
  rmSync(made.path(2));
  const gone = { kind: 'missingFile', file: made.names[1], line: undefined, seq: 6 };
  assert.deepEqual(await firstProblem(made), gone);
  const { problems } = await verifyAudit({ path: made.live });
  assert.equal(problems[0]?.kind, 'missingFile', 'without seals the number is missed');
  const recorded = makeStream(t, [5, 6, 7], 6, 2);
  rmSync(recorded.path(2));
  assert.equal(await firstProblem(recorded), undefined);
  rmSync(recorded.path(1));
  assert.equal((await firstProblem(recorded))?.file, recorded.names[0]);
});

test('a live file that was cut, emptied, copied and truncated, or removed is found', async (t) => {
  const made = stream(t);
  edit(made.path('live'), (lines) => lines.splice(3));
  const cut = { kind: 'checkpoint', file: 'audit.json', line: 4, seq: 22 };
  assert.deepEqual(await firstProblem(made), cut);
  truncateSync(made.path('live'), 0);
  const emptied = { kind: 'checkpoint', file: 'audit.json', line: 1, seq: 19 };
  assert.deepEqual(await firstProblem(made), emptied);
  const copied = stream(t);
  const lines = linesOf(copied.path('live'));
  writeLines(copied.path('live'), lines.slice(4));
  const place = { kind: 'sequence', file: 'audit.json', line: 1, seq: 19 };
  assert.deepEqual(await firstProblem(copied), place);
  rmSync(copied.path('live'));
  const removed = { kind: 'missingFile', file: 'audit.json', line: undefined, seq: 19 };
  assert.deepEqual(await firstProblem(copied), removed);
});

test('a live file whose chain was made anew is found by the checkpoint', async (t) => {
  const made = stream(t);
  const other = { ...made.checkpoint, head: 'ab'.repeat(32) };
  made.checkpoint = other;
  const place = { kind: 'checkpoint', file: 'audit.json', line: 4, seq: 22 };
  assert.deepEqual(await firstProblem(made), place);
});

test('bytes after the last line are found', async (t) => {
  const made = stream(t);
  appendFileSync(made.path('live'), '{"event_time":');
  const place = { kind: 'tail', file: 'audit.json', line: 7, seq: 25 };
  assert.deepEqual(await firstProblem(made), place);
});

test('a forged seal is found, even with a file that fits it', async (t) => {
  const made = stream(t);
  const forged = JSON.parse(made.values[1]?.toString() as string);
  forged.bytes++;
  made.values[1] = Buffer.from(JSON.stringify(forged));
  const place = { kind: 'sealChain', file: made.names[1], line: undefined, seq: 6 };
  assert.deepEqual(await firstProblem(made), place);
  made.values.splice(1, 1);
  assert.equal((await firstProblem(made))?.kind, 'sealChain');
});

test('without seals the chain alone is checked, and the report says so', async (t) => {
  const made = stream(t);
  const report = await verifyAudit({ path: made.live });
  assert.deepEqual([report.ok, report.sealsChecked, report.checkpointChecked], [true, 0, false]);
  edit(made.path(1), (lines) => {
    lines[1] = (lines[1] as string).replace('user2', 'user3');
  });
  const [problem] = (await verifyAudit({ path: made.live })).problems;
  assert.deepEqual([problem?.kind, problem?.line, problem?.seq], ['chain', 2, 2]);
});
