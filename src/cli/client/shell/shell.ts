import { EXIT_NOT_VERIFIED, EXIT_SUCCESS, type ExitCode } from '../../../app/exit-codes.js';
import { steleVersion } from '../../../app/version.js';
import { Connected } from '../../kit/connected.js';
import { UsageError } from '../../kit/errors.js';
import { commandLine, renderCommandHelp } from '../../kit/help.js';
import type { Program } from '../../kit/program.js';
import { reportOf } from '../../kit/report.js';
import { checkFlags, checkWords } from '../../kit/run.js';
import { parseArguments, type Settings } from '../../kit/settings.js';
import type { Process, World } from '../../kit/world.js';
import type { Printer } from '../printer.js';
import { complete } from './complete.js';
import { Editor } from './editor.js';
import { ShellHistory } from './history.js';
import { parseWords } from './words.js';

/** Flags that only the start of the program can have, because the connection is made there. */
const OF_THE_START: ReadonlySet<string> = new Set([
  'immudb-address',
  'immudb-port',
  'tls',
  'mtls',
  'servername',
  'certificate',
  'pkey',
  'clientcas',
  'config',
  'state-dir',
  'tokenfile',
  'server-signing-pub-key',
]);

const LEAVE = new Set(['exit', 'quit']);
const OWN_HELP = [
  '  help [command]                     This list, or how a command is used',
  '  version                            Print the version',
  '  clear                              Clear the screen',
  '  exit, quit                         Leave; so does Ctrl-D',
];

/** The interactive shell. Also takes a script on standard input: one command a line, no prompts. */
export async function runShell(
  program: Program<Printer>,
  settings: Settings,
  world: Process,
): Promise<ExitCode> {
  await using connected = new Connected(settings, world);
  await connected.client();
  const shell = new Shell(program, settings, world, connected);
  return await shell.run();
}

class Shell {
  readonly #program: Program<Printer>;
  readonly #settings: Settings;
  readonly #world: World;
  readonly #connected: Connected;
  readonly #history: ShellHistory;
  readonly #colours: boolean;
  #abort: AbortController | undefined;
  #exitCode: ExitCode = EXIT_SUCCESS;

  constructor(program: Program<Printer>, settings: Settings, world: World, connected: Connected) {
    this.#program = program;
    this.#settings = settings;
    this.#world = world;
    this.#connected = connected;
    this.#history = new ShellHistory(settings.home);
    this.#colours =
      world.outIsTerminal && !settings.has('no-color') && (settings.env.NO_COLOR ?? '') === '';
  }

  async run(): Promise<ExitCode> {
    const client = await this.#connected.client();
    const editor = new Editor({
      world: this.#world,
      history: await this.#history.load(),
      complete: (line) => complete(this.#program, line, client),
      onInterrupt: () => this.#abort?.abort(),
    });
    try {
      if (editor.isTerminal) {
        this.#world.out.write(
          `Connected to ${this.#connected.address}. 'help' lists the commands, Ctrl-D leaves.\n`,
        );
      }
      while (await this.#step(editor)) {}
    } finally {
      editor.close();
    }
    // A person has seen what failed; a script is told.
    return editor.isTerminal ? EXIT_SUCCESS : this.#exitCode;
  }

  /** @returns false when the shell is left */
  async #step(editor: Editor): Promise<boolean> {
    const { database } = await this.#connected.client();
    let text = await editor.line(this.#coloured(`steleclient:${database}>`, 32, ' '));
    if (text === undefined) {
      if (editor.isTerminal) this.#world.out.write('\n');
      return false;
    }
    try {
      let parsed = parseWords(text);
      while (parsed === undefined) {
        const more = await editor.line('... ');
        if (more === undefined) throw new UsageError('the input ends inside of a quoted word');
        text += `\n${more}`;
        parsed = parseWords(text);
      }
      if (editor.isTerminal && !text.includes('\n')) await this.#history.add(text);
      const [name, ...rest] = parsed.words;
      if (name === undefined) return true;
      if (LEAVE.has(name)) return false;
      await this.#execute(name, rest, editor);
    } catch (error) {
      this.#failed(error);
    }
    return true;
  }

  async #execute(name: string, rest: readonly string[], editor: Editor): Promise<void> {
    const { words, flags } = parseArguments(rest, this.#program.options);
    const { out } = this.#world;
    if (name === 'help') return this.#help(words[0]);
    if (name === 'clear') return out.write('\u001b[2J\u001b[H');
    if (name === 'version') return out.write(`steleclient ${steleVersion()}\n`);
    const { command } = this.#program.named([name]);
    if (flags.has('help')) return out.write(renderCommandHelp(command, ''));
    for (const flag of flags.keys()) {
      if (OF_THE_START.has(flag)) {
        throw new UsageError(
          `--${flag} belongs to the start of steleclient, not to a command in it`,
        );
      }
    }
    checkFlags(command, flags.keys(), this.#program);
    checkWords(command, words.length);
    const settings = this.#settings.with(flags);
    const abort = new AbortController();
    this.#abort = abort;
    try {
      await command.run({
        words,
        settings,
        connected: this.#connected,
        world: { ...this.#world, ask: (prompt) => editor.secret(prompt, this.#world) },
        print: this.#program.row.print(out, settings),
        signal: abort.signal,
        inShell: true,
      });
      await out.drained();
    } finally {
      this.#abort = undefined;
    }
  }

  #help(name: string | undefined): void {
    const text =
      name === undefined
        ? [...this.#program.commands.map(commandLine), ...OWN_HELP, ''].join('\n')
        : renderCommandHelp(this.#program.named([name]).command, '');
    this.#world.out.write(text);
  }

  #failed(error: unknown): void {
    const { exitCode, text } = reportOf(error, this.#program.row.advice);
    if (this.#exitCode !== EXIT_NOT_VERIFIED) this.#exitCode = exitCode;
    this.#world.err(`${this.#coloured('ERROR:', 31)} ${text}\n`);
  }

  #coloured(text: string, colour: number, after = ''): string {
    return this.#colours ? `\u001b[${colour}m${text}\u001b[0m${after}` : text + after;
  }
}
