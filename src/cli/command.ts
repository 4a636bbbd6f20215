import type { Environment } from '../app/config/index.js';
import type { ExitCode } from '../app/exit-codes.js';
import type { RunServer } from '../app/hooks.js';

export { UsageError } from './kit/errors.js';

/** What a command gets from the process it runs in. */
export interface CommandContext {
  readonly env: Environment;
  readonly cwd: string;
  /** Data that was asked for. */
  readonly out: (text: string) => void;
  /** Everything else. */
  readonly err: (text: string) => void;
  /** The file that Node runs. */
  readonly script: string;
  /** Only running the server loads it, so that every other command starts at once. */
  readonly loadServer: () => Promise<RunServer>;
}

export interface Command {
  readonly name: string;
  /** Words that may follow the name and choose what is done. */
  readonly actions?: readonly string[];
  /** Follows the name in the usage line. */
  readonly usage: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Printed after the summary by `help`. */
  readonly details?: () => string;
  /** @throws what is printed as an error, with exit code 1, or 2 for a `UsageError` */
  run(args: readonly string[], context: CommandContext): Promise<ExitCode>;
}
