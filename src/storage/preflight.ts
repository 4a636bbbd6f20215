import { closeSync, existsSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { corrupted } from './errors.js';
import { DATA_FILE, LOCK_FILE, PAGE_SIZE } from './layout.js';

/** Of an LMDB page header: its flags; of the two first pages: magic, version and page size. */
const FLAGS_AT = 18;
const MAGIC_AT = 24;
const VERSION_AT = 28;
const MAP_BYTES_AT = 40;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const META_FLAG = 0x08;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
/** What a process can map. */
const MAP_BYTES_MAX = 2 ** 46;
/** LMDB opens three files, and a thread of its own may need one. */
const DESCRIPTORS = 4;

/**
 * Looks at the files of an environment before LMDB does: the `lmdb` package 3.5.6 ends the whole process
 * with a segmentation fault where it cannot open them.
 *
 * @throws StorageError `corrupted` for a file that is none of LMDB; what the system says, such as EMFILE
 */
export function checkFiles(directory: string): void {
  const opened: number[] = [];
  try {
    for (let i = 0; i < DESCRIPTORS; i++) opened.push(openSync(directory, 'r'));
    const lock = path.join(directory, LOCK_FILE);
    if (existsSync(lock)) opened.push(openSync(lock, 'r+'));
    const data = path.join(directory, DATA_FILE);
    const fd = openSync(data, 'r+');
    opened.push(fd);
    const pages = 1 + Math.max(...[0, PAGE_SIZE].map((at) => lastPageOf(fd, at, data)));
    // Free pages at the end may never have been written, and a file that was cut off must not end the
    // process when the map is read there. More missing than that is no state to go on from.
    const { size } = fstatSync(fd);
    const neededBytes = pages * PAGE_SIZE;
    if (size < neededBytes / 2) throw corrupted(`${data} is cut: ${size} of ${neededBytes} bytes`);
    if (size < neededBytes) ftruncateSync(fd, neededBytes);
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

/** The last page in use as one of the two first pages says. */
function lastPageOf(fd: number, at: number, file: string): number {
  const page = Buffer.alloc(PAGE_SIZE);
  const whole = readSync(fd, page, 0, PAGE_SIZE, at) === PAGE_SIZE;
  const isMeta =
    whole &&
    (page.readUInt16LE(FLAGS_AT) & META_FLAG) !== 0 &&
    page.readUInt32LE(MAGIC_AT) === MAGIC &&
    page.readUInt32LE(VERSION_AT) === VERSION &&
    page.readBigUInt64LE(MAP_BYTES_AT) <= MAP_BYTES_MAX &&
    page.readUInt32LE(PAGE_SIZE_AT) === PAGE_SIZE;
  if (!isMeta) throw corrupted(`${file} is no file of LMDB, or its head is damaged`);
  return Number(page.readBigUInt64LE(LAST_PAGE_AT));
}
