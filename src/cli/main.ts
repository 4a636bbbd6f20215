import { ConfigError, didYouMean } from '../app/config/index.js';
import { EXIT_FAILURE, EXIT_SUCCESS, EXIT_USAGE, type ExitCode } from '../app/exit-codes.js';
import { systemErrorCode } from '../base/durable-file.js';
import { messageOf, SteleError } from '../base/errors.js';
import { auditCommand } from './audit.js';
import { checkCommand } from './check.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { configCommand } from './config.js';
import { healthcheckCommand } from './healthcheck.js';
import { renderCommandHelp, renderHelp } from './help.js';
import { indexCommand } from './index.js';
import type { Manual } from './kit/manual.js';
import { serve } from './serve.js';
import { serviceCommand } from './service.js';
import { versionCommand } from './version.js';

const helpCommand: Command = {
  name: 'help',
  usage: '[command]',
  summary: 'Print this text, or how a command is used',
  run: async ([name, ...rest], { out }) => {
    if (rest.length > 0) throw new UsageError(`unexpected argument ${rest[0]}`);
    out(name === undefined ? renderHelp(COMMANDS) : renderCommandHelp(findCommand(name)));
    return EXIT_SUCCESS;
  },
};

const completionCommand: Command = {
  name: 'completion',
  actions: ['bash', 'zsh', 'fish'],
  usage: 'bash|zsh|fish',
  summary: 'Print what the shell of the system must read to complete commands',
  run: async ([shell], { out }) => {
    const { renderCompletion } = await import('./kit/completion.js');
    out(renderCompletion(await steleManual(), shell));
    return EXIT_SUCCESS;
  },
};

/** Everything but running the server. */
const COMMANDS: readonly Command[] = [
  auditCommand,
  checkCommand,
  completionCommand,
  configCommand,
  healthcheckCommand,
  helpCommand,
  indexCommand,
  serviceCommand,
  versionCommand,
];

export async function steleManual(): Promise<Manual> {
  const { serverManual } = await import('./manual.js');
  return serverManual(COMMANDS);
}

/**
 * The program `stele`. Prints every error, and a stack only for a bug of ours.
 *
 * @returns what the process exits with
 */
export async function main(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  try {
    return await dispatch(args, context);
  } catch (error) {
    const usage = error instanceof UsageError || error instanceof ConfigError;
    context.err(`Error: ${isExpected(error) ? messageOf(error) : stackOf(error)}\n`);
    if (error instanceof UsageError) context.err("See 'stele help'.\n");
    return usage ? EXIT_USAGE : EXIT_FAILURE;
  }
}

async function dispatch(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const [first, ...rest] = args;
  if (first === '--version') return versionCommand.run(rest, context);
  const asksForHelp = args.some((argument) => argument === '--help' || argument === '-h');
  if (first === undefined || first.startsWith('-')) {
    return asksForHelp ? helpCommand.run([], context) : serve(args, context);
  }
  const command = findCommand(first);
  return asksForHelp ? helpCommand.run([first], context) : command.run(rest, context);
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command) return command;
  const hint = didYouMean(
    name,
    COMMANDS.map((candidate) => candidate.name),
    'stele ',
  );
  throw new UsageError(`unknown command ${name}${hint}`);
}

/** Mistakes and refusals of the system, such as a port in use; anything else is a bug. */
function isExpected(error: unknown): boolean {
  if (error instanceof SteleError || error instanceof UsageError) return true;
  return error instanceof Error && 'syscall' in error && systemErrorCode(error) !== undefined;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
