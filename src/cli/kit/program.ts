import type { Command, CommandRow, Group, OwnCommand } from './command.js';
import { UsageError } from './errors.js';
import { nearest } from './nearest.js';
import { type OptionRow, OptionTable } from './options.js';
import type { Output, Print } from './print.js';
import type { Advice } from './report.js';
import type { Settings, SettingsSource } from './settings.js';

export interface ProgramRow<P extends Print> {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** What the names of its variables begin with. */
  readonly prefixes: readonly string[];
  /** Flags that every command takes. */
  readonly options: readonly OptionRow[];
  readonly commands: readonly Command<P>[];
  readonly groups?: readonly Group[];
  /** Besides `help`, `version` and `completion`. */
  readonly own?: readonly OwnCommand[];
  /** The own command that runs when none is named; else the help is printed. */
  readonly withoutCommand?: string;
  readonly advice: Advice;
  /** Keeps its saved logins apart from those of other programs. */
  readonly loginSuffix?: string;
  /** Keys of its configuration file that another program reads. */
  readonly foreignKeys?: RegExp;
  print(out: Output, settings: Settings): P;
}

export interface Found<C> {
  readonly command: C;
  /** What follows the name. */
  readonly rest: readonly string[];
}

const OWN_ROWS: readonly CommandRow[] = [
  {
    name: 'completion',
    actions: ['bash', 'zsh', 'fish'],
    usage: 'bash|zsh|fish',
    summary: 'Print what the shell of the system must read to complete commands',
  },
  { name: 'version', usage: '', summary: 'Print the version' },
  { name: 'help', usage: '[command]', summary: 'Print this text, or how a command is used' },
];

/** A program made of a table of commands: what it is called, what it takes, what it can do. */
export class Program<P extends Print = Print> implements SettingsSource {
  readonly row: ProgramRow<P>;
  readonly options: OptionTable;
  /** Every command of the program itself. */
  readonly own: readonly CommandRow[];
  readonly #byName = new Map<string, Command<P>>();
  readonly #groups = new Map<string, string>();

  constructor(row: ProgramRow<P>) {
    this.row = row;
    this.own = [...(row.own ?? []), ...OWN_ROWS];
    const ofCommands = [...row.commands, ...(row.own ?? [])].flatMap(({ options = [] }) => options);
    this.options = new OptionTable([...row.options, ...ofCommands]);
    for (const command of row.commands) {
      for (const name of [command.name, ...(command.aliases ?? [])])
        this.#byName.set(name, command);
    }
    for (const { name, aliases = [] } of row.groups ?? []) {
      for (const word of [name, ...aliases]) this.#groups.set(word, name);
    }
  }

  get name(): string {
    return this.row.name;
  }

  get prefixes(): readonly string[] {
    return this.row.prefixes;
  }

  get foreignKeys(): RegExp {
    return this.row.foreignKeys ?? /^$/;
  }

  get commands(): readonly Command<P>[] {
    return this.row.commands;
  }

  /** Names that a user may have meant. */
  get commandNames(): readonly string[] {
    return this.commands.map(({ name }) => name);
  }

  /** The group that a first word names. */
  group(word: string): Group | undefined {
    const name = this.#groups.get(word);
    return this.row.groups?.find((group) => group.name === name);
  }

  commandsOf({ name }: Group): readonly Command<P>[] {
    return this.commands.filter((command) => command.name.startsWith(`${name} `));
  }

  find(words: readonly string[]): Found<Command<P>> | undefined {
    const [first = '', ...others] = words;
    const plain = [this.#groups.get(first) ?? first, ...others];
    for (let count = Math.min(plain.length, 3); count > 0; count--) {
      const command = this.#byName.get(plain.slice(0, count).join(' '));
      if (command !== undefined) return { command, rest: words.slice(count) };
    }
    return undefined;
  }

  /** @throws UsageError that names the nearest */
  named(words: readonly string[]): Found<Command<P>> {
    const found = this.find(words);
    if (found !== undefined) return found;
    const [first = '', second] = words;
    const group = this.group(first);
    if (group === undefined) {
      const groups = (this.row.groups ?? []).map(({ name }) => name);
      throw unknown(first, [...this.commandNames.filter((name) => !name.includes(' ')), ...groups]);
    }
    const start = `${group.name} `;
    const names = this.commandsOf(group).map(({ name }) => name.slice(start.length));
    if (second === undefined) {
      throw new UsageError(`${group.name} needs one of: ${names.join(', ')}`);
    }
    throw unknown(second, names, start);
  }
}

function unknown(word: string, names: readonly string[], start = ''): UsageError {
  const hint = nearest(word, names);
  return new UsageError(
    `unknown command ${start}${word}${hint === undefined ? '' : `; did you mean ${start}${hint}?`}`,
  );
}
