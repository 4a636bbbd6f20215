import { readFile } from 'node:fs/promises';
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

/**
 * From the flag, the environment, a file, the shell's line editor, a terminal without echo, or the first
 * line of standard input.
 */
export async function readPassword(settings: Settings, terminal: Terminal): Promise<string> {
  const given = settings.text('password');
  if (given !== undefined) return decoded(given);
  const file = settings.text('password-file');
  if (file !== undefined) return decoded(firstLine(await passwordFile(file)));
  if (terminal.ask !== undefined) return terminal.ask('Password:', true);
  if (terminal.input.isTTY === true) return askHidden('Password:', terminal);
  const piped = await readAll(terminal.input);
  if (piped.length === 0) {
    throw new UsageError(
      'there is no password: give it on standard input, with --password-file or in STELE_PASSWORD',
    );
  }
  return firstLine(piped.toString('utf8'));
}

async function passwordFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--password-file: ${messageOf(error)}`);
  }
}

function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0] as string;
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
      for (const character of bytes.toString('utf8')) {
        if (character === '\r' || character === '\n') return finish(() => resolve(typed));
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
