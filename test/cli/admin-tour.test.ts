import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { main } from '../../src/cli/admin/main.js';
import { RpcFixture } from '../rpc/fixture.js';
import { projectRoot } from '../support/project.js';
import { runMain } from './client-world.js';

/** The block of README.md that shows steleadmin, command by command. */

interface Shown {
  readonly stdin: string;
  readonly args: readonly string[];
  readonly output: string;
}

function commandsOf(block: string): Shown[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [command = '', ...output] = text.split('\n');
      const parsed = /^(?:printf '([^']*)' \| )?steleadmin (.*)$/.exec(command);
      assert.ok(parsed, command);
      const [, stdin = '', args = ''] = parsed;
      return {
        stdin: stdin.replaceAll('\\n', '\n'),
        args: args.split(' '),
        output: output.join('\n'),
      };
    });
}

/** Without times and sizes, and the blanks at the ends of lines. */
function comparable(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d[T ][\d:.]+(Z| \+0000 UTC)/g, '<time>')
    .replace(/\d\d \w{3} \d\d \d\d:\d\d UTC \(up \w+\)/, '<time>')
    .replace(/-{20,}/g, '<rule>')
    .replace(/"diskBytes":\d+/g, '"diskBytes"')
    .replace(/\(\d+(\.\d)? [KM]?B\)/g, '<size>')
    .replace(/ +$/gm, '');
}

test('README.md shows what steleadmin prints', async (t) => {
  const readme = await readFile(path.join(projectRoot, 'README.md'), 'utf8');
  const section = readme.slice(readme.indexOf('## Administration with steleadmin'));
  const [, block = ''] = /```console\n([^`]*)```/.exec(section) ?? [];
  const commands = commandsOf(block);
  assert.ok(commands.length >= 9);
  const { port } = await RpcFixture.start(t);
  const home = await mkdtemp(path.join(tmpdir(), 'stele-admin-tour-'));
  t.after(() => rm(home, { recursive: true, force: true }));
  const env = { HOME: home, STELE_IMMUDB_PORT: String(port) };
  for (const { args, stdin, output } of commands) {
    const { exitCode, stdout, stderr } = await runMain(main, { args, env, stdin });
    assert.equal(exitCode, 0, stderr);
    assert.equal(comparable(stdout), comparable(output), args.join(' '));
  }
});
