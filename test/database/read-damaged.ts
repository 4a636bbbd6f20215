import {
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseError, type StoredDatabase } from '../../src/database/index.js';
import {
  bytes,
  DatabasesFixture,
  historyRequest,
  keyRequest,
  scanRequest,
  zScanRequest,
} from '../support/database-fixture.js';

/**
 * Program: changes one byte at a time in a copy of a database's file, opens the copy and asks everything.
 * Prints a line for each change: its number, and how many answers were right, errors and wrong. It may be
 * killed by LMDB; the caller starts it again behind that change.
 */

export const KEY_COUNT = 60;

type Question = readonly [name: string, ask: (database: StoredDatabase) => unknown];

/** Every kind of answer, over everything that is stored. */
function questions(): Question[] {
  const all: Question[] = [
    ['state', (d) => d.state()],
    ['count', (d) => d.count(bytes(''))],
    ['scan', (d) => d.scan(scanRequest())],
    ['scan desc', (d) => d.scan(scanRequest({ desc: true, limit: 7 }))],
    ['scan prefix', (d) => d.scan(scanRequest({ prefix: 'key 4', seekKey: 'key 44' }))],
    ['scan nothing', (d) => d.scan(scanRequest({ prefix: 'x' }))],
    ['zScan', (d) => d.zScan(zScanRequest('set'))],
    ['zScan desc', (d) => d.zScan(zScanRequest('set', { desc: true, maxScore: 3 }))],
    ['txScan', (d) => d.txScan({ initialTx: 1, limit: 0, desc: false, sinceTx: 0 })],
  ];
  for (let i = 0; i < KEY_COUNT; i++) {
    const key = `key ${i}`;
    all.push([key, (d) => d.get(keyRequest(key))]);
    all.push([`missing ${i}`, (d) => d.get(keyRequest(`${key}x`))]);
    all.push([`history ${i}`, (d) => d.history(historyRequest(key))]);
    all.push([`verifiable ${i}`, (d) => d.verifiableGet(keyRequest(key), 1 + (i % 9))]);
  }
  return all;
}

function plainForm(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value !== null && typeof value === 'object' && 'type' in value && value.type === 'Buffer') {
    return Buffer.from((value as unknown as { data: number[] }).data).toString('hex');
  }
  return value;
}

/** `undefined` for an error that says that something is damaged. */
async function answer(database: StoredDatabase, [, ask]: Question): Promise<string | undefined> {
  try {
    return JSON.stringify(await ask(database), plainForm);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return error.code === 'corrupted' ? undefined : `refused: ${error.code}`;
  }
}

function flip(file: string, at: number, change: number): void {
  const handle = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, at);
  byte[0] = (byte[0] as number) ^ change;
  writeSync(handle, byte, 0, 1, at);
  closeSync(handle);
}

/** The same numbers in every run. */
function pseudoRandom(n: number): number {
  let x = Math.imul(n + 1, 0x9e3779b1) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

async function answersOf(database: StoredDatabase): Promise<(string | undefined)[]> {
  const answers: (string | undefined)[] = [];
  for (const question of questions()) answers.push(await answer(database, question));
  return answers;
}

async function main(pristine: string, work: string, from: number, to: number): Promise<void> {
  const all = questions();
  const sound = path.join(work, 'sound');
  cpSync(pristine, sound, { recursive: true });
  const fixture = await new DatabasesFixture(sound).open();
  const database = await fixture.default();
  const file = path.relative(sound, path.join(database.store.environment.path, 'data.mdb'));
  const expected = await answersOf(database);
  await fixture.manager.close();
  const { size } = statSync(path.join(pristine, file));
  for (let i = from; i < to; i++) {
    const folder = path.join(work, `${i}`);
    cpSync(pristine, folder, { recursive: true });
    const at = Math.floor(pseudoRandom(2 * i) * size);
    flip(path.join(folder, file), at, 1 << Math.floor(pseudoRandom(2 * i + 1) * 8));
    process.stdout.write(`begin ${i} ${at}\n`);
    const counts = await ask(folder, all, expected);
    process.stdout.write(`end ${i} ${counts.join(' ')}\n`);
    rmSync(folder, { recursive: true });
  }
}

async function ask(
  folder: string,
  all: readonly Question[],
  expected: readonly (string | undefined)[],
): Promise<(number | string)[]> {
  const fixture = await new DatabasesFixture(folder).open();
  const wrong: string[] = [];
  let [right, errors] = [0, 0];
  try {
    const database = await fixture.default().catch(() => undefined);
    if (database === undefined) return [0, 1, 0, 'refused'];
    const answers = await answersOf(database);
    answers.forEach((one, i) => {
      if (one === undefined) errors++;
      else if (one === expected[i]) right++;
      else wrong.push((all[i] as Question)[0].replaceAll(' ', '_'));
    });
  } finally {
    await fixture.manager.close().catch(() => undefined);
  }
  return [right, errors, wrong.length, wrong.join(',')];
}

const [pristine, work, from, to] = process.argv.slice(2);
if (to !== undefined) {
  mkdirSync(work as string, { recursive: true });
  await main(pristine as string, work as string, Number(from), Number(to));
  process.exit(0);
}
