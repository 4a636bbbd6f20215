import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json, seen from dist/test/support. */
export const projectRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

export function readVector(name: string): unknown {
  return JSON.parse(readFileSync(path.join(projectRoot, 'test/vectors', name), 'utf8'));
}
