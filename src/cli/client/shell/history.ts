import { appendFile, chmod } from 'node:fs/promises';
import path from 'node:path';
import { ensureDirectory, readFileIfExists, writeFileDurably } from '../../../base/durable-file.js';

const LINES_MAX = 1000;

/**
 * The lines of earlier shells, readable by the user alone. A line with a password in it, or that begins
 * with a blank, is not kept.
 */
export class ShellHistory {
  readonly #file: string;

  constructor(home: string) {
    this.#file = path.join(home, 'shell-history');
  }

  /** Newest first, as the line editor wants them. */
  async load(): Promise<string[]> {
    const bytes = await readFileIfExists(this.#file);
    const lines = (bytes?.toString('utf8') ?? '').split('\n').filter((line) => line !== '');
    if (lines.length > 2 * LINES_MAX) {
      await writeFileDurably(this.#file, `${lines.slice(-LINES_MAX).join('\n')}\n`);
    }
    return lines.slice(-LINES_MAX).reverse();
  }

  async add(line: string): Promise<void> {
    if (!isKept(line)) return;
    await ensureDirectory(path.dirname(this.#file));
    await appendFile(this.#file, `${line}\n`, { mode: 0o600 });
    await chmod(this.#file, 0o600);
  }
}

export function isKept(line: string): boolean {
  return line.trim() !== '' && !/^\s/.test(line) && !/--password\b/.test(line);
}
