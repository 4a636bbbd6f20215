// Writes what follows from the tables of options and of events: the parts of README.md between their
// markers, stele.toml.example, and the manual pages in man/. With --check it writes nothing and fails when either is not what it would write.
// Needs a build. The project folder may be given as an argument.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderOptionsTable, renderSampleFile } from '../dist/src/app/config/index.js';
import { steleVersion } from '../dist/src/app/version.js';
import { STELEADMIN } from '../dist/src/cli/admin/program.js';
import { STELECLIENT } from '../dist/src/cli/client/program.js';
import { renderManPage } from '../dist/src/cli/kit/man-page.js';
import { programManual } from '../dist/src/cli/kit/program-manual.js';
import { steleManual } from '../dist/src/cli/main.js';
import { catalogueRows } from '../dist/src/rpc/index.js';

const BEGIN = '<!-- options:begin -->';
const END = '<!-- options:end -->';
const COMMANDS_BEGIN = '<!-- steleadmin:begin -->';
const COMMANDS_END = '<!-- steleadmin:end -->';
/** Of a row of the table of commands. */
const FLAGS_MAX = 8;
const EVENTS_BEGIN = '<!-- events:begin -->';
const EVENTS_END = '<!-- events:end -->';

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

function readmeWithTable() {
  const text = readText('README.md') ?? '';
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) return undefined;
  const before = text.slice(0, begin + BEGIN.length);
  return withCommands(withEvents(`${before}\n${renderOptionsTable()}\n${text.slice(end)}`));
}

/** Every command of steleadmin with its own flags. */
function withCommands(text) {
  const [begin, end] = [text.indexOf(COMMANDS_BEGIN), text.indexOf(COMMANDS_END)];
  if (begin < 0 || end < begin) return text;
  const cell = (words) => words.replaceAll('|', '\\|');
  const rows = STELEADMIN.commands.map(({ name, usage, summary, options = [] }) => {
    const flags =
      options.length > FLAGS_MAX
        ? `the settings: \`steleadmin help ${name}\``
        : options.map((option) => `\`--${option.name}\``).join(' ');
    return `| \`${cell(`${name} ${usage}`.trimEnd())}\` | ${cell(summary)} | ${flags} |`;
  });
  const head = ['| command | what it does | its own flags |', '|---|---|---|'];
  const before = text.slice(0, begin + COMMANDS_BEGIN.length);
  return `${before}\n${[...head, ...rows].join('\n')}\n${text.slice(end)}`;
}

/** A text without the markers stays as it is. */
function withEvents(text) {
  const [begin, end] = [text.indexOf(EVENTS_BEGIN), text.indexOf(EVENTS_END)];
  if (begin < 0 || end < begin) return text;
  const rows = catalogueRows().map(({ name, class: group, readOnly, raisedBy, about }) => {
    const methods = raisedBy.map((method) => `\`${method}\``);
    const by = [...methods, ...(about === undefined ? [] : [about])].join(', ');
    return `| \`${name}\` | ${group} | ${readOnly ? 'yes' : 'no'} | ${by} |`;
  });
  const head = ['| event | class | read-only | left by |', '|---|---|---|---|'];
  const before = text.slice(0, begin + EVENTS_BEGIN.length);
  return `${before}\n${[...head, ...rows].join('\n')}\n${text.slice(end)}`;
}

let failures = 0;
function put(name, expected) {
  if (expected === undefined) {
    console.error(`${name} has no lines ${BEGIN} and ${END}`);
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
put('README.md', readmeWithTable());
process.exitCode = failures === 0 ? 0 : 1;
