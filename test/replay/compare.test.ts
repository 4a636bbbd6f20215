import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata } from '@grpc/grpc-js';
import { encodeStatusDetails, pb } from '../../src/wire/index.js';
import type { RawAnswer } from '../support/grpc-client.js';
import { compareAnswer } from './compare.js';
import type { Expectation, Step } from './trace.js';

/** A replay whose comparison could not fail would be worth nothing: each kind of difference is told. */

function answer(messages: Buffer[], status: Partial<RawAnswer> = {}): RawAnswer {
  const trailers = new Metadata();
  return { messages, code: 0, details: '', headers: undefined, trailers, ...status };
}

function compare(expect: Expectation, came: RawAnswer, strict = true): string[] {
  const step: Step = { name: 'a step', method: '/s/M', kind: 'uu', requestHex: '', expect };
  return compareAnswer(step, came, strict).map(({ where }) => where);
}

const entry = pb.encodeEntry({ tx: 7, key: Buffer.from('k'), value: Buffer.from('v') });
const recorded = { code: 0, messages: [{ 1: [{ v: '7' }], 2: [{ s: 'k' }], 3: [{ b: '76' }] }] };

test('the recorded answer passes', () => {
  assert.deepEqual(compare(recorded, answer([entry])), []);
});

test('another status, text, or number of messages differs', () => {
  assert.deepEqual(compare({ code: 2, details: 'x' }, answer([])), ['code']);
  assert.deepEqual(compare({ code: 2, details: 'x' }, answer([], { code: 2, details: 'y' })), [
    'details',
  ]);
  assert.deepEqual(compare(recorded, answer([])), ['messages']);
});

test('another value of any type differs', () => {
  const other = (message: Record<string, object[]>) =>
    compare({ code: 0, messages: [message] }, answer([entry]), false);
  assert.deepEqual(other({ 1: [{ v: '8' }] }), ['message.1']);
  assert.deepEqual(other({ 2: [{ s: 'q' }] }), ['message.2']);
  assert.deepEqual(other({ 3: [{ b: '77' }] }), ['message.3']);
  assert.deepEqual(other({ 1: [{ m: {} }] }), ['message.1']);
  assert.deepEqual(other({ 9: [{ v: '1' }] }), ['message.9']);
  const score = pb.encodeScore({ score: 1.5 });
  assert.deepEqual(compare({ code: 0, messages: [{ 1: [{ d: 2.5 }] }] }, answer([score])), [
    'message.1',
  ]);
});

test('a field that was not recorded differs where fields count', () => {
  const less = { code: 0, messages: [{ 1: [{ v: '7' }], 2: [{ s: 'k' }] }] };
  assert.deepEqual(compare(less, answer([entry])), ['message.3']);
  assert.deepEqual(compare(less, answer([entry]), false), []);
});

test('a number of values that is not the recorded one differs, unless any number was', () => {
  const list = pb.encodeEntries({ entries: [{ tx: 1 }, { tx: 2 }] });
  const one = { code: 0, messages: [{ 1: [{ any: 1 }] }] };
  assert.deepEqual(compare(one, answer([list])), ['message.1']);
  assert.deepEqual(compare({ code: 0, messages: [{ 1: [{ count: '*' }] }] }, answer([list])), []);
});

test('zero values and empty messages equal absent ones', () => {
  const zero = { code: 0, messages: [{ 4: [{ m: {} }] }] };
  assert.deepEqual(compare(zero, answer([Buffer.from([8, 0, 18, 0])])), []);
});

test('segments are compared wherever chunks were cut', () => {
  const chunks = ['0000000000000002', '6b', '310000000000000000'].map((hex) =>
    pb.encodeChunk({ content: Buffer.from(hex, 'hex') }),
  );
  assert.deepEqual(compare({ code: 0, segments: [{ s: 'k1' }, { b: '' }] }, answer(chunks)), []);
  assert.deepEqual(compare({ code: 0, segments: [{ s: 'k2' }, { b: '' }] }, answer(chunks)), [
    'segment[0]',
  ]);
  assert.deepEqual(compare({ code: 0, segments: [{ s: 'k1' }] }, answer(chunks)), ['segments']);
});

test('error details are compared without their cause', () => {
  const trailers = new Metadata();
  const errorInfo = { code: '23000', cause: 'any' };
  const details = encodeStatusDetails({ status: 9, message: 'm', errorInfo });
  trailers.set('grpc-status-details-bin', details);
  const came = answer([], { code: 9, trailers });
  const expected = (code: string): Expectation => ({
    code: 9,
    errorDetails: [
      { type: 'ErrorInfo', code, cause: 'other' },
      { type: 'RetryInfo', delay: 0 },
    ],
  });
  assert.deepEqual(compare(expected('23000'), came), []);
  assert.deepEqual(compare(expected('XX000'), came), ['errorDetails']);
});
