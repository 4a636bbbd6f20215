// Runs the auditor suite (test/auditor-suite): servers whose files were tampered with, each of which must
// raise the alarm in one cycle of the shipped auditor; many cycles beside writes and restarts, in which none
// may be raised; and what an auditor of many databases costs.
//
//   node scripts/auditor-suite.mjs [--cycles 10000] [--databases 100] [--short] [--seed N]
//                                  [--only tampering,clean,memory] [--case TEXT]
//
// --short is what CI runs: 200 cycles.

import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const { values } = parseArgs({
  options: {
    cycles: { type: 'string' },
    databases: { type: 'string', default: '100' },
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: 'tampering,clean,memory' },
    case: { type: 'string', default: '' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
});

function number(text, name) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name}: expected a number`);
  return value;
}

process.chdir(ROOT);
if (!existsSync('dist/test/auditor-suite')) {
  console.error('dist/test/auditor-suite is missing: run npm run build first');
  process.exit(1);
}
const load = (name) => import(pathToFileURL(path.join(ROOT, 'dist/test', name)).href);
const { Report } = await load('fault/suite.js');
const report = new Report();
const seed = number(values.seed, 'seed');
const parts = {
  async tampering() {
    const { tamper } = await load('auditor-suite/tampering.js');
    await tamper(report, values.case);
  },
  async clean() {
    const { cleanCycles } = await load('auditor-suite/clean-cycles.js');
    const cycles = number(values.cycles ?? (values.short ? 200 : 10_000), 'cycles');
    await cleanCycles(report, cycles, seed);
  },
  async memory() {
    const { manyDatabases } = await load('auditor-suite/many-databases.js');
    await manyDatabases(report, number(values.databases, 'databases'));
  },
};
console.log(`seed ${seed}`);
for (const name of values.only.split(',')) {
  if (!(name in parts)) throw new Error(`--only: expected some of ${Object.keys(parts)}`);
  console.log(name);
  await parts[name]();
}
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exitCode = report.failed > 0 || report.passed === 0 ? 1 : 0;
