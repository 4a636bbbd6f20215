import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deviations } from './deviations.js';

const difference = { where: 'message.1', recorded: '7', came: '6' };
const row = {
  trace: '^v1/scan$',
  step: '^all$',
  path: '^message\\.1$',
  from: '7',
  to: '6',
  reason: 'one transaction less',
};

test('a row explains exactly the difference that it describes', () => {
  const deviations = new Deviations([row]);
  assert.ok(deviations.explains('v1/scan', 'all', difference));
  const others = [
    deviations.explains('v0/scan', 'all', difference),
    deviations.explains('v1/scan', 'all of it', difference),
    deviations.explains('v1/scan', 'all', { ...difference, where: 'message.12' }),
    deviations.explains('v1/scan', 'all', { ...difference, recorded: 7 }),
    deviations.explains('v1/scan', 'all', { ...difference, came: '5' }),
  ];
  assert.deepEqual(others, [false, false, false, false, false]);
});

test('a row without from, to or place is open there', () => {
  const deviations = new Deviations([{ step: 'all', reason: 'r' }]);
  assert.ok(deviations.explains('v1/scan', 'all', difference));
  assert.ok(deviations.explains('v0/other', 'all', { ...difference, came: 0 }));
  assert.ok(!deviations.explains('v1/scan', 'one', difference));
});

test('a row that explained nothing is known, also when an earlier one was taken', () => {
  const second = { ...row, reason: 'the same again' };
  const other = { ...row, step: '^one$' };
  const deviations = new Deviations([row, second, other]);
  deviations.explains('v1/scan', 'all', difference);
  assert.deepEqual(deviations.unused(), [second, other]);
});

test('a row without a reason, with an unknown member or a broken pattern is refused', () => {
  assert.throws(() => new Deviations([{ ...row, reason: '' }]), TypeError);
  assert.throws(() => new Deviations([{ ...row, where: 'x' } as typeof row]), /has no where/);
  assert.throws(() => new Deviations([{ ...row, step: '(' }]), SyntaxError);
});

test('the rows of this project leave nothing open', () => {
  const open = Deviations.read()
    .unused()
    .filter((row) =>
      [row.trace, row.step, row.path, row.from, row.to].some((member) => member === undefined),
    );
  assert.deepEqual(open, []);
});
