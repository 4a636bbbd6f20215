import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { renderSampleFile } from '../../../src/app/config/index.js';
import { projectRoot } from '../../support/project.js';

const directory = mkdtempSync(path.join(tmpdir(), 'stele-docs-'));
after(() => rmSync(directory, { recursive: true, force: true }));

function generate(...args: string[]): number | null {
  const script = path.join(projectRoot, 'scripts/generate-docs.mjs');
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' }).status;
}

test('the sample file of the project is up to date', () => {
  const sample = readFileSync(path.join(projectRoot, 'stele.toml.example'), 'utf8');
  assert.equal(sample, renderSampleFile(), 'run node scripts/generate-docs.mjs');
});

test('the script writes between its markers, and its check notices what was changed', () => {
  const readme = path.join(directory, 'README.md');
  writeFileSync(readme, '# x\n<!-- options:begin -->\nold\n<!-- options:end -->\nafter\n');
  assert.equal(generate(directory, '--check'), 1);
  assert.ok(readFileSync(readme, 'utf8').includes('old'));
  assert.equal(generate(directory), 0);
  const written = readFileSync(readme, 'utf8');
  assert.match(written, /^# x\n<!-- options:begin -->\n#### Server\n/);
  assert.match(written, /\n<!-- options:end -->\nafter\n$/);
  assert.ok(!written.includes('old\n'));
  assert.equal(generate(directory, '--check'), 0);
  writeFileSync(readme, written.replace('3322', '3323'));
  assert.equal(generate(directory, '--check'), 1);
});

test('a README without the markers fails the check', () => {
  writeFileSync(path.join(directory, 'README.md'), '# x\n');
  assert.equal(generate(directory), 1);
});
