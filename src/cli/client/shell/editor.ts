import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import type { World } from '../../kit/world.js';
import { isKept } from './history.js';

export interface EditorOptions {
  readonly world: World;
  /** Newest first. */
  readonly history: string[];
  readonly complete: (line: string) => Promise<[string[], string]>;
  /** Ctrl-C; the line that was being typed is dropped by the editor. */
  readonly onInterrupt: () => void;
}

const HISTORY_MAX = 1000;

/** Lines from a person or a pipe, one after the other, at the pace of whoever reads them. */
export class Editor {
  readonly isTerminal: boolean;
  readonly #readline: Interface;
  readonly #lines: string[] = [];
  #muted = false;
  #closed = false;
  #wake: () => void = () => {};

  constructor({ world, history, complete, onInterrupt }: EditorOptions) {
    this.isTerminal = world.input.isTTY === true && world.outIsTerminal;
    this.#readline = createInterface({
      input: world.input,
      ...(this.isTerminal
        ? {
            output: this.#screen(world.output),
            completer: (line: string, done: (error: null, found: [string[], string]) => void) => {
              void complete(line).then((found) => done(null, found));
            },
          }
        : {}),
      terminal: this.isTerminal,
      history,
      historySize: HISTORY_MAX,
      removeHistoryDuplicates: true,
    });
    this.#readline.on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.#readline.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
    this.#readline.on('SIGINT', () => {
      if (this.isTerminal) this.#dropLine(world);
      onInterrupt();
    });
    this.#readline.on('history', (lines) => {
      if (this.#muted || (lines[0] !== undefined && !isKept(lines[0]))) lines.shift();
    });
  }

  /** The next line; undefined at the end of input. */
  async line(prompt: string): Promise<string | undefined> {
    if (this.isTerminal) {
      this.#readline.setPrompt(prompt);
      this.#readline.prompt();
    }
    while (this.#lines.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift();
  }

  /** A line that is not shown and not remembered. */
  async secret(prompt: string, world: World): Promise<string> {
    if (this.isTerminal) world.out.write(prompt);
    this.#muted = true;
    try {
      return (await this.line('')) ?? '';
    } finally {
      this.#muted = false;
      if (this.isTerminal) world.out.write('\n');
    }
  }

  close(): void {
    this.#readline.close();
  }

  #dropLine(world: World): void {
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
    world.out.write('^C\n');
    this.#readline.prompt();
  }

  /** The terminal, but for what is typed as a secret. */
  #screen(output: World['output']): NodeJS.WritableStream {
    const screen = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.#muted) output.write(chunk);
        done();
      },
    });
    const size = (name: 'columns' | 'rows') => ({
      get: () => (name in output ? Reflect.get(output, name) : undefined) as unknown,
    });
    Object.defineProperties(screen, { columns: size('columns'), rows: size('rows') });
    output.on('resize', () => screen.emit('resize'));
    return screen;
  }
}
