// What the disk and LMDB can do by themselves, in a process of its own.
//
//   node baselines.mjs sync DIR SECONDS
//   node baselines.mjs lmdb DIR SECONDS RECORD-BYTES BATCH KEYS-PER-RECORD
//   node baselines.mjs pieces DIR SECONDS PIECE-BYTES

import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { open } from 'lmdb';
import { keyOf } from './keys.mjs';
import { percentiles } from './percentiles.mjs';

const SYNC_BYTES = 4096;
const SYNC_FILE_BYTES = 1 << 20;

/** A small write and `fdatasync`, again and again, over a file that exists already. */
function syncTimes(dir, seconds) {
  const fd = openSync(path.join(dir, 'sync'), 'w');
  writeSync(fd, Buffer.alloc(SYNC_FILE_BYTES, 1));
  fdatasyncSync(fd);
  const block = Buffer.alloc(SYNC_BYTES, 2);
  const times = [];
  const end = performance.now() + 1000 * seconds;
  for (let round = 0; performance.now() < end; round++) {
    block.writeUInt32LE(round);
    const begin = performance.now();
    writeSync(fd, block, 0, SYNC_BYTES, (round * SYNC_BYTES) % SYNC_FILE_BYTES);
    fdatasyncSync(fd);
    times.push(performance.now() - begin);
  }
  closeSync(fd);
  return { calls: times.length, latencyMs: percentiles(times) };
}

function openTables(path, names) {
  const binary = { encoding: 'binary', keyEncoding: 'binary' };
  const root = open({
    ...binary,
    path,
    noSubdir: false,
    maxDbs: 4,
    mapSize: 2 ** 34,
    pageSize: 4096,
    cache: false,
    overlappingSync: false,
  });
  return { root, tables: names.map((name) => root.openDB(name, binary)) };
}

function u64(value) {
  const key = Buffer.alloc(8);
  key.writeBigUInt64BE(BigInt(value));
  return key;
}

/**
 * Commits of `batch` record sets: a log record under a running number, a tree node, and an index entry
 * for each of its random keys, all in one LMDB transaction, which is on disk before the next begins.
 */
async function commitLoop(dir, seconds, recordBytes, batch, keysPerRecord) {
  const { root, tables } = openTables(dir, ['log', 'tree', 'index']);
  const [log, tree, index] = tables;
  const times = [];
  let records = 0;
  let keys = 0;
  const begin = performance.now();
  const end = begin + 1000 * seconds;
  while (performance.now() < end) {
    const from = performance.now();
    let done;
    for (let i = 0; i < batch; i++) {
      records++;
      for (let at = 0, part = 0; at < recordBytes; at += 4000, part++) {
        const value = Buffer.alloc(Math.min(4000, recordBytes - at), 3);
        log.put(Buffer.concat([u64(records), Buffer.from([0, part])]), value);
      }
      for (let k = 0; k < keysPerRecord; k++) index.put(keyOf(9, keys++), Buffer.alloc(15, 4));
      done = tree.put(u64(records), Buffer.alloc(36, 5));
    }
    await done;
    times.push(performance.now() - from);
  }
  const elapsed = (performance.now() - begin) / 1000;
  await root.close();
  const latencyMs = percentiles(times);
  return { perSecond: records / elapsed, keysPerSecond: keys / elapsed, latencyMs };
}

/** Commits of one large value each. */
async function pieceLoop(dir, seconds, pieceBytes) {
  const { root, tables } = openTables(dir, ['pieces']);
  const times = [];
  const begin = performance.now();
  while (performance.now() < begin + 1000 * seconds) {
    const from = performance.now();
    await tables[0].put(u64(times.length), Buffer.alloc(pieceBytes, 6));
    times.push(performance.now() - from);
  }
  const elapsed = (performance.now() - begin) / 1000;
  await root.close();
  return { bytesPerSecond: (times.length * pieceBytes) / elapsed, latencyMs: percentiles(times) };
}

const [what, dir, ...numbers] = process.argv.slice(2);
const BASELINES = { sync: syncTimes, lmdb: commitLoop, pieces: pieceLoop };
console.log(JSON.stringify(await BASELINES[what](dir, ...numbers.map(Number))));
