import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../../support/project.js';
import { Fixture } from '../server-fixture.js';

/** The five minutes of README.md, command by command. */

const NOT_VERIFIED = 3;

test('the tour of the stream goes as README.md says', async (t) => {
  const readme = readFileSync(path.join(projectRoot, 'README.md'), 'utf8');
  const block = /Five\s+minutes:\n\n```\n([^`]*)```/.exec(readme)?.[1] ?? '';
  const [sed = ''] = /sed -i '[^']*' \S+/.exec(block) ?? [];
  const f = new Fixture(t);
  let server = await f.start();
  const client = (args: string[], input = '') => {
    const program = path.join(projectRoot, 'dist/src/cli/steleclient.js');
    const done = spawnSync(process.execPath, [program, ...args, '--port', String(f.port)], {
      ...{ cwd: f.folder, input, encoding: 'utf8', timeout: 60_000 },
      env: { ...process.env, HOME: f.folder, XDG_STATE_HOME: path.join(f.folder, 'state') },
    });
    assert.equal(done.status, 0, done.stderr);
  };
  client(['login', 'immudb'], 'immudb\n');
  client(['set', 'alice', '100']);
  const lines = readFileSync(path.join(f.audit, 'audit.json'), 'utf8').trimEnd().split('\n');
  const last = JSON.parse(lines.at(-1) as string);
  assert.deepEqual([last.event_name, last.username], ['kv.set', 'immudb']);
  const query = f.stele(['audit', 'query', '{ "users.user": "immudb" }']);
  assert.equal(query.stdout.trimEnd().split('\n').length, 2);
  await f.stop(server);
  assert.equal(f.stele(['audit', 'verify']).status, 0);
  execFileSync('sh', ['-c', sed], { cwd: f.folder });
  const verify = f.stele(['audit', 'verify']);
  assert.equal(verify.status, NOT_VERIFIED);
  assert.match(verify.stderr, new RegExp(`audit.json, line ${lines.length}, seq ${last.seq}:`));
  server = await f.start();
  assert.match(
    f.stele(['audit', 'query', '{ event_name: "tamper.detected" }']).stdout,
    /"where":"audit_chain"/,
  );
  await f.stop(server);
});

test('README.md shows the commands that are tried here', () => {
  const readme = readFileSync(path.join(projectRoot, 'README.md'), 'utf8');
  for (const command of [
    'echo immudb | steleclient login immudb',
    'steleclient set alice 100',
    `stele audit query '{ "users.user": "immudb" }'`,
    'stele audit verify',
    `stele audit query '{ event_name: "tamper.detected" }'`,
  ]) {
    assert.ok(readme.includes(command), command);
  }
});
