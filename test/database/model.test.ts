import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { DatabaseRun } from '../fuzz/database-run.js';

const SEED_MAX = 2 ** 31;
const TIME_MS = 2000;

/** A short form of the fuzz of scripts/fuzz-suite.mjs; a failure names its seed. */
test('every answer is that of a model, also during commits, merges and after reopening', async () => {
  for (const seed of [1, randomInt(SEED_MAX)]) {
    const { writes, reads, inCommit } = await new DatabaseRun({
      seed,
      groups: 100,
      timeMs: TIME_MS,
    }).run();
    assert.ok(writes > 0 && reads > 0 && inCommit > 0);
  }
});
