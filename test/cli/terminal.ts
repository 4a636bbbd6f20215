import { spawn } from 'node:child_process';
import path from 'node:path';
import { projectRoot } from '../support/project.js';

export interface Step {
  /** Typed when this text is on the screen. */
  readonly waitFor: string;
  readonly type: string;
  /** What the size of the terminal becomes. */
  readonly resize?: readonly [rows: number, columns: number];
}

export interface Session {
  /** What the screen got before each step, and after the last. */
  readonly parts: readonly { readonly screen: string; readonly seconds: number }[];
  readonly exitCode: number;
}

/** `steleclient`, or another program, as a process at a pseudo-terminal of 200 columns. */
export async function atTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  steps: readonly Step[],
  program = 'steleclient',
): Promise<Session> {
  const file = path.join(projectRoot, `dist/src/cli/${program}.js`);
  const spec = {
    argv: [process.execPath, file, ...args],
    env: { PATH: process.env.PATH ?? '', TERM: 'xterm', ...env },
    steps,
    seconds: 25,
  };
  const child = spawn('python3', [path.join(projectRoot, 'test/cli/terminal.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(spec));
  let out = '';
  for await (const piece of child.stdout) out += String(piece);
  try {
    return JSON.parse(out) as Session;
  } catch {
    throw new Error(`the terminal failed: ${out}`);
  }
}

/** Without the escapes of the line editor. */
export function plain(screen: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes begin with one
  return screen.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '').replace(/\r+\n/g, '\n');
}
