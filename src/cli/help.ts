import { renderFlags } from '../app/config/index.js';
import { steleVersion } from '../app/version.js';
import type { Command } from './command.js';

/** `stele --help`: every command and every flag of the server. */
export function renderHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 3;
  return [
    `stele ${steleVersion()}: immutable key-value database that its clients verify`,
    '',
    'Usage:',
    '  stele [flags]              run the server',
    '  stele <command> [--help]',
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    '',
    renderFlags(),
    '',
    'Exit codes: 0 success, 1 failure, 2 wrong arguments or configuration, 3 not verified (tampering),',
    '74 storage or audit failure.',
    '',
  ].join('\n');
}

/** `stele <command> --help`. */
export function renderCommandHelp(command: Command): string {
  const details = command.details?.();
  return [
    `Usage: stele ${command.name} ${command.usage}`.trimEnd(),
    '',
    `${command.summary}.`,
    ...(details === undefined ? [] : ['', details]),
    '',
  ].join('\n');
}
