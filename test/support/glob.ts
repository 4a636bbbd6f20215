import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Paths of the files below a folder whose name ends so, sorted. */
export function globSync(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => path.join(folder, String(name)))
    .filter((name) => name.endsWith(ending))
    .sort();
}
