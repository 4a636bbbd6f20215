import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfigFile } from '../../../src/app/config/file.js';
import {
  loadConfig,
  renderFlags,
  renderOptionsTable,
  renderSampleFile,
  renderShownOptions,
  shownOptions,
} from '../../../src/app/config/index.js';
import { optionRows } from '../../../src/app/config/options.js';

const secretEnv = {
  STELE_ADMIN_PASSWORD: 'Hidden!1',
  IMMUDB_REPLICATION_PRIMARY_PASSWORD: 'Hidden!2',
};

test('the help names every option that is not hidden and fits into 100 columns', () => {
  const help = renderFlags();
  for (const [, option] of optionRows) {
    assert.equal(help.includes(`--${option.flag}`), option.hidden !== true, option.flag);
  }
  for (const line of help.split('\n')) assert.ok(line.length <= 100, line);
  assert.match(help, /^ {2}-p, --port N +Port for clients.* \(default 3322\)$/m);
});

test('the table of options names every option once, with prose where there is some', () => {
  const table = renderOptionsTable();
  for (const [, option] of optionRows) {
    assert.equal(table.split(`| \`--${option.flag}\``).length, 2, option.flag);
    if (option.prose) assert.ok(table.includes(option.prose));
  }
});

test('the sample file sets nothing, and uncommented sets every default', () => {
  const sample = renderSampleFile();
  assert.equal(parseConfigFile(sample, 'sample').size, 0);
  const settings = sample.split('\n').flatMap((line) => /^#([\w-]+ = .*)$/.exec(line)?.[1] ?? []);
  const listed = optionRows.filter(
    ([, option]) => option.reason === undefined && !option.notInFile && !option.hidden,
  );
  assert.equal(settings.length, listed.length);
  const values = parseConfigFile(settings.join('\n'), 'sample');
  for (const [name, option] of listed) {
    const value = option.parse(values.get(name)?.text ?? assert.fail(name));
    assert.deepEqual(value === '' ? undefined : value, option.default, name);
  }
});

test('what is shown are the effective values with their sources, and never a secret', () => {
  const resolved = loadConfig(['--port=7', '--session-timeout=90s'], secretEnv, '/w', '/nowhere');
  const shown = renderShownOptions(resolved);
  assert.match(shown, /^# configuration file: none$/m);
  assert.match(shown, /^port = 7 +# --port$/m);
  assert.match(shown, /^session-timeout = "1m30s" +# --session-timeout$/m);
  assert.match(shown, /^dir = "\/w\/data" +# default$/m);
  assert.match(shown, /^admin-password = «set» +# environment variable STELE_ADMIN_PASSWORD$/m);
  assert.match(shown, /^replication-primary-password = «set»/m);
  assert.ok(!shown.includes('s3-'), 'options without effect are left out unless given');
  for (const text of [shown, JSON.stringify(shownOptions(resolved)), JSON.stringify(resolved)]) {
    assert.ok(!text.includes('Hidden'));
  }
  const bare = renderShownOptions(loadConfig([], {}, '/w', '/nowhere'));
  assert.match(bare, /^admin-password = «not set» +# default$/m);
});
