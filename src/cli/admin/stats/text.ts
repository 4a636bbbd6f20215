import { decimalSize, goDuration } from '../../kit/format.js';
import type { JsonObject } from '../../kit/print.js';
import { type Figures, type MethodFigures, reads, writes } from './figures.js';

const LABEL_WIDTH = 27;

/** Of one call, whole microseconds. */
export function averageMicroseconds({ calls, seconds }: Omit<MethodFigures, 'name'>): number {
  return calls === 0 ? 0 : Math.round((seconds / calls) * 1e6);
}

/** As `immuadmin stats --text` prints it, with the words of either generation. */
export function renderText(figures: Figures, old: boolean): string {
  const line = (label: string, value: string | number) =>
    `${label.padEnd(LABEL_WIDTH)}:\t${value}\n`;
  const [database] = figures.databases;
  const lines = [
    old
      ? line('Database path', `data/${database?.name ?? ''}`)
      : line('Database', database?.name ?? ''),
    line('Uptime', goDuration(Math.round(figures.uptimeSeconds * 1000))),
    line(old ? 'Number of entries' : 'Entries', database?.entries ?? 0),
    line(old ? 'DB size' : 'Size', decimalSize(database?.bytes ?? 0)),
    line('Number of clients', figures.clients.length),
    line('Queries per client', ''),
  ];
  for (const { address, calls, lastAt } of figures.clients) {
    lines.push(line(`   ${address}`, calls));
    if (lastAt !== undefined) lines.push(line('      Last query', ago(lastAt, figures.at)));
  }
  if (figures.methods.length > 0) lines.push(line('Avg. duration (nb calls)', 'µs'));
  for (const { name, calls, seconds } of figures.methods) {
    lines.push(line(`   ${name} (${calls})`, averageMicroseconds({ calls, seconds })));
  }
  return lines.join('');
}

/** @param lastAt Unix seconds @param at Unix milliseconds */
export function ago(lastAt: number, at: number): string {
  return `${goDuration(Math.max(0, Math.round(at - lastAt * 1000)))} ago`;
}

export function figuresObject(figures: Figures): JsonObject {
  const { at, uptimeSeconds, databases, clients, methods, memory } = figures;
  const timed = ({ calls, seconds }: Omit<MethodFigures, 'name'>) => ({
    calls,
    averageMicroseconds: averageMicroseconds({ calls, seconds }),
  });
  return {
    time: new Date(at).toISOString(),
    uptimeSeconds: Math.round(uptimeSeconds * 1000) / 1000,
    databases: databases.map(({ name, entries, bytes }) => ({
      database: name,
      transactions: entries,
      diskBytes: bytes,
    })),
    memory,
    clients: clients.map(({ address, calls, lastAt }) => ({
      address,
      calls,
      lastCallAt: lastAt === undefined ? null : new Date(lastAt * 1000).toISOString(),
    })),
    reads: timed(reads(figures)),
    writes: timed(writes(figures)),
    methods: methods
      .filter(({ calls }) => calls > 0)
      .map((method) => ({ method: method.name, ...timed(method) })),
  };
}
