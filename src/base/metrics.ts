/**
 * A metrics page in the text format of Prometheus (version 0.0.4). Names and help texts are constants;
 * label values are escaped; the number of series of a family is bounded by its makers.
 */

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  lines(): Iterable<string>;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
}

function series(name: string, labels: Labels): string {
  const parts = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return parts.length === 0 ? name : `${name}{${parts.join(',')}}`;
}

function text(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}

/** A number that only grows. */
export class Counter {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}

/** Observations by size. */
export class Histogram {
  readonly buckets: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param buckets upper bounds, rising */
  constructor(buckets: readonly number[]) {
    this.buckets = buckets;
    this.#counts = new Float64Array(buckets.length + 1);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.buckets.length && value > (this.buckets[at] as number)) at++;
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#sum += value;
  }

  *lines(name: string, labels: Labels): Generator<string> {
    let total = 0;
    for (let i = 0; i <= this.buckets.length; i++) {
      total += this.#counts[i] as number;
      const le = i < this.buckets.length ? String(this.buckets[i]) : '+Inf';
      yield `${series(`${name}_bucket`, { ...labels, le })} ${total}`;
    }
    yield `${series(`${name}_sum`, labels)} ${text(this.#sum)}`;
    yield `${series(`${name}_count`, labels)} ${total}`;
  }
}

/** The families of one page, in the order of their registration. */
export class Registry {
  readonly #families: Family[] = [];

  /** Samples that are read when the page is. */
  collected(
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    collect: () => Iterable<Sample> | number,
  ): void {
    this.#families.push({
      name,
      type,
      help,
      *lines() {
        const found = collect();
        const samples = typeof found === 'number' ? [{ value: found }] : found;
        for (const { labels = {}, value } of samples)
          yield `${series(name, labels)} ${text(value)}`;
      },
    });
  }

  counter(name: string, help: string): Counter {
    const counter = new Counter();
    this.collected(name, 'counter', help, () => counter.value);
    return counter;
  }

  /** A histogram for each set of labels; the maker bounds their number. */
  histograms(
    name: string,
    help: string,
    all: () => Iterable<{ readonly labels: Labels; readonly histogram: Histogram }>,
  ): void {
    this.#families.push({
      name,
      type: 'histogram',
      help,
      *lines() {
        for (const { labels, histogram } of all()) yield* histogram.lines(name, labels);
      },
    });
  }

  /** The whole page. */
  page(): string {
    const lines: string[] = [];
    for (const family of this.#families) {
      lines.push(`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.type}`);
      lines.push(...family.lines());
    }
    return `${lines.join('\n')}\n`;
  }
}
