import type { Terminal } from './password.js';
import type { Output } from './print.js';
import type { Environment } from './settings.js';

/** What the program works in; a test may own it. */
export interface World extends Terminal {
  readonly out: Output;
  /** Everything that is no data. */
  readonly err: (text: string) => void;
  /** Where the line editor of the shell draws. */
  readonly output: NodeJS.WriteStream | NodeJS.WritableStream;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
}

export interface Process extends World {
  readonly env: Environment;
  /** Calls back when the user interrupts, or the system ends the program. */
  readonly onInterrupt: (interrupt: () => void) => void;
  /** From now on the program goes on when nobody reads its output any more. */
  readonly stayWithoutReader: () => void;
}
