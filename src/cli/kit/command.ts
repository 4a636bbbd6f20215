import type { ExitCode } from '../../app/exit-codes.js';
import type { Connected } from './connected.js';
import type { OptionRow } from './options.js';
import type { Print } from './print.js';
import type { Settings } from './settings.js';
import type { Process, World } from './world.js';

/** What a command gets. */
export interface Call<P extends Print = Print> {
  readonly words: readonly string[];
  readonly settings: Settings;
  readonly connected: Connected;
  readonly world: World;
  readonly print: P;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly inShell: boolean;
}

/** What is known of a command without running it: help, completion and man page are made of it. */
export interface CommandRow {
  /** Words that name it, such as `get` or `user create`. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Words that may follow the name and choose what is done. */
  readonly actions?: readonly string[];
  /** Follows the name in the usage line: its arguments. */
  readonly usage: string;
  /** One line, without a full stop. */
  readonly summary: string;
  readonly details?: string;
  /** Flags that no other command takes, or only some. */
  readonly options?: readonly OptionRow[];
  /** What its first word is, for completion. */
  readonly completes?: 'key' | 'database';
}

/** A command that talks to a server. */
export interface Command<P extends Print = Print> extends CommandRow {
  /** Least and most words after the name. */
  readonly words: readonly [number, number];
  run(call: Call<P>): Promise<void>;
}

/** A command of the program itself, which no server takes part in. */
export interface OwnCommand extends CommandRow {
  run(words: readonly string[], settings: Settings, world: Process): Promise<ExitCode>;
}

/** A first word that several commands have in common. */
export interface Group {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
}
