// Measures the server against what this machine can do at best: server, client and baselines are
// separate processes on this machine, over loopback.
//
//   npm run bench [-- NAMES] [--seconds N] [--quick] [--json FILE] [--enforce] [--client grpc|http2]
//                 [--server PATH/TO/stele.js] [--dir FOLDER] [--profile]
//
// NAMES are scenarios (all without any). --quick is the short form, under a minute. The exit code says
// whether everything ran; with --enforce also whether every figure is what is wanted.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const SERVER = path.join(ROOT, 'dist/src/cli/stele.js');

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    enforce: { type: 'boolean', default: false },
    client: { type: 'string', default: 'grpc' },
    server: { type: 'string', default: SERVER },
    dir: { type: 'string', default: tmpdir() },
    profile: { type: 'boolean', default: false },
  },
});

if (!existsSync(flags.server) || !existsSync(SERVER)) {
  console.error(`there is no ${path.relative(ROOT, SERVER)}: run npm run build first`);
  process.exit(2);
}

const { Context } = await import('./context.mjs');
const { machineCpuSeconds, ownCpuSeconds } = await import('./proc.mjs');
const { table } = await import('./report.mjs');
const calls = await import('./scenarios/calls.mjs');
const { audit } = await import('./scenarios/audit.mjs');
const { million } = await import('./scenarios/million.mjs');
const { revisions } = await import('./scenarios/depth.mjs');
const { stream } = await import('./scenarios/stream.mjs');

/** On one server, which has some data. */
const CALLS = {
  set: calls.set,
  'set-one': calls.setOne,
  get: calls.get,
  'verifiable-get': calls.verifiableGet,
  'verifiable-set': calls.verifiableSet,
  'get-all': calls.getAll,
  history: calls.history,
  scan: calls.scan,
};
/** On servers of their own. */
const OTHERS = { million, stream, revisions, audit };

function chosen(scenarios) {
  return Object.entries(scenarios).filter(([name]) => names.length === 0 || names.includes(name));
}

const known = [...Object.keys(CALLS), ...Object.keys(OTHERS)];
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0 || !['grpc', 'http2'].includes(flags.client)) {
  console.error(`scenarios: ${known.join(' ')}; clients: grpc http2`);
  process.exit(2);
}

mkdirSync(flags.dir, { recursive: true });
const dir = mkdtempSync(path.join(flags.dir, 'stele-bench-'));
process.on('exit', () => rmSync(dir, { recursive: true, force: true }));

const failures = [];

async function attempt(name, run) {
  try {
    await run();
  } catch (error) {
    failures.push({
      scenario: name,
      error: error instanceof Error ? error.message : String(error),
    });
    console.error(`${name}: ${error instanceof Error ? error.stack : error}`);
  }
}

const context = new Context({
  dir,
  script: path.resolve(flags.server),
  quick: flags.quick,
  seconds: Number(flags.seconds ?? (flags.quick ? 0.6 : 5)),
  clientKind: flags.client,
  profile: flags.profile,
  progress: (text) => console.error(text),
});
const machine = {
  date: new Date().toISOString(),
  node: process.version,
  processors: `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`,
  memoryBytes: totalmem(),
  loadAverageBefore: loadavg()[0],
};
const begin = { at: performance.now(), cpu: machineCpuSeconds() };

await context.start();
const chosenCalls = chosen(CALLS).map(([name, run]) => [
  name,
  (...given) => attempt(name, () => run(...given)),
]);
if (chosenCalls.length > 0) {
  await attempt('calls', () => calls.withCallServer(context, chosenCalls));
}
for (const [name, run] of chosen(OTHERS)) {
  context.begin(name);
  await attempt(name, () => run(context));
}
await context.end();

const seconds = (performance.now() - begin.at) / 1000;
/** Of the processors, what other programs took: with much of it no figure means anything. */
const others = Math.max(0, (machineCpuSeconds() - begin.cpu - ownCpuSeconds()) / seconds);
console.log(
  `${machine.date}, node ${machine.node}, ${machine.processors}, load before ` +
    `${machine.loadAverageBefore.toFixed(2)}, other programs took ${others.toFixed(2)} processors, ` +
    `client ${flags.client}, ${seconds.toFixed(0)} s`,
);
console.log(table(context.rows));
for (const { scenario, error } of failures) console.log(`FAILED TO RUN: ${scenario}: ${error}`);

if (flags.json !== undefined) {
  const report = {
    machine: { ...machine, othersProcessors: others },
    client: flags.client,
    quick: flags.quick,
    rows: context.rows,
    failures,
  };
  writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
}
const missed = context.rows.filter(({ met }) => met === false).length;
process.exit(failures.length > 0 || (flags.enforce && missed > 0) ? 1 : 0);
