import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { fileDestination, type LogDestination } from '../../src/app/log-destination.js';
import { createLogger, type LoggerOptions } from '../../src/app/logger.js';
import { FakeClock } from '../support/fake-clock.js';
import { projectRoot } from '../support/project.js';

const root = mkdtempSync(path.join(tmpdir(), 'stele-log-'));
let directory: string;
after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  directory = mkdtempSync(path.join(root, 'log-'));
});

interface Recorded extends LogDestination {
  readonly lines: string[];
}

function recorded(): Recorded {
  const lines: string[] = [];
  return { lines, write: (text) => lines.push(text), reopen: () => undefined, close: () => {} };
}

function logTo(destination: LogDestination, options: Partial<LoggerOptions> = {}) {
  const standard = { level: 'info', format: 'text', clock: new FakeClock() } as const;
  return createLogger({ ...standard, destination, ...options });
}

/** Everything that could end a line or repaint a terminal. */
const HOSTILE =
  'a\nstele 2021/04/08 13:33:55 INFO: forged\r\u001b[2K\u0000\u0085\u009b\u2028\u2029\u202e\u200f\u2066\u007f';

test('a text line has the form of the original, with the fields after the message', () => {
  const destination = recorded();
  const log = logTo(destination);
  log.info('database opened', { database: 'defaultdb', txId: 7, empty: undefined, ok: true });
  log.warn('careful');
  log.error('failed', { reason: 'two words', path: 'a=b', nothing: '' });
  const time = /^stele \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /;
  assert.ok(destination.lines.every((line) => time.test(line)));
  assert.deepEqual(
    destination.lines.map((line) => line.replace(time, '')),
    [
      'INFO: database opened database=defaultdb txId=7 ok=true\n',
      'WARNING: careful\n',
      'ERROR: failed reason="two words" path="a=b" nothing=""\n',
    ],
  );
});

test('a JSON line has the keys of the original and the fields beside them', () => {
  const destination = recorded();
  logTo(destination, { format: 'json' }).warn('full', {
    bytes: 7,
    level: 'mine',
    skipped: undefined,
  });
  assert.deepEqual(JSON.parse(destination.lines.join('')), {
    timestamp: '2026-01-02T03:04:05.678000Z',
    level: 'warn',
    module: 'stele',
    message: 'full',
    bytes: 7,
    level_: 'mine',
  });
});

test('lines below the level are left out', () => {
  const log = (level: LoggerOptions['level']) => {
    const destination = recorded();
    const logger = logTo(destination, { level });
    for (const each of ['debug', 'info', 'warn', 'error'] as const) logger[each](each);
    return destination.lines.length;
  };
  assert.deepEqual(
    ['debug', 'info', 'warn', 'error'].map((level) => log(level as 'info')),
    [4, 3, 2, 1],
  );
});

test('fields of a derived log stand in all its lines, and later ones win', () => {
  const destination = recorded();
  const log = logTo(destination).with({ database: 'a', tx: 1 }).with({ tx: 2 });
  log.info('x', { n: 3 });
  assert.match(destination.lines.join(''), /: x database=a tx=2 n=3\n$/);
});

test('nothing that is logged can start a line of its own or steer a terminal', () => {
  for (const format of ['text', 'json'] as const) {
    const destination = recorded();
    logTo(destination, { format }).info(HOSTILE, { [HOSTILE]: HOSTILE, plain: 'x' });
    const [line = '', ...more] = destination.lines;
    assert.deepEqual(more, []);
    assert.ok(line.endsWith('\n'));
    assert.match(line.slice(0, -1), /^[\u0020-\u007e]+$/, format);
  }
});

test('letters of any language are logged as they are', () => {
  const destination = recorded();
  logTo(destination).info('größer 数据库 🙂', { name: 'größer' });
  assert.match(destination.lines.join(''), /: größer 数据库 🙂 name=größer\n$/);
});

test('an overlong text is cut and says by how much', () => {
  const destination = recorded();
  logTo(destination).info('x'.repeat(10_000), { field: 'y'.repeat(9000) });
  const line = destination.lines.join('');
  assert.match(line, /x … and 1808 more characters field="y+ … and 808 more characters"\n$/);
});

test('a file is appended to, in a directory that is made, and readable by its group alone', () => {
  const file = path.join(directory, 'a/b/stele.log');
  for (const message of ['first', 'second']) {
    const log = logTo(fileDestination({ path: file, clock: new FakeClock() }));
    log.info(message);
    log.close();
  }
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(': ')[1]),
    ['first', 'second'],
  );
  assert.equal(statSync(file).mode & 0o027, 0);
});

test('after the file was renamed by others, reopening begins a new one', () => {
  const file = path.join(directory, 'stele.log');
  const log = logTo(fileDestination({ path: file, clock: new FakeClock() }));
  log.info('before');
  renameSync(file, `${file}.1`);
  log.info('still the old file');
  log.reopen();
  log.info('after');
  log.close();
  assert.match(readFileSync(`${file}.1`, 'utf8'), /before\n.*still the old file\n$/);
  assert.match(readFileSync(file, 'utf8'), /opened again\n.*after\n$/);
});

test('when reopening fails, lines go on into the old file and say so', () => {
  const file = path.join(directory, 'gone/stele.log');
  const log = logTo(fileDestination({ path: file, clock: new FakeClock() }));
  renameSync(path.dirname(file), path.join(directory, 'moved'));
  log.reopen();
  log.info('after');
  log.close();
  const content = readFileSync(path.join(directory, 'moved/stele.log'), 'utf8');
  assert.match(content, /ERROR: log file cannot be opened again reason=.*ENOENT.*\n.*after\n$/);
});

test('a file that reached its size is renamed with the time, and none is lost', () => {
  const file = path.join(directory, 'stele.log');
  const clock = new FakeClock();
  const log = logTo(fileDestination({ path: file, rotationBytes: 100, clock }), { clock });
  for (let n = 0; n < 6; n++) log.info(`line ${n} ${'x'.repeat(30)}`);
  log.close();
  const names = readdirSync(directory).sort();
  assert.deepEqual(names, [
    'stele.log',
    'stele_20260102T030405Z.0001.log',
    'stele_20260102T030405Z.log',
  ]);
  const all = names.map((name) => readFileSync(path.join(directory, name), 'utf8')).join('');
  for (let n = 0; n < 6; n++) assert.ok(all.includes(`line ${n} `));
  assert.equal(all.trimEnd().split('\n').length, 6);
});

test('a file that reached its age is renamed at the next line', () => {
  const file = path.join(directory, 'stele.log');
  const clock = new FakeClock(Date.now());
  const log = logTo(fileDestination({ path: file, rotationAgeMs: 60_000, clock }), { clock });
  log.info('old');
  clock.advance(50_000);
  log.info('still fresh');
  assert.equal(readdirSync(directory).length, 1);
  clock.advance(20_000);
  log.info('new');
  log.info('newer');
  log.close();
  assert.equal(readdirSync(directory).length, 2);
  assert.match(readFileSync(file, 'utf8'), /^\S+ \S+ \S+ INFO: new\n.*newer\n$/);
});

test('a log that cannot be written goes to the standard error output, and ends no process', {
  skip: process.platform !== 'linux',
}, () => {
  const modules = ['log-destination', 'logger'].map(
    (name) => `${projectRoot}/dist/src/app/${name}.js`,
  );
  const script = `
    import { closeSync } from 'node:fs';
    import { fileDestination, stderrDestination } from '${modules[0]}';
    import { createLogger } from '${modules[1]}';
    const options = { level: 'info', format: 'text', clock: { now: () => 0 } };
    const full = fileDestination({ path: '/dev/full', clock: options.clock });
    createLogger({ ...options, destination: full }).info('nowhere else');
    closeSync(2);
    const log = createLogger({ ...options, destination: stderrDestination() });
    log.info('into nothing');
    log.close();
    process.stdout.write('goes on');
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.equal(run.stdout, 'goes on');
  assert.match(run.stderr, /INFO: nowhere else\n$/);
  assert.equal(run.status, 0);
});

test('lines that could be written nowhere are counted in the next one that can', {
  skip: process.platform !== 'linux',
}, () => {
  const script = `
    import { closeSync, openSync } from 'node:fs';
    import { stderrDestination } from '${projectRoot}/dist/src/app/log-destination.js';
    const destination = stderrDestination();
    closeSync(2);
    destination.write('lost 1\\n');
    destination.write('lost 2\\n');
    openSync('${directory}/stderr', 'a');
    destination.write('found\\n');
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(run.status, 0);
  assert.equal(
    readFileSync(path.join(directory, 'stderr'), 'utf8'),
    'stele: 2 log lines could not be written\nfound\n',
  );
});
