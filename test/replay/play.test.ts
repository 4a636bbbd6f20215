import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import type { RawAnswer } from '../support/grpc-client.js';
import { encode } from './alterations.js';
import { Deviations } from './deviations.js';
import { playTrace } from './play.js';
import { Report } from './report.js';
import type { ExpectedMessage, Step, Trace } from './trace.js';

/** As a recording writes a captured value. */
const [t, none] = ['t', 'none'].map((name) => `\${${name}}`) as [string, string];

function step(name: string, more: Partial<Step> = {}): Step {
  const expect = { code: 0, details: '', messages: [{ 1: [{ s: 'secret' }] }] };
  return { name, method: '/s/M', kind: 'uu', requestHex: '', expect, ...more };
}

function trace(steps: Step[]): Trace {
  return { scenario: 'scan', steps };
}

function answer(message: ExpectedMessage): RawAnswer {
  const messages = [encode(message)];
  return { messages, code: 0, details: '', headers: undefined, trailers: new Metadata() };
}

const right = answer({ 1: [{ s: 'secret' }] });
const wrong = answer({ 1: [{ s: 'other' }] });
const refused: RawAnswer = { ...right, messages: [], code: 7, details: 'no' };

test('what a step captures is filled into the metadata of later ones', async () => {
  const steps = [
    step('login', { capture: { t: '1' } }),
    step('get', { metadata: { authorization: `Bearer ${t}`, other: `${none}-${t}` } }),
  ];
  const sent: Record<string, string>[] = [];
  await playTrace(trace(steps), async (_, headers) => {
    sent.push(headers);
    return right;
  });
  assert.deepEqual(sent, [{}, { authorization: 'Bearer secret', other: '-secret' }]);
});

test('a step that failed captures nothing, and the next are played all the same', async () => {
  const steps = [
    step('login', { capture: { t: '1' } }),
    step('get', { metadata: { authorization: t } }),
  ];
  const answers = [refused, { ...right, messages: [Buffer.from([0xff])] }];
  const sent: Record<string, string>[] = [];
  const results = await playTrace(trace(steps), async (_, headers) => {
    sent.push(headers);
    return answers.shift() as RawAnswer;
  });
  assert.deepEqual(sent, [{}, { authorization: '' }]);
  assert.deepEqual(
    results.map(({ differences }) => differences.map(({ where }) => where)),
    [['code'], ['message']],
  );
});

async function report(
  answers: RawAnswer[],
  rows: ConstructorParameters<typeof Deviations>[0] = [],
  complete = true,
): Promise<{ passed: boolean; lines: string[] }> {
  const steps = answers.map((_, i) => step(`step ${i}`));
  const results = await playTrace(trace(steps), async () => answers.shift() as RawAnswer);
  const lines: string[] = [];
  const told = new Report(new Deviations(rows), (line) => lines.push(line));
  told.played('v1/scan', results);
  return { passed: told.end({ complete }), lines };
}

test('steps that are as recorded pass', async () => {
  const { passed, lines } = await report([right, right]);
  assert.ok(passed);
  assert.equal(lines.at(-1), '2 passed, 0 failed');
});

test('a step that is not as recorded fails and is shown', async () => {
  const { passed, lines } = await report([right, wrong, refused]);
  assert.ok(!passed);
  assert.deepEqual(lines.slice(0, 2), [
    'DIFFERS  v1/scan: step 1 (M)',
    '    message.1: "secret" was recorded, "other" came',
  ]);
  assert.equal(lines.at(-1), '1 passed, 2 failed');
});

const row = { trace: '^v1/scan$', step: '^step 0$', path: '^message\\.1$', reason: 'meant' };

test('a step whose differences are all meant passes', async () => {
  const { passed, lines } = await report([wrong], [row]);
  assert.ok(passed);
  assert.equal(lines.at(-1), '1 passed, 0 failed');
});

test('a deviation that no longer occurs fails, unless only some traces were played', async () => {
  const all = await report([right], [row]);
  assert.ok(!all.passed);
  assert.match(all.lines[0] as string, /^NO LONGER OCCURS .*step 0/);
  assert.equal(all.lines.at(-1), '1 passed, 1 failed');
  const some = await report([right], [row], false);
  assert.ok(some.passed);
});

test('a trace that breaks fails with all its steps, and no trace at all does not pass', () => {
  const lines: string[] = [];
  const broken = new Report(new Deviations([]), (line) => lines.push(line));
  broken.broke('v1/scan', 12, new Error('the server did not start'));
  assert.ok(!broken.end({ complete: true }));
  assert.equal(lines.at(-1), '0 passed, 12 failed');
  assert.ok(!new Report(new Deviations([]), () => {}).end({ complete: true }));
});
