import { type AnyOption, OPTION_GROUPS, type OptionGroup } from './option-types.js';
import { optionRows } from './options.js';

const WIDTH = 100;
const FLAG_WIDTH = 38;
const COMPATIBILITY: OptionGroup = 'immudb compatibility';

/** Rows of one group that an operator is told of. */
export function optionsOf(group: OptionGroup): AnyOption[] {
  return optionRows.map(([, option]) => option).filter((option) => option.group === group);
}

/** The flags of the server by group, each line at most 100 columns wide. */
export function renderFlags(): string {
  const sections = OPTION_GROUPS.filter((group) => group !== COMPATIBILITY).map((group) => {
    const lines = optionsOf(group)
      .filter((option) => !option.hidden)
      .flatMap(renderFlag);
    return [`${group}:`, ...lines].join('\n');
  });
  const ignored = optionsOf(COMPATIBILITY).map((option) => `--${option.flag}`);
  const compatibility = [
    'Read for compatibility with immudb, without effect or refused with a reason:',
    ...wrap(ignored.join(' '), WIDTH - 2).map((line) => `  ${line}`),
  ].join('\n');
  return [...sections, compatibility, SOURCES].join('\n\n');
}

const SOURCES = [
  'Each flag can also be given as an environment variable (--max-sessions as STELE_MAX_SESSIONS, or',
  'IMMUDB_MAX_SESSIONS) and as a key of the configuration file (max-sessions = 50). A flag overrides',
  'the environment, the environment overrides the file.',
].join('\n');

function renderFlag(option: AnyOption): string[] {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  const head = `  ${short}--${option.flag}${placeholder(option)}`;
  const notes = [option.choices?.join(', '), defaultNote(option)].filter(
    (note) => note !== undefined,
  );
  const text = notes.length === 0 ? option.help : `${option.help} (${notes.join('; ')})`;
  const [first = '', ...more] = wrap(text, WIDTH - FLAG_WIDTH);
  const indented = more.map((line) => `${' '.repeat(FLAG_WIDTH)}${line}`);
  if (head.length > FLAG_WIDTH - 2) return [head, `${' '.repeat(FLAG_WIDTH)}${first}`, ...indented];
  return [`${head.padEnd(FLAG_WIDTH)}${first}`, ...indented];
}

/** The groups of `stele --help`, each with what is said of its options. */
export function flagSections() {
  return OPTION_GROUPS.filter((group) => group !== COMPATIBILITY).map((group) => ({
    title: group as string,
    options: optionsOf(group)
      .filter((option) => !option.hidden)
      .map((option) => ({
        name: option.flag,
        short: option.short,
        value: placeholder(option).trim() || undefined,
        summary: [option.help, option.choices?.join(', ')].filter(Boolean).join(': '),
        fallback:
          hasDefault(option) && option.default !== false
            ? option.format(option.default)
            : undefined,
      })),
  }));
}

function placeholder({ kind }: AnyOption): string {
  switch (kind) {
    case 'boolean':
      return '';
    case 'bytes':
      return ' SIZE';
    case 'duration':
      return ' TIME';
    case 'integer':
    case 'port':
      return ' N';
    case 'path':
      return ' PATH';
    case 'enum':
    case 'list':
    case 'string':
      return ' TEXT';
  }
}

function defaultNote(option: AnyOption): string | undefined {
  if (option.default === false || !hasDefault(option)) return undefined;
  return `default ${option.format(option.default)}`;
}

export function hasDefault({ default: value }: AnyOption): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

/** Breaks at blanks; a word longer than the width gets a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
