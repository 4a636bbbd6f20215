import { decimalSize, goDuration } from '../../kit/format.js';
import { type Figures, type MethodFigures, reads, type Totals, writes } from './figures.js';
import { ago, averageMicroseconds } from './text.js';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface ScreenState {
  /** Where the figures come from. */
  readonly source: string;
  readonly intervalSeconds: number;
  /** Oldest first; at least one. */
  readonly history: readonly Figures[];
  /** Why the last fetch failed. */
  readonly fault: string | undefined;
}

const ACTIVE_MS = 3_600_000;
const BARS = '▁▂▃▄▅▆▇█';
const LABEL_WIDTH = 12;
const FIGURE_WIDTH = 30;

/** The last values as bars, the highest one full. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-Math.max(0, width));
  const top = Math.max(...shown, 0);
  return shown
    .map((value) => BARS[top === 0 ? 0 : Math.round((value / top) * (BARS.length - 1))])
    .join('');
}

/** Calls a second and their time, between each two neighbours. */
function rates(history: readonly Figures[], pick: (figures: Figures) => Totals) {
  return history.slice(1).map((figures, at) => {
    const before = history[at] as Figures;
    const [then, now] = [pick(before), pick(figures)];
    const seconds = Math.max((figures.at - before.at) / 1000, 0.001);
    // A server that was started anew counts from zero.
    const calls = Math.max(0, now.calls - then.calls);
    const average = { calls, seconds: Math.max(0, now.seconds - then.seconds) };
    return { perSecond: calls / seconds, average: averageMicroseconds(average) };
  });
}

function plot(label: string, figure: string, values: readonly number[], columns: number): string {
  const bars = sparkline(values, columns - LABEL_WIDTH - FIGURE_WIDTH - 2);
  return ` ${label.padEnd(LABEL_WIDTH)}${figure.padEnd(FIGURE_WIDTH)}${bars}`;
}

function rateLine(
  label: string,
  history: readonly Figures[],
  pick: (figures: Figures) => Totals,
  columns: number,
): string {
  const all = rates(history, pick);
  const last = all.at(-1);
  const figure =
    last === undefined
      ? `${pick(history.at(-1) as Figures).calls} in all`
      : `${last.perSecond.toFixed(1)}/s, ${last.average} µs`;
  const values = all.map(({ perSecond }) => perSecond);
  return plot(label, figure, values, columns);
}

function overview(now: Figures, { source, intervalSeconds, fault }: ScreenState): string[] {
  const active = now.clients.filter(
    ({ lastAt }) => lastAt !== undefined && now.at - lastAt * 1000 < ACTIVE_MS,
  );
  const stale = `  no answer since ${new Date(now.at).toISOString().slice(11, 19)} UTC: ${fault}`;
  return [
    ` ${source}, every ${intervalSeconds} s. Exit: q, Esc or Ctrl-C`,
    fault === undefined ? '' : stale,
    ` ${'Uptime'.padEnd(LABEL_WIDTH)}${goDuration(Math.round(now.uptimeSeconds) * 1000)}`,
    ` ${'Clients'.padEnd(LABEL_WIDTH)}${now.clients.length}, active in the last hour: ${active.length}`,
  ];
}

function plots({ history }: ScreenState, columns: number): string[] {
  const now = history.at(-1) as Figures;
  const size = ({ databases }: Figures) => databases.reduce((sum, { bytes }) => sum + bytes, 0);
  const { reservedBytes, inUseBytes } = now.memory;
  const memory = `${decimalSize(inUseBytes)} of ${decimalSize(reservedBytes)}`;
  const lines = [
    plot('DB size', decimalSize(size(now)), history.map(size), columns),
    plot(
      'Memory',
      memory,
      history.map((figures) => figures.memory.inUseBytes),
      columns,
    ),
  ];
  if (now.methods.length === 0) return [...lines, ' The server makes no histograms of its calls.'];
  return [
    ...lines,
    rateLine('Reads', history, reads, columns),
    rateLine('Writes', history, writes, columns),
  ];
}

/** Rows of cells; the first one is the head, and the first cell is at the left. */
function columnsOf(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => (row[at] ?? '').length)),
  );
  return rows.map((row) =>
    ` ${row
      .map((cell, at) =>
        at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] as number),
      )
      .join('  ')}`.trimEnd(),
  );
}

function busiest(methods: readonly MethodFigures[], count: number): MethodFigures[] {
  return methods
    .filter(({ calls }) => calls > 0)
    .sort((a, b) => b.calls - a.calls)
    .slice(0, count);
}

/** The lists share what rows are left: databases, calls, clients. */
function lists(now: Figures, rows: number): string[] {
  const each = Math.max(1, Math.floor((rows - 6) / 3));
  const databases = now.databases
    .slice(0, each)
    .map(({ name, entries, bytes }) => [name, String(entries), decimalSize(bytes)]);
  const clients = now.clients
    .slice(0, each)
    .map(({ address, calls, lastAt }) => [
      address,
      String(calls),
      lastAt === undefined ? '' : ago(lastAt, now.at),
    ]);
  const calls = busiest(now.methods, rows - databases.length - clients.length - 6).map((method) => [
    method.name,
    String(method.calls),
    `${averageMicroseconds(method)} µs`,
  ]);
  return [
    ...columnsOf([['Database', 'Transactions', 'Size'], ...databases]),
    '',
    ...columnsOf([['Client', 'Calls', 'Last'], ...clients]),
    ...(calls.length === 0 ? [] : ['', ...columnsOf([['Method', 'Calls', 'Average'], ...calls])]),
  ];
}

/** The lines of the dashboard, none longer or more than the terminal has. */
export function renderScreen(state: ScreenState, { columns, rows }: Size): string[] {
  const now = state.history.at(-1) as Figures;
  const head = [...overview(now, state), '', ...plots(state, columns), ''];
  return [...head, ...lists(now, rows - head.length)]
    .slice(0, rows)
    .map((line) => [...line].slice(0, columns).join(''));
}
