import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SortedRuns } from '../../src/storage/sorted-runs.js';

/** Numbers from 0 to max - 1, the same ones for a seed. */
function random(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
}

const name = (n: number) => `n${String(n).padStart(4, '0')}`;

test('names come in order and once, in any range and in both directions', () => {
  const next = random(7);
  for (let round = 0; round < 200; round++) {
    const runs = new SortedRuns();
    const more = Array.from({ length: next(5) }, () => name(next(60))).sort();
    const all = new Set(more);
    for (let run = next(8); run > 0; run--) {
      const names = new Set(Array.from({ length: 1 + next(20) }, () => name(next(60))));
      for (const one of names) all.add(one);
      runs.add([...names].sort());
    }
    const [low, high] = [name(next(60)), name(next(61))];
    const expected = [...all].filter((one) => one >= low && one < high).sort();
    const unique = [...new Set(more)];
    assert.deepEqual([...runs.between(low, high, false, unique)], expected);
    assert.deepEqual([...runs.between(low, high, true, unique)], expected.reverse());
  }
});

test('taking gives all names sorted and leaves nothing', () => {
  const runs = new SortedRuns();
  for (const run of [['b', 'd'], ['a'], ['c', 'd', 'e'], ['d']]) runs.add(run);
  assert.deepEqual(runs.take(), ['a', 'b', 'c', 'd', 'e']);
  assert.deepEqual(runs.take(), []);
  assert.deepEqual([...runs.between('', 'z', false)], []);
});
