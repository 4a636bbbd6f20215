/**
 * Locks held by real processes, some of them killed. Elsewhere (another container, another machine, the
 * boot before) is acted out by giving one side an identity from there.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LockError, lockDirectory } from '../../src/base/lock-file.js';
import { lifeOf, ownIdentity } from '../../src/base/process-identity.js';

const holderProgram = fileURLToPath(new URL('./hold-lock.js', import.meta.url));
const elsewhere = { ...ownIdentity(), bootId: 'another-boot', host: 'elsewhere' };
const quick = { heartbeatMs: 20, observationMs: 400 };

let root: string;
let directory: string;
const children: ChildProcess[] = [];
/** The heartbeat of a lock keeps no process running, so the test does. */
const running = setInterval(() => {}, 1000);

before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'stele-lock-'));
});
after(async () => {
  clearInterval(running);
  await rm(root, { recursive: true, force: true });
});
test.beforeEach(async () => {
  directory = await mkdtemp(path.join(root, 'data-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) await kill(child);
});

interface HolderProcess {
  readonly child: ChildProcess;
  /** The next line it prints; undefined at the end. */
  line(): Promise<string | undefined>;
}

function startHolder(options: object = {}): HolderProcess {
  const child = spawn(process.execPath, [holderProgram, directory, JSON.stringify(options)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    line: async () => {
      const next = await lines.next();
      return next.done ? undefined : next.value;
    },
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function refusal(attempt: Promise<unknown>): Promise<LockError> {
  const error = await attempt.then(
    () => assert.fail('the lock was given'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof LockError, String(error));
  return error;
}

test('a second process is refused within a second, told who and where', async () => {
  const holder = startHolder();
  assert.equal(await holder.line(), 'held');
  const start = performance.now();
  const error = await refusal(lockDirectory(directory));
  assert.ok(performance.now() - start < 1000);
  assert.equal(error.code, 'lockHeld');
  assert.ok(error.message.includes(`process ${holder.child.pid} is using ${directory}`));
  assert.ok(error.message.includes(path.join(directory, 'stele.lock')));
});

test('a second lock in the same process is refused', async () => {
  await using lock = await lockDirectory(directory);
  assert.ok(lock.isHeld());
  assert.match((await refusal(lockDirectory(directory))).message, /is using/);
});

test('a released lock leaves nothing behind and can be taken again', async () => {
  const first = await lockDirectory(directory);
  await first.release();
  await first.release();
  assert.equal(first.isHeld(), false);
  assert.deepEqual(await readdir(directory), []);
  await (await lockDirectory(directory)).release();
});

test('the lock of a killed process is taken over at once', async () => {
  const holder = startHolder();
  assert.equal(await holder.line(), 'held');
  await kill(holder.child);
  const start = performance.now();
  await using lock = await lockDirectory(directory);
  assert.ok(performance.now() - start < 1000);
  assert.ok(lock.isHeld());
  assert.deepEqual(await readdir(directory), ['stele.lock']);
});

test('a process that got the id of the killed holder does not count as the holder', {
  skip: ownIdentity().startTime === undefined,
}, async () => {
  const impostor = { ...ownIdentity(), startTime: '1', token: '0123456789abcdef' };
  await writeFile(path.join(directory, 'stele.lock'), JSON.stringify(impostor));
  await using lock = await lockDirectory(directory);
  assert.ok(lock.isHeld());
});

test('of many processes that find the same stale lock exactly one gets it', async () => {
  for (let round = 0; round < 3; round++) {
    const killed = startHolder();
    assert.equal(await killed.line(), 'held');
    await kill(killed.child);
    const rivals = Array.from({ length: 5 }, () => startHolder());
    const answers = await Promise.all(rivals.map((rival) => rival.line()));
    assert.equal(answers.filter((answer) => answer === 'held').length, 1, answers.join('; '));
    assert.equal(answers.filter((answer) => answer?.startsWith('refused')).length, 4);
    const winner = rivals[answers.indexOf('held')];
    winner?.child.stdin?.end();
    assert.equal(await winner?.line(), 'still held');
    await once(winner?.child ?? assert.fail(), 'exit');
    assert.deepEqual(await readdir(directory), []);
  }
});

test('within one process, of many calls on a stale lock exactly one succeeds', async () => {
  const stale = { ...ownIdentity(), startTime: '1', pid: 1, token: '0123456789abcdef' };
  for (let round = 0; round < 20; round++) {
    await writeFile(path.join(directory, 'stele.lock'), JSON.stringify(stale));
    const results = await Promise.allSettled(
      Array.from({ length: 6 }, () => lockDirectory(directory)),
    );
    const taken = results.filter((result) => result.status === 'fulfilled');
    assert.equal(taken.length, 1);
    for (const { value } of taken) {
      assert.ok(value.isHeld());
      await value.release();
    }
    assert.deepEqual(await readdir(directory), []);
  }
});

test('a take-over that was itself killed half-way does not stop the next one', async () => {
  const dead = { ...ownIdentity(), startTime: '1' };
  const lockFile = path.join(directory, 'stele.lock');
  await writeFile(lockFile, JSON.stringify({ ...dead, token: '00000000000000aa' }));
  await writeFile(
    `${lockFile}.00000000000000aa`,
    JSON.stringify({ ...dead, token: '00000000000000bb' }),
  );
  await using lock = await lockDirectory(directory);
  assert.ok(lock.isHeld());
  assert.deepEqual(await readdir(directory), ['stele.lock']);
});

test('a holder elsewhere that shows life is left alone', async () => {
  const holder = startHolder({ identity: elsewhere, heartbeatMs: 20 });
  assert.equal(await holder.line(), 'held');
  const error = await refusal(lockDirectory(directory, { observationMs: 5000 }));
  assert.match(error.message, /process \d+ on elsewhere is using/);
});

test('a holder elsewhere that stands still is replaced only after the time of observation', async () => {
  const holder = startHolder({ identity: elsewhere, heartbeatMs: 20 });
  assert.equal(await holder.line(), 'held');
  await kill(holder.child);
  const start = performance.now();
  await using lock = await lockDirectory(directory, quick);
  assert.ok(performance.now() - start >= quick.observationMs);
  assert.ok(lock.isHeld());
});

test('a holder learns that its lock was taken over while it was stopped', async () => {
  let lost: (() => void) | undefined;
  const told = new Promise<void>((resolve) => {
    lost = resolve;
  });
  const first = await lockDirectory(directory, {
    identity: elsewhere,
    heartbeatMs: 500,
    onLost: () => lost?.(),
  });
  await using second = await lockDirectory(directory, { observationMs: 100 });
  assert.equal(first.isHeld(), false);
  await told;
  await first.release();
  assert.ok(second.isHeld(), 'releasing a lost lock does not touch the new one');
});

test('a holder learns that its lock file was removed', async () => {
  await new Promise<void>((resolve, reject) => {
    lockDirectory(directory, { heartbeatMs: 10, onLost: resolve })
      .then((lock) => rm(lock.path))
      .catch(reject);
  });
});

test('a lock file that cannot be read as one is watched before it is replaced', async () => {
  for (const content of ['', '{"pid":', '{"pid":1,"host":"h","token":"../../etc"}', '[]']) {
    await writeFile(path.join(directory, 'stele.lock'), content);
    const start = performance.now();
    const lock = await lockDirectory(directory, { observationMs: 60 });
    assert.ok(performance.now() - start >= 60, content);
    await lock.release();
  }
});

test('the lock file says who holds it', async () => {
  await using lock = await lockDirectory(directory, { name: 'other.lock' });
  const content: unknown = JSON.parse(await readFile(lock.path, 'utf8'));
  assert.ok(typeof content === 'object' && content !== null);
  const { pid, host } = ownIdentity();
  assert.deepEqual({ ...content, pid, host }, content);
});

test('a missing directory is an error of its own', async () => {
  await assert.rejects(lockDirectory(path.join(directory, 'missing')), { code: 'ENOENT' });
});

test('a process waiting only to be collected counts as dead, another namespace as unknown', async () => {
  const own = ownIdentity();
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  assert.equal(lifeOf(own, own), 'alive');
  await exited;
  assert.equal(lifeOf({ ...own, pid: child.pid ?? 0 }, own), 'dead');
  assert.equal(lifeOf(elsewhere, own), own.bootId === undefined ? 'alive' : 'unknown');
});
