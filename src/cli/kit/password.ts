import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { messageOf } from '../../base/errors.js';
import { UsageError } from './errors.js';
import type { Settings } from './settings.js';

export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly prompt: (text: string) => void;
  /** Set in the shell: its line editor asks. */
  readonly ask?: ((prompt: string, secret: boolean) => Promise<string>) | undefined;
}

/** The passwords that one run of a program needs, one after the other. */
export class Passwords {
  readonly #settings: Settings;
  readonly #terminal: Terminal;
  /** Of standard input, when it is no terminal: what is not taken yet. */
  #lines: string[] | undefined;

  constructor(settings: Settings, terminal: Terminal) {
    this.#settings = settings;
    this.#terminal = terminal;
  }

  /** Whether a person can be asked. */
  get interactive(): boolean {
    const { ask, input } = this.#terminal;
    return ask !== undefined || input.isTTY === true;
  }

  /** The one of the login: from the flag, the environment, a file, or as `ask` gets it. */
  async current(prompt = 'Password:'): Promise<string> {
    const found = (await this.given('password')) ?? (await this.ask(prompt));
    if (found !== undefined) return found;
    throw new UsageError(
      'there is no password: give it on standard input, with --password-file or in STELE_PASSWORD',
    );
  }

  /** From a flag, the environment, the configuration file, or the file that `NAME-file` names. */
  async given(name: string): Promise<string | undefined> {
    const text = this.#settings.text(name);
    if (text !== undefined) return decoded(text);
    const file = this.#settings.text(`${name}-file`);
    return file === undefined ? undefined : decoded(firstLine(await readNamed(file, name)));
  }

  /**
   * From the shell's line editor, a terminal without echo, or the next line of standard input.
   * @returns undefined when standard input has no further line
   */
  async ask(prompt: string): Promise<string | undefined> {
    const { ask, input } = this.#terminal;
    if (ask !== undefined) return ask(prompt, true);
    if (input.isTTY === true) return askHidden(prompt, this.#terminal);
    this.#lines ??= linesOf((await readAll(input)).toString('utf8'));
    return this.#lines.shift();
  }

  /** What a person at the terminal types, shown. */
  question(text: string): Promise<string> {
    return askLine(text, this.#terminal);
  }
}

export function readPassword(settings: Settings, terminal: Terminal): Promise<string> {
  return new Passwords(settings, terminal).current();
}

async function readNamed(file: string, name: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--${name}-file: ${messageOf(error)}`);
  }
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] as string;
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function decoded(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith('enc:')) return text;
  const base64 = trimmed.slice(4);
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64').replace(/=+$/, '') !== base64.replace(/=+$/, '')) {
    throw new UsageError('the password after enc: is not base64');
  }
  return bytes.toString('utf8');
}

export async function readAll(input: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of input) pieces.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(pieces);
}

/** Reads a line in raw mode, which shows nothing. Ctrl-C and Ctrl-D give up. */
function askHidden(prompt: string, { input, prompt: show }: Terminal): Promise<string> {
  // Before the prompt: whoever types at once is not shown either.
  input.setRawMode?.(true);
  show(prompt);
  return new Promise<string>((resolve, reject) => {
    let typed = '';
    const finish = (settle: () => void) => {
      input.setRawMode?.(false);
      input.off('data', read);
      input.pause();
      show('\n');
      settle();
    };
    const read = (bytes: Buffer) => {
      const characters = [...bytes.toString('utf8')];
      for (const [at, character] of characters.entries()) {
        if (character === '\r' || character === '\n') {
          finish(() => resolve(typed));
          // Whoever pastes two lines answers two questions.
          const rest = characters.slice(at + 1).join('');
          if (rest !== '') input.unshift(Buffer.from(rest));
          return;
        }
        if (character === '\u0003' || character === '\u0004') {
          return finish(() => reject(new UsageError('no password was given')));
        }
        if (character === '\u007f' || character === '\b') typed = typed.slice(0, -1);
        else typed += character;
      }
    };
    input.on('data', read);
    input.resume();
  });
}

/** Ctrl-C and Ctrl-D give up. */
async function askLine(text: string, { input, prompt }: Terminal): Promise<string> {
  prompt(text);
  const readline = createInterface({ input, terminal: false });
  try {
    for await (const line of readline) return line;
  } finally {
    readline.close();
  }
  throw new UsageError('there was no answer');
}
