// What the disk and LMDB can do by themselves, in a process of its own.
//
//   node baselines.mjs sync DIR SECONDS
//   node baselines.mjs lmdb DIR SECONDS RECORD-BYTES BATCH [ENTRIES-PER-RECORD-SET]

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
  const root = open({
    path: dir,
    noSubdir: false,
    maxDbs: 4,
    mapSize: 2 ** 34,
    pageSize: 4096,
    encoding: 'binary',
    keyEncoding: 'binary',
    cache: false,
    overlappingSync: false,
  });
  const options = { encoding: 'binary', keyEncoding: 'binary' };
  const [log, tree, index] = ['log', 'tree', 'index'].map((name) => root.openDB(name, options));
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

const [what, dir, seconds, recordBytes = '0', batch = '1', keys = '1'] = process.argv.slice(2);
const result =
  what === 'sync'
    ? syncTimes(dir, Number(seconds))
    : await commitLoop(dir, Number(seconds), Number(recordBytes), Number(batch), Number(keys));
console.log(JSON.stringify(result));
