import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Paths of the files below a folder that a test accepts, sorted. */
export function globSync(folder, accepts) {
  return readdirSync(folder, { recursive: true })
    .map((name) => path.posix.join(folder, String(name)))
    .filter(accepts)
    .sort();
}
