import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../support/project.js';
import { freePort, ServerProcess } from '../support/server-process.js';

/** What the README shows of the programs: each command with its output, each block with a server of its own. */

interface Shown {
  readonly command: string;
  readonly output: string;
}

function blocks(): Shown[][] {
  const readme = readFileSync(path.join(projectRoot, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...lines] = part.trimEnd().split('\n');
        return { command, output: lines.join('\n') };
      }),
  );
}

/** Without what is another one each time. */
function settled(text: string): string {
  return text
    .replace(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| \+0000 UTC)?/g, 'TIME')
    .replace(/\d\d \w{3} \d\d \d\d:\d\d UTC \(up [^)]*\)/g, 'TIME')
    .replace(/\b[\d.]+ [KMG]?B\b/g, 'SIZE')
    .replace(/"diskBytes":\d+/g, 'SIZE')
    .replace(/-{20,}/g, 'RULE')
    .replace(/ +$/gm, '')
    .trimEnd();
}

for (const [i, shown] of blocks().entries()) {
  test(`what README.md shows is printed, block ${i + 1}`, async () => {
    assert.ok(shown.length >= 9, `${shown.length} commands are shown`);
    const folder = mkdtempSync(path.join(tmpdir(), 'stele-tour-'));
    try {
      const port = await freePort();
      await using _server = await ServerProcess.start({ dir: path.join(folder, 'data'), port });
      const env = { HOME: folder, PATH: `${programs(folder, port)}:${process.env.PATH}` };
      for (const { command, output } of shown) {
        const { stdout } = spawnSync('sh', ['-c', `{ ${command}; } 2>&1`], {
          ...{ cwd: folder, env, encoding: 'utf8', timeout: 60_000 },
        });
        assert.equal(settled(stdout), settled(output), command);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

/** The programs on a path of their own, for the server of that port. */
function programs(folder: string, port: number): string {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['steleclient', 'steleadmin']) {
    const program = path.join(projectRoot, `dist/src/cli/${name}.js`);
    const script = `#!/bin/sh\nexec "${process.execPath}" "${program}" -p ${port} "$@"\n`;
    writeFileSync(path.join(bin, name), script, { mode: 0o755 });
  }
  return bin;
}
