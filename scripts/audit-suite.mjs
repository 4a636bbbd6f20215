// Runs the audit suite (test/audit): sinks, proofs and the tour of the README against real servers (long),
// then servers that are killed under load and whose audit disk fills up. Every acknowledged call has its line, every committed transaction its event.
//
//   node scripts/audit-suite.mjs [--rounds 6] [--long] [--seed N] [--only long,kill,calls,tamper,hang,pause,full] [--keep]
// What somebody changed in the files is found where it was changed, a disk that hangs does not fill the memory,
// and a rotation does not stop the event loop.
//
// --long is --rounds 100. Needs Linux; to fill up a disk it mounts one, as root, and gcc makes one hang.

import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { globSync } from './glob.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    only: { type: 'string', default: 'long,kill,calls,tamper,hang,pause,full' },
    long: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

function load(name) {
  const file = path.join(ROOT, 'dist/test', name);
  if (!existsSync(file)) {
    console.error(`${file} is missing: run npm run build first`);
    process.exit(1);
  }
  return import(pathToFileURL(file).href);
}

const TESTS_TIMEOUT_MS = 90_000;

/** Those of dist/test/audit/long, each in a process of its own. */
async function longTests(report) {
  const files = globSync('dist/test/audit/long', (file) => file.endsWith('.test.js'));
  const args = ['--test', '--test-concurrency=2', '--test-reporter=spec', ...files];
  const options = { cwd: ROOT, stdio: 'inherit', timeout: TESTS_TIMEOUT_MS };
  if (files.length > 0 && spawnSync(process.execPath, args, options).status === 0) report.passed++;
  else report.failed++;
}

const { Report } = await load('fault/suite.js');
const { killUnderLoad, killCalls, fullDisk } = await load('audit/suite.js');
const { tampering } = await load('audit/tampering.js');
const { backPressure, rotationPause } = await load('audit/pressure.js');
const rounds = Number(values.rounds ?? (values.long ? 100 : 6));
const options = { seed: Number(values.seed), keep: values.keep };
const parts = {
  long: (report) => longTests(report),
  kill: (report) => killUnderLoad(report, options, rounds),
  calls: (report) => killCalls(report, options, Math.ceil(rounds / 5)),
  tamper: (report) => tampering(report, options),
  hang: (report) => backPressure(report, options),
  pause: (report) => rotationPause(report),
  full: (report) => fullDisk(report, options),
};

const report = new Report();
console.log(`seed ${options.seed}`);
for (const name of values.only.split(',')) {
  if (!(name in parts)) throw new Error(`--only: expected some of ${Object.keys(parts)}`);
  try {
    await parts[name](report);
  } catch (error) {
    report.failed++;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exitCode = report.failed > 0 || report.passed === 0 ? 1 : 0;
