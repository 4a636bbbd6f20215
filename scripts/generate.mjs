import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateCode, loadSchema } from './proto-codegen.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const target = path.join(root, 'src/wire/gen');

mkdirSync(target, { recursive: true });
for (const [name, text] of generateCode(loadSchema(path.join(root, 'proto')))) {
  writeFileSync(path.join(target, name), text);
}
