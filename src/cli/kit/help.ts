import type { CommandRow, Group } from './command.js';
import type { OptionRow } from './options.js';
import type { Print } from './print.js';
import type { Program } from './program.js';

const HELP_WIDTH = 34;

/** In two columns; a long left side stands on a line of its own. */
function columns(left: string, right: string): string {
  if (left.length < HELP_WIDTH) return `  ${left.padEnd(HELP_WIDTH)}${right}`;
  return `  ${left}\n  ${' '.repeat(HELP_WIDTH)}${right}`;
}

function flagText({ name, short, value, kind }: OptionRow): string {
  const flag = `${short === undefined ? '    ' : `-${short}, `}--${name}`;
  return kind === 'switch' ? flag : `${flag} ${value}`;
}

export function renderFlags(options: readonly OptionRow[]): string {
  return options
    .filter(({ ignored }) => ignored !== true)
    .map((option) => {
      const fallback = option.fallback === undefined ? '' : ` (default ${option.fallback})`;
      return columns(flagText(option), `${option.summary}${fallback}`);
    })
    .join('\n');
}

export function commandLine({ name, aliases = [], usage, summary }: CommandRow): string {
  const names = aliases.length === 0 ? name : `${name}, ${aliases[0]}`;
  return columns(`${names} ${usage}`.trimEnd(), ` ${summary}`);
}

export function renderHelp<P extends Print>({ row, own, commands }: Program<P>): string {
  const start = row.own?.find(({ name }) => name === row.withoutCommand);
  const variables = row.prefixes.map((prefix) => `${prefix}<FLAG>`).join(' or ');
  return [
    `${row.name}: ${lowerFirst(row.summary)}`,
    '',
    'Usage:',
    `  ${row.name} <command> [arguments] [flags]`,
    ...(start === undefined
      ? []
      : [`  ${row.name.padEnd(HELP_WIDTH)} the same as ${row.name} ${start.name}`]),
    '',
    'Commands:',
    ...commands.map(commandLine),
    ...own.map(commandLine),
    '',
    `Flags; each may also be set as ${variables} in the environment:`,
    renderFlags(row.options),
    '',
    'Exit codes: 0 success, 1 failure, 2 wrong arguments, 3 not verified (tampering).',
    '',
  ].join('\n');
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** @param program what stands before the name in the usage line */
export function renderCommandHelp(
  { name, usage, aliases = [], summary, details, options = [] }: CommandRow,
  program: string,
): string {
  return [
    `Usage: ${program}${name} ${usage}`.trimEnd(),
    ...(aliases.length === 0 ? [] : [`Also: ${aliases.join(', ')}`]),
    '',
    `${summary}.`,
    ...(details === undefined ? [] : ['', details]),
    ...(options.length === 0 ? [] : ['', 'Flags:', renderFlags(options)]),
    '',
  ].join('\n');
}

export function renderGroupHelp<P extends Print>(program: Program<P>, group: Group): string {
  const { name, aliases = [], summary } = group;
  return [
    `Usage: ${program.name} ${name} <command> [arguments] [flags]`,
    ...(aliases.length === 0 ? [] : [`Also: ${aliases.join(', ')}`]),
    '',
    `${summary}.`,
    '',
    ...program.commandsOf(group).map(commandLine),
    '',
  ].join('\n');
}
