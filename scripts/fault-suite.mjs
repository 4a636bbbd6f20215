// Runs the fault suite (test/fault): servers that are killed, that lose power, whose disk fails, hangs or
// fills up, that are told to stop under load. Nothing acknowledged may be lost.
//
//   node scripts/fault-suite.mjs [--rounds 20] [--stops 20] [--faults 10] [--long] [--seed N] [--truncations 3]
//                                [--only kill,power,disk,open,full,stop,truncate] [--keep]
//
// --rounds: kills; --stops: SIGTERM; --faults: how many of the calls 1 to 50 of each kind fail in turn; --long
// is --rounds 200 --stops 100 --faults 50 --truncations 20. Needs Linux and gcc; to fill up a disk it mounts one, as root.

import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    stops: { type: 'string' },
    faults: { type: 'string' },
    truncations: { type: 'string' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    only: { type: 'string', default: '' },
    long: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

function number(name, short, long) {
  const value = Number(values[name] ?? (values.long ? long : short));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name}: expected a number`);
  return value;
}

function load(name) {
  const file = path.join(ROOT, 'dist/test/fault', name);
  if (!existsSync(file)) {
    console.error(`${file} is missing: run npm run build first`);
    process.exit(1);
  }
  return import(pathToFileURL(file).href);
}

const rounds = number('rounds', 20, 200);
const stops = number('stops', 20, 100);
const faults = number('faults', 10, 50);
const truncations = number('truncations', 3, 20);
const options = { seed: number('seed'), keep: values.keep };
const { Report } = await load('suite.js');
const { killUnderLoad, powerLossUnderLoad } = await load('kills.js');
const { fullDisk } = await load('full-disk.js');
const { stopUnderLoad, twoServers } = await load('stops.js');
const { damagedFiles, diskFaults, openingFaults } = await load('disk-faults.js');
const { killDuringTruncation } = await load('truncations.js');

const parts = {
  kill: (report) => killUnderLoad(report, options, rounds),
  power: (report) => powerLossUnderLoad(report, options, Math.ceil(rounds / 2.5)),
  disk: (report) => diskFaults(report, options, faults),
  async open(report) {
    await openingFaults(report, options);
    await damagedFiles(report, options);
  },
  full: (report) => fullDisk(report, options),
  async stop(report) {
    await stopUnderLoad(report, options, stops);
    await twoServers(report, options);
  },
  truncate: (report) => killDuringTruncation(report, options, truncations),
};

const chosen = values.only === '' ? Object.keys(parts) : values.only.split(',');
const report = new Report();
const begin = Date.now();
console.log(`seed ${options.seed}`);
for (const name of chosen) {
  if (!(name in parts)) throw new Error(`--only: expected some of ${Object.keys(parts)}`);
  try {
    await parts[name](report);
  } catch (error) {
    report.failed++;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
console.log(`${((Date.now() - begin) / 1000).toFixed(0)} s`);
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exitCode = report.failed > 0 || report.passed === 0 ? 1 : 0;
