// Runs the flood suite (test/flood): hostile clients, one kind after the other, beside a normal one that
// must go on working. The server must not end, the normal client's p99 may grow five times at most, and
// the memory must come back.
//
//   node scripts/flood-suite.mjs [--only ping,streams,...] [--seconds 4] [--long]
//
// --seconds: of each attack; --long is --seconds 15 with the server's own time for silent connections.
// An attack that only made the client slow, or left memory, is tried again, three times in all. Needs Linux.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seconds: { type: 'string' },
    long: { type: 'boolean', default: false },
  },
});

function load(name) {
  const file = path.join(ROOT, 'dist/test/flood', name);
  if (!existsSync(file)) {
    console.error(`${file} is missing: run npm run build first`);
    process.exit(1);
  }
  return import(pathToFileURL(file).href);
}

const seconds = Number(values.seconds ?? (values.long ? 15 : 4));
if (!(seconds > 0)) throw new Error('--seconds: expected a number');
const { ATTACKS } = await load('attacks.js');
const { FloodSuite } = await load('suite.js');
const names = values.only === '' ? Object.keys(ATTACKS).filter(chosen) : values.only.split(',');

// The second burst of streams shows that the first one's memory is used again.
function chosen(name) {
  return values.long || name !== 'streamsAgain';
}

const begin = Date.now();
let passed = 0;
let failed = 0;
const suite = await FloodSuite.start({
  attackMs: seconds * 1000,
  quietMs: values.long ? 3000 : 500,
  firstRequestMs: values.long ? 10_000 : 1000,
});
try {
  for (const name of names) {
    if (!(name in ATTACKS)) throw new Error(`--only: expected some of ${Object.keys(ATTACKS)}`);
    const { failures, text } = await suite.run(name);
    if (failures.length === 0) passed++;
    else failed++;
    console.log(`${failures.length === 0 ? 'passed' : 'FAILED'}  ${name}: ${text}`);
    for (const failure of failures) console.log(`        ${failure}`);
  }
  console.log(`${suite.logLines} lines in the log of the server`);
} catch (error) {
  failed++;
  console.log(`FAILED\n${error.stack}`);
} finally {
  await suite[Symbol.asyncDispose]();
}
console.log(`${((Date.now() - begin) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
