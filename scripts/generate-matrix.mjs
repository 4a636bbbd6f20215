// Writes test/rpc/role-matrix.ts, the table of who may call what, from the method table. With --check it
// writes nothing and fails when the file is not what it would write. Needs a build; after a new method that
// is one that ends with the error of the missing row, and writes its output all the same.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderRoleMatrix } from '../dist/test/rpc/role-rules.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const file = path.join(root, 'test/rpc/role-matrix.ts');
const expected = renderRoleMatrix();

if (existsSync(file) && readFileSync(file, 'utf8') === expected) {
  console.log('test/rpc/role-matrix.ts is up to date');
} else if (process.argv.includes('--check')) {
  console.error('test/rpc/role-matrix.ts is out of date: run npm run generate');
  process.exitCode = 1;
} else {
  writeFileSync(file, expected);
  console.log('test/rpc/role-matrix.ts written');
}
