import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createPidFile } from '../../src/app/pid-file.js';
import { ownIdentity } from '../../src/base/process-identity.js';
import { projectRoot } from '../support/project.js';

let directory: string;
before(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'stele-pid-'));
});
after(() => rm(directory, { recursive: true, force: true }));

test('the file holds the decimal id and nothing else, until it is released', async () => {
  const file = path.join(directory, 'run', 'stele.pid');
  const pidFile = await createPidFile(file);
  assert.equal(await readFile(file, 'utf8'), String(process.pid));
  assert.equal((await stat(file)).mode & 0o777, 0o644);
  await pidFile.release();
  await pidFile.release();
  assert.deepEqual(await readdir(path.dirname(file)), []);
});

test('a file of a process that is alive is refused, and of one that was killed is replaced', async () => {
  const file = path.join(directory, 'alive.pid');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
  await writeFile(file, `${child.pid}\n`);
  await assert.rejects(createPidFile(file), {
    code: 'pidFileHeld',
    message:
      `pid file found, ensure stele is not running or delete ${file} ` +
      `(process ${child.pid} is alive)`,
  });
  assert.equal(await readFile(file, 'utf8'), `${child.pid}\n`);
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
  await using _held = await createPidFile(file);
  assert.equal(await readFile(file, 'utf8'), String(process.pid));
});

test('a process that began after the file was written is not its author', {
  skip: ownIdentity().startTime === undefined,
}, async () => {
  const file = path.join(directory, 'reused.pid');
  await writeFile(file, String(process.ppid));
  const longAgo = new Date('2001-01-01');
  await utimes(file, longAgo, longAgo);
  await using _held = await createPidFile(file);
  assert.equal(await readFile(file, 'utf8'), String(process.pid));
});

test('our own id in the file, as in every container, and an empty file are no obstacle', async () => {
  for (const content of [String(process.pid), '', '\n', '0']) {
    const file = path.join(directory, 'own.pid');
    await writeFile(file, content);
    const pidFile = await createPidFile(file);
    assert.equal(await readFile(file, 'utf8'), String(process.pid));
    await pidFile.release();
  }
});

test('a file that is no pid file is left alone', async () => {
  const file = path.join(directory, 'precious');
  await writeFile(file, 'precious data');
  await assert.rejects(createPidFile(file), { code: 'pidFileUnusable' });
  assert.equal(await readFile(file, 'utf8'), 'precious data');
  await assert.rejects(createPidFile(path.join(file, 'x.pid')), { code: 'pidFileUnusable' });
});

test('a file that names somebody else by now is not removed', async () => {
  const file = path.join(directory, 'taken.pid');
  const pidFile = await createPidFile(file);
  await writeFile(file, '1');
  await pidFile.release();
  assert.equal(await readFile(file, 'utf8'), '1');
});

test('of several processes that find the same stale file one gets it', async () => {
  const file = path.join(directory, 'race.pid');
  await writeFile(file, String(spawnSync(process.execPath, ['-e', '']).pid));
  const script = `
    import { createPidFile } from '${projectRoot}/dist/src/app/pid-file.js';
    const answer = await createPidFile('${file}').then(() => 'got it', (error) => error.code);
    process.stdout.write(answer + '\\n');
    process.stdin.resume();
  `;
  const rivals = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  );
  const exits = rivals.map((rival) => once(rival, 'exit'));
  const answers = await Promise.all(rivals.map((rival) => once(rival.stdout, 'data').then(String)));
  for (const rival of rivals) rival.stdin.end();
  await Promise.all(exits);
  assert.deepEqual(answers.sort(), ['got it\n', ...Array(3).fill('pidFileHeld\n')]);
  await rm(file);
});
