// Runs the fuzz suite: dist/test/fuzz/*.test.js, then spoiled requests of every method against a server.
//
//   node scripts/fuzz-suite.mjs [--mutations 10000] [--seed N] [--index I]
//
// A failure names its mutation; --index with the same --seed makes that one alone.

import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { globSync } from './glob.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const TESTS_TIMEOUT_MS = 90_000;

const { values } = parseArgs({
  options: {
    mutations: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    index: { type: 'string' },
  },
});

function number(name) {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name}: expected a number`);
  return value;
}

/** The tests of node:test, counted. */
function runTests() {
  const files = globSync('dist/test/fuzz', (file) => file.endsWith('.test.js'));
  if (files.length === 0) return { passed: 0, failed: 0 };
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=tap', '--test-concurrency=2', ...files],
    { encoding: 'utf8', timeout: TESTS_TIMEOUT_MS, maxBuffer: 64 << 20 },
  );
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1] ?? 0);
  const passed = count('pass');
  const failed = count('fail') || (status === 0 ? 0 : 1);
  if (failed > 0) console.log(stdout);
  console.log(`tests: ${passed} passed, ${failed} failed`);
  return { passed, failed };
}

async function runMutations() {
  const file = path.join(ROOT, 'dist/test/fuzz/rpc-mutations.js');
  const { MutationRun } = await import(pathToFileURL(file).href);
  const only = values.index === undefined ? undefined : number('index');
  const options = { mutations: number('mutations'), seed: number('seed'), only };
  const run = new MutationRun(options);
  const figures = await run.run();
  const statuses = [...run.statuses].sort().map(([code, count]) => `${code}: ${count}`);
  console.log(`${options.mutations} mutations of ${MutationRun.methodCount} methods: ${figures}`);
  console.log(`statuses: ${statuses.join(', ')}`);
  for (const failure of run.failures) console.log(`FAILED  ${failure}`);
  return run.failures.length > 0
    ? { passed: 0, failed: run.failures.length }
    : { passed: 1, failed: 0 };
}

process.chdir(ROOT);
if (!existsSync('dist/test/fuzz')) {
  console.error('dist/test/fuzz is missing: run npm run build first');
  process.exit(1);
}
const begin = Date.now();
console.log(`seed ${values.seed}`);
const results = [
  values.index === undefined ? runTests() : { passed: 0, failed: 0 },
  await runMutations(),
];
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
console.log(`${((Date.now() - begin) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
