import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { mutateTokens } from '../access/token-mutations.js';

// `npm run test:access` tries 100,000.
test('no token or session that was not given out is accepted', async () => {
  const seed = randomInt(2 ** 31);
  const { failures, kinds } = await mutateTokens(2000, seed);
  assert.deepEqual(failures, [], `seed ${seed}`);
  assert.ok(kinds.size > 15);
});
