import { createHash } from 'node:crypto';
import { readdir, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { ensureDirectory, removeFileDurably, writeFileDurably } from '../base/durable-file.js';
import type { AuditLog } from './options.js';

const SUFFIX = '.json';

/** A message that must not be lost: what it is about, and its body without credentials. */
export interface Letter {
  /** A later letter about the same takes its place. */
  readonly about: string;
  /** Milliseconds; the oldest goes first. */
  readonly at: number;
  readonly database: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Letters that wait for their acknowledgement, a file each. */
export class Outbox {
  readonly #folder: string;
  readonly #letters: Map<string, Letter>;

  private constructor(folder: string, letters: Map<string, Letter>) {
    this.#folder = folder;
    this.#letters = letters;
  }

  /** A letter that cannot be read is put aside and told of. */
  static async open(folder: string, log: AuditLog): Promise<Outbox> {
    await ensureDirectory(folder);
    const letters = new Map<string, Letter>();
    for (const name of (await readdir(folder)).filter((file) => file.endsWith(SUFFIX))) {
      const file = path.join(folder, name);
      const letter = parsed(await readFile(file, 'utf8'));
      if (letter !== undefined && nameOf(letter.about) === name) {
        letters.set(name, letter);
      } else {
        log('ERROR', `the notification ${file} cannot be read and is put aside as ${file}.bad`);
        await rename(file, `${file}.bad`);
      }
    }
    return new Outbox(folder, letters);
  }

  get size(): number {
    return this.#letters.size;
  }

  /** Oldest first. */
  waiting(): readonly Letter[] {
    return [...this.#letters.values()].sort((a, b) => a.at - b.at);
  }

  /** On disk when the promise resolves, unless it rejects: it is kept in memory then. */
  async put(letter: Letter): Promise<void> {
    const name = nameOf(letter.about);
    this.#letters.set(name, letter);
    await writeFileDurably(path.join(this.#folder, name), JSON.stringify(letter));
  }

  /** It was acknowledged. One that took its place meanwhile stays. */
  async remove(letter: Letter): Promise<void> {
    const name = nameOf(letter.about);
    if (this.#letters.get(name) !== letter) return;
    this.#letters.delete(name);
    await removeFileDurably(path.join(this.#folder, name));
  }
}

function nameOf(about: string): string {
  return `${createHash('sha256').update(about).digest('hex').slice(0, 32)}${SUFFIX}`;
}

function parsed(text: string): Letter | undefined {
  try {
    const letter = JSON.parse(text) as Letter;
    const isLetter = typeof letter.about === 'string' && typeof letter.fields === 'object';
    return isLetter && Number.isFinite(letter.at) ? letter : undefined;
  } catch {
    return undefined;
  }
}
