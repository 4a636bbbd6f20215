// What Linux says about processes: memory and processor time.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const TICKS_PER_SECOND = 100;
const SAMPLE_EVERY_MS = 25;

/** Bytes of anonymous memory: heap and buffers, not LMDB's map, which belongs to the page cache. */
export function rssAnon(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN);
}

/** Seconds of processor time that a process has used. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The same of this process and of all its children that have ended. */
export function ownCpuSeconds() {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / TICKS_PER_SECOND;
}

/** Seconds of processor time that all processes of the machine have used. */
export function machineCpuSeconds() {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Runs `work` and watches the memory of a process. @returns the most that was seen, in bytes */
export async function watchMemory(pid, work) {
  const before = rssAnon(pid);
  let max = before;
  const timer = setInterval(() => {
    max = Math.max(max, rssAnon(pid));
  }, SAMPLE_EVERY_MS);
  try {
    const result = await work();
    return { result, before, max: Math.max(max, rssAnon(pid)) };
  } finally {
    clearInterval(timer);
  }
}

/** Bytes on disk of all files in a folder. */
export function diskBytes(dir) {
  let bytes = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += 512 * statSync(path.join(entry.parentPath, entry.name)).blocks;
  }
  return bytes;
}
