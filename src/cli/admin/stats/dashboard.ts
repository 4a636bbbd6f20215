import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../../base/errors.js';
import type { World } from '../../kit/world.js';
import { type Figures, figuresFrom } from './figures.js';
import { parseMetrics } from './metrics.js';
import { renderScreen, type ScreenState, type Size } from './screen.js';
import type { MetricsSource } from './source.js';

const HISTORY_MAX = 500;
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_REST = '\u001b[J';
const BOLD = '\u001b[1m';
const PLAIN = '\u001b[0m';
const QUIT_KEYS: ReadonlySet<string> = new Set(['q', 'Q', '\u001b', '\u0003', '\u0004']);

export interface DashboardOptions {
  readonly world: World;
  readonly source: MetricsSource;
  readonly intervalSeconds: number;
  readonly colours: boolean;
}

/** Figures on the whole terminal, fetched again and again, until the user leaves. */
export class Dashboard {
  readonly #options: DashboardOptions;
  readonly #history: Figures[] = [];
  readonly #quit = new AbortController();
  #fault: string | undefined;

  constructor(options: DashboardOptions) {
    this.#options = options;
  }

  /** @throws AdminError when the first fetch fails; later failures are shown */
  async run(signal: AbortSignal): Promise<void> {
    const { world, intervalSeconds } = this.#options;
    const ended = AbortSignal.any([signal, this.#quit.signal]);
    await this.#fetch(ended);
    using _screen = this.#take(world);
    while (!ended.aborted) {
      this.#draw();
      await delay(intervalSeconds * 1000, undefined, { signal: ended }).catch(() => {});
      if (ended.aborted) return;
      await this.#fetch(ended).catch((error: unknown) => {
        this.#fault = messageOf(error);
      });
    }
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const page = await this.#options.source.page(signal);
    this.#history.push(figuresFrom(parseMetrics(page), Date.now()));
    if (this.#history.length > HISTORY_MAX) this.#history.shift();
    this.#fault = undefined;
  }

  /** Takes the screen and the keys; gives both back. */
  #take({ input, output, out }: World): Disposable {
    const read = (bytes: Buffer) => {
      if (QUIT_KEYS.has(bytes.toString('utf8'))) this.#quit.abort();
    };
    const resized = () => this.#draw();
    out.write(ENTER);
    input.setRawMode?.(true);
    input.on('data', read);
    input.resume();
    output.on('resize', resized);
    return {
      [Symbol.dispose]: () => {
        output.off('resize', resized);
        input.off('data', read);
        input.pause();
        input.setRawMode?.(false);
        out.write(LEAVE);
      },
    };
  }

  #draw(): void {
    const { source, intervalSeconds, world, colours } = this.#options;
    const state: ScreenState = {
      source: source.url.host,
      intervalSeconds,
      history: this.#history,
      fault: this.#fault,
    };
    const [title = '', ...lines] = renderScreen(state, sizeOf(world));
    const head = colours ? `${BOLD}${title}${PLAIN}` : title;
    const text = [head, ...lines].map((line) => line + CLEAR_LINE).join('\r\n');
    world.out.write(HOME + text + CLEAR_REST);
  }
}

function sizeOf({ output }: World): Size {
  const columns = 'columns' in output ? output.columns : 0;
  const rows = 'rows' in output ? output.rows : 0;
  return { columns: columns || 80, rows: rows || 24 };
}
