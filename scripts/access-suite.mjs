// Runs the access suite (test/access): hostile tokens, what refused logins give away, a storm of logins
// while others write, many users and databases.
//
//   node scripts/access-suite.mjs [--tokens 100000] [--pairs 500] [--users 1000] [--databases 100]
//                                 [--short] [--only tokens,timing,storm,scale] [--seed N]
//
// --short is what CI runs: fewer of everything but the tokens.

import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Of the medians of refused logins. */
const TIMING_DIFFERENCE_MS_MAX = 1;
const WRITE_P99_MS_MAX = 50;
/** Where writes are slower than this with nobody logging in, they may be slower in proportion meanwhile. */
const CALM_P99_MS = 8;
const MEMORY_GROWTH_MIB_MAX = 100;
const STORMS_MAX = 3;
/** A cost that grows with users or databases would be a multiple of this. */
const SCALE_RATIO_MAX = 1.5;

const { values } = parseArgs({
  options: {
    tokens: { type: 'string', default: '100000' },
    pairs: { type: 'string' },
    users: { type: 'string' },
    databases: { type: 'string' },
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
});

function number(name, short, long) {
  const value = Number(values[name] ?? (values.short ? short : long));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name}: expected a number`);
  return value;
}

function load(name) {
  return import(pathToFileURL(path.join(ROOT, 'dist/test/access', name)).href);
}

function ms(value) {
  return `${value.toFixed(2)} ms`;
}

async function storm() {
  const { loginsWhileWriting } = await load('logins.js');
  const figures = await loginsWhileWriting();
  const { accepted, exhausted, others, writes, writeP99, calmP99, memoryGrowthMib } = figures;
  console.log(`  200 logins: ${accepted} let in, ${exhausted} RESOURCE_EXHAUSTED`);
  console.log(`  ${writes} writes meanwhile: p99 ${ms(writeP99)}; else p99 ${ms(calmP99)}`);
  console.log(`  anonymous memory +${memoryGrowthMib.toFixed(0)} MiB`);
  const failures = others.map((other) => `a login was answered with ${other}`);
  if (accepted === 0) failures.push('nobody was let in');
  if (exhausted === 0) failures.push('the excess was not refused');
  const most = WRITE_P99_MS_MAX * Math.max(1, calmP99 / CALM_P99_MS);
  if (!(writeP99 < most)) failures.push(`writes were slow: wanted less than ${ms(most)}`);
  if (!(memoryGrowthMib < MEMORY_GROWTH_MIB_MAX)) failures.push('memory grew too much');
  return failures;
}

/** Each gives back what is wrong, in words. */
const parts = {
  async tokens() {
    const { mutateTokens } = await load('token-mutations.js');
    const count = number('tokens', 100_000, 100_000);
    const begin = Date.now();
    const { failures, kinds, codes } = await mutateTokens(count, number('seed'));
    const answers = [...codes].sort().map(([code, times]) => `${code} ${times}`);
    const seconds = ((Date.now() - begin) / 1000).toFixed(1);
    console.log(`  ${count} of ${kinds.size} kinds in ${seconds} s: ${answers.join(', ')}`);
    return failures;
  },
  async timing() {
    const { compareRefusals } = await load('logins.js');
    const figures = await compareRefusals(number('pairs', 100, 500));
    const {
      unknownUserMedian: unknown,
      wrongPasswordMedian: wrong,
      differenceError,
      answers,
    } = figures;
    console.log(`  unknown user ${ms(unknown)}, wrong password ${ms(wrong)} (medians)`);
    console.log(`  standard error of their difference ${ms(differenceError)}`);
    const failures = [];
    // On a busy machine a difference counts only when it is more than its noise.
    const most = Math.max(TIMING_DIFFERENCE_MS_MAX, 3 * differenceError);
    if (Math.abs(unknown - wrong) >= most) failures.push('times differ');
    if (answers.length !== 1) failures.push(`answers differ: ${answers.join(' | ')}`);
    return failures;
  },
  async storm() {
    let failures = [];
    // What else the machine does can only add to the figures: the least disturbed of three counts.
    for (let run = 0; run < STORMS_MAX; run++) {
      failures = await storm();
      if (failures.length === 0) return failures;
    }
    return failures;
  },
  async scale() {
    const { compareSizes } = await load('scale.js');
    const users = number('users', 300, 1000);
    const databases = number('databases', 30, 100);
    const ratios = await compareSizes(users, databases, values.short ? 9 : 20);
    const failures = [];
    console.log(
      `  1 user, 1 database against ${users} users, ${databases} databases (lower quartiles)`,
    );
    for (const { call, small, large } of ratios) {
      console.log(`  ${call.padEnd(12)} ${ms(small)} ${ms(large)}  x${(large / small).toFixed(2)}`);
      if (!(large / small < SCALE_RATIO_MAX)) failures.push(`${call} costs more on a full server`);
    }
    return failures;
  },
};

process.chdir(ROOT);
if (!existsSync('dist/test/access')) {
  console.error('dist/test/access is missing: run npm run build first');
  process.exit(1);
}
const chosen = values.only === '' ? Object.keys(parts) : values.only.split(',');
let passed = 0;
let failed = 0;
console.log(`seed ${values.seed}`);
for (const name of chosen) {
  if (!(name in parts)) throw new Error(`--only: expected some of ${Object.keys(parts)}`);
  console.log(name);
  const failures = await parts[name]().catch((error) => [error.stack]);
  for (const failure of failures) console.log(`FAILED  ${name}: ${failure}`);
  if (failures.length === 0) passed++;
  else failed++;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
