import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { main } from '../../src/cli/main.js';
import { projectRoot } from '../support/project.js';

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function stele(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  let [out, err] = ['', ''];
  const code = await main(args, {
    env,
    cwd: '/nowhere',
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    script: '/nowhere/stele.js',
    loadServer: () => assert.fail('no server is wanted'),
  });
  return { code, out, err };
}

test('the version is printed for people and for programs', async () => {
  for (const args of [['version'], ['--version']]) {
    const { code, out } = await stele(args);
    assert.equal(code, 0);
    assert.match(out, /^stele \d+\.\d+\.\d+\nProtocol : immudb 1\.9\.7\nNode {5}: /);
  }
  const versions: unknown = JSON.parse((await stele(['version', '--json'])).out);
  assert.deepEqual(Object.keys(versions ?? {}), ['version', 'protocol', 'node']);
  assert.equal((await stele(['version', '--yaml'])).code, 2);
});

test('help names every command and flag, of one command its usage', async () => {
  for (const args of [['help'], ['--help'], ['-h'], ['--port', '1', '--help']]) {
    const { code, out } = await stele(args);
    assert.equal(code, 0);
    for (const expected of ['stele [flags]', '  version ', '  config ', '--max-sessions N']) {
      assert.ok(out.includes(expected), expected);
    }
    for (const line of out.split('\n')) assert.ok(line.length <= 100, line);
  }
  for (const args of [
    ['help', 'config'],
    ['config', '--help'],
    ['config', 'show', '-h'],
  ]) {
    assert.match((await stele(args)).out, /^Usage: stele config show/);
  }
});

test('an unknown command is refused with the nearest one', async () => {
  const { code, out, err } = await stele(['verison']);
  assert.equal(code, 2);
  assert.equal(out, '');
  assert.equal(
    err,
    "Error: unknown command verison (did you mean stele version?)\nSee 'stele help'.\n",
  );
  assert.equal((await stele(['help', 'nothing-like-it'])).code, 2);
});

test('config show prints values and sources to the output, and notices beside it', async () => {
  const env = { IMMUDB_PORT: '7', IMMUDB_SYNCED: 'false', STELE_ADMIN_PASSWORD: 'Hidden!1' };
  const { code, out, err } = await stele(['config', 'show', '-m=false'], env);
  assert.equal(code, 0);
  assert.match(out, /^port = 7 +# environment variable IMMUDB_PORT$/m);
  assert.match(out, /^mtls = false +# -m$/m);
  assert.match(err, /^WARNING: --synced=false .* has no effect/);
  const json = await stele(['config', 'show', '--json'], env);
  const shown = JSON.parse(json.out) as { options: { name: string; value: unknown }[] };
  assert.equal(shown.options.find(({ name }) => name === 'port')?.value, 7);
  assert.ok(!`${out}${err}${json.out}`.includes('Hidden'));
});

test('config refuses what it does not know', async () => {
  for (const args of [['config'], ['config', 'shwo'], ['config', 'show', '--prot=1']]) {
    const { code, out } = await stele(args);
    assert.deepEqual([code, out], [2, '']);
  }
});

test('the program itself runs a command without loading the server', () => {
  const script = path.join(projectRoot, 'dist/src/cli/stele.js');
  const { status, stdout } = spawnSync(process.execPath, [script, 'version'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /^stele /);
});
