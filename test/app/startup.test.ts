import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/app/config/index.js';
import { openLogger, startupLines } from '../../src/app/startup.js';
import { steleVersion } from '../../src/app/version.js';
import { FakeClock } from '../support/fake-clock.js';
import { projectRoot } from '../support/project.js';

function lines(...argv: string[]): string[] {
  return startupLines(loadConfig(argv, {}, '/w', '/nowhere'));
}

test('the first lines say where it listens, what it uses, and that the password is known', () => {
  const all = lines();
  assert.ok(all[0]?.startsWith(`stele ${steleVersion()}, protocol 1.9.7, process ${process.pid}`));
  for (const expected of [
    'Data dir         : /w/data',
    'Address          : 0.0.0.0:3322',
    'Metrics address  : 0.0.0.0:9497/metrics',
    'TLS              : off',
    'Config file      : none',
    'WARNING: user immudb has the default password (immudb) until it is changed',
  ]) {
    assert.ok(all.includes(expected), expected);
  }
});

test('an IPv6 address is written in brackets, and switched-off metrics as off', () => {
  const all = lines('--address=::1', '--metrics-server=false', '--pidfile=p', '--logfile=l');
  assert.ok(all.includes('Address          : [::1]:3322'));
  assert.ok(all.includes('Metrics address  : off'));
  assert.ok(all.includes('PID file         : /w/p'));
  assert.ok(all.includes('Log file         : /w/l'));
});

test('another password is neither shown nor warned of', () => {
  const text = lines('--admin-password=Hidden!1').join('\n');
  assert.ok(!text.includes('Hidden') && !text.includes('WARNING'));
});

test('the version is that of the package', () => {
  const text = readFileSync(path.join(projectRoot, 'package.json'), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  assert.equal(steleVersion(), version);
});

test('a log file that cannot be opened is refused by name', () => {
  const { config } = loadConfig(['--logfile=/dev/null/x.log'], {}, '/w', '/nowhere');
  assert.throws(() => openLogger(config, new FakeClock()), {
    code: 'logFileUnusable',
    message: /^log file \/dev\/null\/x\.log cannot be opened: /,
  });
});
