import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { ensureDirectory, writeFileDurably } from '../../base/durable-file.js';

/** What installing a service does to a machine. */
export interface ServiceHost {
  /** Steps are printed and not done. */
  readonly isDryRun?: true;
  exists(file: string): boolean;
  makeDirectory(directory: string, mode: number): Promise<void>;
  writeFile(file: string, content: string, mode: number): Promise<void>;
  /** With everything below it; nothing when it is not there. */
  remove(file: string): Promise<void>;
  /** @returns the exit code and the standard output */
  run(command: string, args: readonly string[]): Promise<{ code: number; output: string }>;
  /** Undefined when there is nobody to ask. */
  confirm(question: string): Promise<boolean | undefined>;
}

export const machine: ServiceHost = {
  exists: existsSync,
  makeDirectory: ensureDirectory,
  writeFile: (file, content, mode) => writeFileDurably(file, content, { mode }),
  remove: (file) => rm(file, { recursive: true, force: true }),
  run: async (command, args) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data;
    });
    await once(child, 'close');
    return { code: child.exitCode ?? 1, output };
  },
  confirm: async (question) => {
    if (!process.stdin.isTTY) return undefined;
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
    } finally {
      terminal.close();
    }
  },
};

/** Prints every step instead of taking it. The content of a file that others may not read is left out. */
export function dryRun(out: (text: string) => void): ServiceHost {
  const step = async (text: string) => out(`${text}\n`);
  return {
    isDryRun: true,
    exists: existsSync,
    makeDirectory: (directory, mode) => step(`make directory ${directory} (${octal(mode)})`),
    writeFile: async (file, content, mode) => {
      const shown = mode & 0o044 ? `\n${content}` : '';
      await step(`write ${file} (${octal(mode)})${shown}`);
    },
    remove: (file) => step(`remove ${file}`),
    run: async (command, args) => {
      await step(`run ${[command, ...args].join(' ')}`);
      return { code: 0, output: '' };
    },
    confirm: async () => true,
  };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
