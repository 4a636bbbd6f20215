// Runs the compiled tests of `npm test`: all of dist/test but the suites that have scripts of their own.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { globSync } from './glob.mjs';

const slow = ['sdk', 'fault', 'fuzz', 'flood', 'audit/long'];
const files = globSync('dist/test', (file) => file.endsWith('.test.js')).filter(
  (file) =>
    !slow.some((suite) => file.startsWith(`dist/test/${suite}/`)) &&
    // What an earlier build left of a test that is no more.
    existsSync(file.replace(/^dist\/(.*)\.js$/, '$1.ts')),
);
if (files.length === 0) {
  console.error('no tests found: run npm run build first');
  process.exit(1);
}
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-concurrency=3',
    '--test-reporter=spec',
    '--enable-source-maps',
    ...files,
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit' },
);
process.exit(status ?? 1);
