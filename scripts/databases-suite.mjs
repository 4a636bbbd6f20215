// Makes many databases, then writes to and reads from each of them in turn, and says what that costs.
//
//   node scripts/databases-suite.mjs [--databases 2000] [--open 100]
//
// Fails when the anonymous memory or the descriptors grow with the number of databases instead of with
// the number of those that stay open.

import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** Descriptors of one open database, and of the process itself. */
const DESCRIPTORS_EACH = 4;
const DESCRIPTORS_BASE = 60;
/** Bytes of anonymous memory of one open database, and of the process itself. */
const MEMORY_EACH = 7 << 20;
const MEMORY_BASE = 150 << 20;
/** Asked for at once; they are over the limit while they are in use. */
const AT_ONCE = 8;
const SESSION = { generation: 'session' };

const { values } = parseArgs({
  options: {
    databases: { type: 'string', default: '2000' },
    open: { type: 'string', default: '100' },
  },
});
const count = Number(values.databases);
const openMax = Number(values.open);

if (!existsSync(path.join(ROOT, 'dist/src/database/index.js'))) {
  console.error('dist is missing: run npm run build first');
  process.exit(1);
}
const { DatabaseManager } = await import(
  pathToFileURL(path.join(ROOT, 'dist/src/database/index.js')).href
);

const dir = mkdtempSync(path.join(tmpdir(), 'stele-databases-'));
const silentLog = { debug() {}, info() {}, warn() {}, error() {}, with: () => silentLog };
const problems = [];
let most = { descriptors: 0, anonymous: 0, open: 0 };

function figures() {
  const status = readFileSync('/proc/self/status', 'utf8');
  return {
    anonymous: Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024,
    descriptors: readdirSync('/proc/self/fd').length,
  };
}

function measure(manager) {
  const { anonymous, descriptors } = figures();
  const open = manager.opened().length;
  most = {
    anonymous: Math.max(most.anonymous, anonymous),
    descriptors: Math.max(most.descriptors, descriptors),
    open: Math.max(most.open, open),
  };
}

function tell(what, begin, manager) {
  const ms = performance.now() - begin;
  // What is garbage is told apart with node --expose-gc.
  globalThis.gc?.();
  const { anonymous, descriptors } = figures();
  console.log(
    `${what}: ${(ms / 1000).toFixed(1)} s (${(ms / count).toFixed(2)} ms each), ` +
      `${(anonymous / 2 ** 20).toFixed(0)} MiB anonymous, ${descriptors} descriptors, ` +
      `${manager.opened().length} open`,
  );
}

function openManager() {
  return DatabaseManager.open({
    dir,
    clock: { now: () => Date.now() },
    log: silentLog,
    commitTimeoutMs: 10_000,
    reserveBytes: 1 << 20,
    reserveFraction: 0.01,
    maxOpenDatabases: openMax,
    databaseIdleMs: 0,
    limits: { resultEntriesMax: 2500, resultBytesMax: 1 << 25, waitersMax: 1000 },
    defaults: {
      maxKeyLen: 1024,
      maxValueLen: 33_554_432,
      maxTxEntries: 1024,
      writeTxHeaderVersion: 1,
    },
    onFailure: (name) => problems.push(`storage of ${name} failed`),
    onCorruption: (name) => problems.push(`${name} is damaged`),
  });
}

async function each(what, manager, work) {
  const begin = performance.now();
  for (let from = 0; from < count; from += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => from + i);
    await Promise.all(some.map(work));
    measure(manager);
  }
  tell(what, begin, manager);
}

const nameOf = (i) => `db${i}`;
const contentOf = (i) => createHash('sha256').update(nameOf(i)).digest();
const KEY = Buffer.from('key');

try {
  let manager = await openManager();
  await each('create', manager, (i) =>
    manager.create(nameOf(i), {}, { createdBy: '', ifNotExists: false }),
  );
  await each('write', manager, async (i) => {
    const database = await manager.open(nameOf(i));
    await database.set([{ key: KEY, value: contentOf(i) }], SESSION);
  });
  await manager.close();
  const begin = performance.now();
  manager = await openManager();
  tell('start', begin, manager);
  const listBegin = performance.now();
  if (manager.list().length !== count + 1) problems.push('the list is not complete');
  tell('list', listBegin, manager);
  const request = { key: KEY, atTx: 0, sinceTx: 0, noWait: false, atRevision: 0 };
  await each('read', manager, async (i) => {
    const database = await manager.open(nameOf(i));
    const { value } = database.get(request);
    if (!contentOf(i).equals(value)) problems.push(`${nameOf(i)} has another value`);
  });
  await manager.close();
} finally {
  rmSync(dir, { recursive: true, force: true });
}

const limits = {
  open: openMax + 1 + AT_ONCE * 2,
  descriptors: DESCRIPTORS_BASE + DESCRIPTORS_EACH * (openMax + AT_ONCE * 2),
  anonymous: MEMORY_BASE + MEMORY_EACH * (openMax + 2 * AT_ONCE),
};
for (const [name, limit] of Object.entries(limits)) {
  console.log(`most ${name}: ${most[name]} of at most ${limit}`);
  if (most[name] > limit) problems.push(`${name}: ${most[name]}, more than ${limit}`);
}
for (const problem of problems) console.log(`FAILED  ${problem}`);
console.log(`${problems.length === 0 ? 1 : 0} passed, ${problems.length} failed`);
process.exitCode = problems.length > 0 ? 1 : 0;
