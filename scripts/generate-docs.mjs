// Writes what follows from the tables of options and of events: the parts of README.md between their
// markers, stele.toml.example, and the manual pages in man/. With --check it writes nothing and fails when either is not what it would write.
// Needs a build. The project folder may be given as an argument.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderOptionsTable, renderSampleFile } from '../dist/src/app/config/index.js';
import { steleVersion } from '../dist/src/app/version.js';
import { ALARM_KINDS } from '../dist/src/auditor/index.js';
import { STELEADMIN } from '../dist/src/cli/admin/program.js';
import { AUDIT_OPTIONS } from '../dist/src/cli/client/audit/options.js';
import { STELECLIENT } from '../dist/src/cli/client/program.js';
import { renderManPage } from '../dist/src/cli/kit/man-page.js';
import { programManual } from '../dist/src/cli/kit/program-manual.js';
import { steleManual } from '../dist/src/cli/main.js';
import { catalogueRows } from '../dist/src/rpc/index.js';

/** Of a row of the table of commands. */
const FLAGS_MAX = 8;

const args = process.argv.slice(2);
const check = args.includes('--check');
const root =
  args.find((argument) => !argument.startsWith('--')) ??
  path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function readText(name) {
  try {
    return readFileSync(path.join(root, name), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined for a text without the markers. */
function withPart(text, name, content) {
  const [first, last] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`];
  const [begin, end] = [text.indexOf(first), text.indexOf(last)];
  if (begin < 0 || end < begin) return undefined;
  return `${text.slice(0, begin + first.length)}\n${content}\n${text.slice(end)}`;
}

function readmeWithTables() {
  const withOptions = withPart(readText('README.md') ?? '', 'options', renderOptionsTable());
  if (withOptions === undefined) return undefined;
  return [
    ['events', eventsTable()],
    ['steleadmin', commandsTable()],
    ['auditor-options', auditorOptionsTable()],
    ['alarms', alarmsTable()],
  ].reduce((text, [name, content]) => withPart(text, name, content) ?? text, withOptions);
}

/** Every command of steleadmin with its own flags. */
function commandsTable() {
  const cell = (words) => words.replaceAll('|', '\\|');
  const rows = STELEADMIN.commands.map(({ name, usage, summary, options = [] }) => {
    const flags =
      options.length > FLAGS_MAX
        ? `the settings: \`steleadmin help ${name}\``
        : options.map((option) => `\`--${option.name}\``).join(' ');
    return `| \`${cell(`${name} ${usage}`.trimEnd())}\` | ${cell(summary)} | ${flags} |`;
  });
  return ['| command | what it does | its own flags |', '|---|---|---|', ...rows].join('\n');
}

function auditorOptionsTable() {
  const rows = AUDIT_OPTIONS.map(({ name, value, fallback, summary }) => {
    const flag = `--${name}${value === undefined ? '' : ` ${value.replaceAll('|', '\\|')}`}`;
    return `| \`${flag}\` | ${fallback === undefined ? '' : `\`${fallback}\``} | ${summary} |`;
  });
  return ['| flag | default | what it is |', '|---|---|---|', ...rows].join('\n');
}

function alarmsTable() {
  const rows = Object.entries(ALARM_KINDS).map(([kind, text]) => `| \`${kind}\` | ${text} |`);
  return ['| alarm | what it says |', '|---|---|', ...rows].join('\n');
}

function eventsTable() {
  const rows = catalogueRows().map(({ name, class: group, readOnly, raisedBy, about }) => {
    const methods = raisedBy.map((method) => `\`${method}\``);
    const by = [...methods, ...(about === undefined ? [] : [about])].join(', ');
    return `| \`${name}\` | ${group} | ${readOnly ? 'yes' : 'no'} | ${by} |`;
  });
  const head = ['| event | class | read-only | left by |', '|---|---|---|---|'];
  return [...head, ...rows].join('\n');
}

let failures = 0;
function put(name, expected) {
  if (expected === undefined) {
    console.error(`${name} has no lines <!-- options:begin --> and <!-- options:end -->`);
    failures++;
  } else if (readText(name) === expected) {
    console.log(`${name} is up to date`);
  } else if (check) {
    console.error(`${name} is out of date: run node scripts/generate-docs.mjs`);
    failures++;
  } else {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), expected);
    console.log(`${name} written`);
  }
}

put('stele.toml.example', renderSampleFile());
for (const manual of [await steleManual(), programManual(STELECLIENT), programManual(STELEADMIN)]) {
  put(`man/${manual.program}.1`, renderManPage(manual, steleVersion()));
}
put('README.md', readmeWithTables());
process.exitCode = failures === 0 ? 0 : 1;
