import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import { globSync } from '../support/glob.js';
import type { RawAnswer } from '../support/grpc-client.js';
import { projectRoot } from '../support/project.js';
import { alterations, contentOf, encode } from './alterations.js';
import { compareAnswer } from './compare.js';
import type { Expectation, Step, Trace } from './trace.js';

/**
 * A replay that passes says something only if the comparison would have noticed another answer. So each
 * recorded answer is put together again and must pass, and then each answer that differs from it in one
 * place must not.
 */

interface Recorded {
  readonly name: string;
  readonly step: Step;
  readonly strict: boolean;
}

function recorded(): Recorded[] {
  const folder = path.join(projectRoot, 'test/vectors/wire');
  return globSync(folder, '.json').flatMap((file) => {
    const trace = JSON.parse(readFileSync(file, 'utf8')) as Trace;
    const strict = trace.extraFields !== 'ignored';
    const scenario = path.relative(folder, file);
    return trace.steps.map((step) => ({ name: `${scenario}: ${step.name}`, step, strict }));
  });
}

const steps = recorded();

function chunk(segments: readonly Buffer[]): Buffer {
  const prefixed = segments.flatMap((segment) => {
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64BE(BigInt(segment.length));
    return [prefix, segment];
  });
  return encode({ 1: [{ b: Buffer.concat(prefixed).toString('hex') }] });
}

/** What the recorded server answered. */
function answerOf(expect: Expectation, messages = messagesOf(expect)): RawAnswer {
  const { details = '' } = expect;
  const code = expect.code === 'varies' ? 0 : expect.code;
  const trailers = new Metadata();
  if (expect.errorDetails !== undefined) {
    const packed = expect.errorDetails.map(({ type, code: number }) => {
      const content = encode(number === undefined ? {} : { 1: [{ s: String(number) }] });
      const any = { 1: [{ s: `t/google.rpc.${type}` }], 2: [{ b: content.toString('hex') }] };
      return { m: any };
    });
    trailers.set('grpc-status-details-bin', encode({ 3: packed }));
  }
  return { messages, code, details, headers: undefined, trailers };
}

function messagesOf({ messages, segments }: Expectation): Buffer[] {
  if (segments === undefined) return (messages ?? []).map(encode);
  return [chunk(segments.map((segment) => contentOf(segment) ?? Buffer.from('any')))];
}

test('what was recorded passes, in all three generations', () => {
  assert.ok(steps.length > 2500);
  const wrong = steps.flatMap(({ name, step, strict }) =>
    compareAnswer(step, answerOf(step.expect), strict).map((difference) => ({ name, difference })),
  );
  assert.deepEqual(wrong, []);
});

test('another status or another text of it is noticed', () => {
  for (const { name, step, strict } of steps) {
    const answer = answerOf(step.expect);
    if (step.expect.code === 'varies') continue;
    const status = compareAnswer(step, { ...answer, code: answer.code + 1 }, strict);
    assert.deepEqual(status[0]?.where, 'code', name);
    if (step.expect.details === undefined) continue;
    const text = compareAnswer(step, { ...answer, details: `${answer.details}.` }, strict);
    assert.deepEqual(text[0]?.where, 'details', name);
  }
});

test('one message more or less is noticed', () => {
  for (const { name, step, strict } of steps) {
    const { messages } = step.expect;
    if (messages === undefined) continue;
    const bytes = messages.map(encode);
    for (const other of [[...bytes, Buffer.alloc(0)], bytes.slice(1)]) {
      if (other.length === messages.length) continue;
      const found = compareAnswer(step, answerOf(step.expect, other), strict);
      assert.deepEqual(
        found.map(({ where }) => where),
        ['messages'],
        name,
      );
    }
  }
});

test('a field that was not recorded is noticed where fields count, and only there', () => {
  const unknown = encode({ 999: [{ v: '1' }] });
  for (const { name, step, strict } of steps) {
    const [first, ...rest] = (step.expect.messages ?? []).map(encode);
    if (first === undefined) continue;
    const messages = [Buffer.concat([first, unknown]), ...rest];
    const found = compareAnswer(step, answerOf(step.expect, messages), strict);
    assert.equal(found.length, strict ? 1 : 0, name);
  }
});

/** All of them take a minute; a prime number apart they still meet every kind in every place. */
const STRIDE = 41;

test('any value that is another, missing or too many is noticed, at any depth', () => {
  let count = 0;
  for (const { name, step, strict } of steps) {
    const { messages = [] } = step.expect;
    const bytes = messages.map(encode);
    for (const [i, message] of messages.entries()) {
      for (const { name: alteration, message: altered } of alterations(message)) {
        if (++count % STRIDE !== 0) continue;
        const answer = answerOf(step.expect, bytes.with(i, encode(altered)));
        const { length } = compareAnswer(step, answer, strict);
        assert.ok(length > 0, `${name}: ${alteration} was not noticed`);
      }
    }
  }
  assert.ok(count > 50_000, `only ${count} alterations`);
});

test('a segment that is another, missing or too many is noticed', () => {
  let count = 0;
  for (const { name, step, strict } of steps) {
    const { segments = [] } = step.expect;
    const contents = segments.map((segment) => contentOf(segment) ?? Buffer.from('any'));
    const differs = (other: readonly Buffer[]) => {
      count++;
      const answer = answerOf(step.expect, [chunk(other)]);
      assert.ok(compareAnswer(step, answer, strict).length > 0, name);
    };
    if (segments.length === 0) continue;
    differs([...contents, Buffer.alloc(0)]);
    differs(contents.slice(1));
    for (const [i, segment] of segments.entries()) {
      if (segment.any !== undefined) continue;
      differs(contents.with(i, Buffer.concat([contents[i] as Buffer, Buffer.from('x')])));
    }
  }
  assert.ok(count > 0);
});

test('other error details are noticed', () => {
  const detailed = steps.filter(({ step }) => step.expect.errorDetails !== undefined);
  assert.ok(detailed.length > 0);
  for (const { name, step, strict } of detailed) {
    const { errorDetails = [] } = step.expect;
    const others = [[], errorDetails.toReversed(), errorDetails.slice(1)];
    for (const other of [...others, errorDetails.map((d) => ({ ...d, code: 'ZZ999' }))]) {
      const answer = answerOf({ ...step.expect, errorDetails: other });
      const found = compareAnswer(step, answer, strict).map(({ where }) => where);
      assert.deepEqual(found, ['errorDetails'], name);
    }
  }
});
