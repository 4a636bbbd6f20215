// Runs the fuzz suite: dist/test/fuzz/*.test.js, random operations on databases beside a model, then spoiled
// requests of every method against a server.
//
//   node scripts/fuzz-suite.mjs [--mutations 10000] [--seed N] [--index I]
//                               [--database-seconds 20] [--database-seed N] [--groups 120]
//
// A failure names its mutation; --index with the same --seed makes that one alone. A database run that fails
// names its seed; --database-seed makes that one alone. --groups: of writes in each run. The long form is
// --mutations 100000 --database-seconds 600.

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
    'database-seconds': { type: 'string', default: '20' },
    'database-seed': { type: 'string' },
    groups: { type: 'string', default: '120' },
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

async function runDatabases() {
  const file = path.join(ROOT, 'dist/test/fuzz/database-run.js');
  const { DatabaseRun } = await import(pathToFileURL(file).href);
  const alone = values['database-seed'] !== undefined;
  const end = Date.now() + 1000 * number('database-seconds');
  const totals = {};
  const first = number(alone ? 'database-seed' : 'seed');
  let seed = first;
  do {
    try {
      const figures = await new DatabaseRun({ seed, groups: number('groups') }).run();
      for (const [name, count] of Object.entries(figures)) {
        totals[name] = (totals[name] ?? 0) + count;
      }
    } catch (error) {
      console.log(`FAILED  database: ${error.message}`);
      return { passed: 0, failed: 1 };
    }
    seed++;
  } while (!alone && Date.now() < end);
  const shown = Object.entries(totals).map(([name, count]) => `${name}: ${count}`);
  console.log(`databases of seed ${first} to ${seed - 1}: ${shown.join(', ')}`);
  return { passed: 1, failed: 0 };
}

process.chdir(ROOT);
if (!existsSync('dist/test/fuzz')) {
  console.error('dist/test/fuzz is missing: run npm run build first');
  process.exit(1);
}
const begin = Date.now();
console.log(`seed ${values.seed}`);
const isWhole = values.index === undefined && values['database-seed'] === undefined;
const results = [];
if (isWhole) results.push(runTests());
if (values.index === undefined) results.push(await runDatabases());
if (values['database-seed'] === undefined) results.push(await runMutations());
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
console.log(`${((Date.now() - begin) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
