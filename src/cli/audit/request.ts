import path from 'node:path';
import { type Config, loadConfig } from '../../app/config/index.js';
import { type CommandContext, UsageError } from '../command.js';

/** Options of the audit commands that take a value. */
const VALUES = [
  '--audit-path',
  '--seals',
  '--seal-db',
  '--server',
  '--username',
  '--password-file',
  '--server-key',
  '--state',
  '--seq',
  '--out',
  '--check',
  '--format',
  '--filter',
  '--from',
  '--to',
  '--lines',
  '--file',
  '--key-id',
] as const;
const FLAGS = ['--json', '--follow', '-f', '--chain-only', '--export-seals'] as const;

export type ValueName = (typeof VALUES)[number];
export type FlagName = (typeof FLAGS)[number];

export interface AuditRequest {
  readonly config: Config;
  /** Of the live file. */
  readonly path: string;
  readonly words: readonly string[];
  value(name: ValueName): string | undefined;
  flag(name: FlagName): boolean;
}

/**
 * @param allowed options of this command; `--dir` and `--config` are understood as by the server
 * @throws UsageError
 */
export function parseAuditRequest(
  args: readonly string[],
  context: CommandContext,
  allowed: readonly (ValueName | FlagName)[],
): AuditRequest {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const words: string[] = [];
  const rest: string[] = [];
  const known = new Set<string>([...allowed, '--audit-path']);
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] as string;
    const [name, inline] = splitOnce(argument);
    if (!argument.startsWith('-') || argument === '-') words.push(argument);
    else if (name === '--dir' || name === '--config') {
      rest.push(argument);
      if (inline === undefined) rest.push(args[++i] ?? '');
    } else if (!known.has(name)) throw new UsageError(`unknown option ${name}`);
    else if (FLAGS.some((flag) => flag === name)) flags.add(name);
    else values.set(name, takeValue(name, inline ?? args[++i]));
  }
  const { config } = loadConfig(rest, context.env, context.cwd);
  const given = values.get('--audit-path');
  return {
    config,
    path:
      given === undefined
        ? path.join(config.dir, 'audit', 'audit.json')
        : path.resolve(context.cwd, given),
    words,
    value: (name) => values.get(name),
    flag: (name) => flags.has(name),
  };
}

function splitOnce(argument: string): [name: string, value: string | undefined] {
  const at = argument.indexOf('=');
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}

function takeValue(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`${name} needs a value`);
  return value;
}

/** @throws UsageError for words that the command does not take */
export function noWords({ words }: AuditRequest): void {
  if (words.length > 0) throw new UsageError(`unexpected argument ${words[0]}`);
}

/** @throws UsageError */
export function countOf(name: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new UsageError(`${name} needs a whole number, got ${text}`);
}
