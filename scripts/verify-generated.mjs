import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateCode, loadSchema } from './proto-codegen.mjs';

// Exits with 1, naming the files, when src/wire/gen is not what `npm run generate` would write.
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.join(root, 'src/wire/gen');

const expected = generateCode(loadSchema(path.join(root, 'proto')));
const names = new Set([...expected.keys(), ...readdirSync(target)]);
const present = new Set(readdirSync(target));
const stale = [...names].filter(
  (name) =>
    !present.has(name) || readFileSync(path.join(target, name), 'utf8') !== expected.get(name),
);
if (stale.length > 0) {
  console.error(`not up to date: ${stale.join(', ')}; run npm run generate`);
  process.exitCode = 1;
}
