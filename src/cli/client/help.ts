import type { ManualCommand } from '../kit/manual.js';
import type { Command } from './context.js';
import { OWN_COMMANDS } from './manual.js';
import { OPTIONS, type OptionRow } from './options.js';
import { COMMANDS } from './table.js';

const HELP_WIDTH = 34;

function flagText({ name, short, value, kind }: OptionRow): string {
  const flag = `${short === undefined ? '    ' : `-${short}, `}--${name}`;
  return kind === 'switch' ? flag : `${flag} ${value}`;
}

export function renderFlags(): string {
  return OPTIONS.filter(({ ignored }) => ignored !== true)
    .map((option) => {
      const fallback = option.fallback === undefined ? '' : ` (default ${option.fallback})`;
      return `  ${flagText(option).padEnd(HELP_WIDTH)}${option.summary}${fallback}`;
    })
    .join('\n');
}

export function commandLine({ name, aliases = [], usage, summary }: ManualCommand): string {
  const names = aliases.length === 0 ? name : `${name}, ${aliases[0]}`;
  return `  ${`${names} ${usage}`.trimEnd().padEnd(HELP_WIDTH)} ${summary}`;
}

export function renderHelp(): string {
  return [
    'steleclient: reads and writes a Stele or immudb server, and verifies what it answers',
    '',
    'Usage:',
    '  steleclient <command> [arguments] [flags]',
    '  steleclient                        the interactive shell',
    '',
    'Commands:',
    ...COMMANDS.map(commandLine),
    ...OWN_COMMANDS.map(commandLine),
    '',
    'Flags; each may also be set as STELE_<FLAG> or IMMUCLIENT_<FLAG> in the environment:',
    renderFlags(),
    '',
    'Exit codes: 0 success, 1 failure, 2 wrong arguments, 3 not verified (tampering).',
    '',
  ].join('\n');
}

export function renderCommandHelp(command: Command, program = 'steleclient '): string {
  const { name, usage, aliases = [], summary, details } = command;
  return [
    `Usage: ${program}${name} ${usage}`.trimEnd(),
    ...(aliases.length === 0 ? [] : [`Also: ${aliases.join(', ')}`]),
    '',
    `${summary}.`,
    ...(details === undefined ? [] : ['', details]),
    '',
  ].join('\n');
}
