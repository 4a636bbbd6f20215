import { EXIT_SUCCESS, type ExitCode } from '../../app/exit-codes.js';
import { steleVersion } from '../../app/version.js';
import type { EventFilter, ExportFormat, SealedEvent } from '../../audit/index.js';
import { type CommandContext, UsageError } from '../command.js';
import { type AuditRequest, countOf, noWords, parseAuditRequest } from './request.js';

const LINES_DEFAULT = 10;

/** All lines as they stand in the files, or those that are selected. */
export async function cat(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const request = parseAuditRequest(args, context, ['--filter', '--format', '--from', '--to']);
  noWords(request);
  return print(request, request.value('--filter'), context);
}

export async function query(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const request = parseAuditRequest(args, context, ['--format', '--from', '--to']);
  const [filter, ...more] = request.words;
  if (filter === undefined || more.length > 0) {
    throw new UsageError(`query needs one filter, such as '{ "users.user": "tim" }'`);
  }
  return print(request, filter, context);
}

export async function exportEvents(
  args: readonly string[],
  context: CommandContext,
): Promise<ExitCode> {
  const request = parseAuditRequest(args, context, ['--filter', '--format', '--from', '--to']);
  noWords(request);
  if (request.value('--format') === undefined) {
    const { EXPORT_FORMATS } = await import('../../audit/index.js');
    throw new UsageError(`export needs --format ${EXPORT_FORMATS.join('|')}`);
  }
  return print(request, request.value('--filter'), context);
}

export async function tail(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  const allowed = ['--filter', '--format', '--lines', '--follow', '-f'] as const;
  const request = parseAuditRequest(args, context, allowed);
  noWords(request);
  const show = await shower(request, request.value('--filter'), context);
  const count = countOf('--lines', request.value('--lines') ?? String(LINES_DEFAULT));
  const { followEvents, streamEvents } = await import('../../audit/index.js');
  const newest: { event: SealedEvent; text: string }[] = [];
  let seq = 0;
  for await (const found of streamEvents(request.path)) {
    seq = found.event.seq;
    if (!show.takes(found.event)) continue;
    newest.push(found);
    if (newest.length > count) newest.shift();
  }
  for (const { event, text } of newest) show.print(event, text);
  if (!request.flag('--follow') && !request.flag('-f')) return EXIT_SUCCESS;
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  try {
    for await (const { event, text } of followEvents(request.path, seq, stop.signal)) {
      if (show.takes(event)) show.print(event, text);
    }
  } finally {
    process.removeListener('SIGINT', end);
    process.removeListener('SIGTERM', end);
  }
  return EXIT_SUCCESS;
}

async function print(
  request: AuditRequest,
  filter: string | undefined,
  context: CommandContext,
): Promise<ExitCode> {
  const show = await shower(request, filter, context);
  const { streamEvents, streamLines } = await import('../../audit/index.js');
  if (show.everything) {
    for await (const { text } of streamLines(request.path)) context.out(`${text}\n`);
    return EXIT_SUCCESS;
  }
  for await (const { event, text } of streamEvents(request.path)) {
    if (show.takes(event)) show.print(event, text);
  }
  return EXIT_SUCCESS;
}

interface Shower {
  /** Every line as it is. */
  readonly everything: boolean;
  takes(event: SealedEvent): boolean;
  print(event: SealedEvent, text: string): void;
}

async function shower(
  request: AuditRequest,
  filterText: string | undefined,
  context: CommandContext,
): Promise<Shower> {
  const { compileFilter, formatEvent } = await import('../../audit/index.js');
  const filter = filterText === undefined ? undefined : await compileFilter(filterText);
  const format = await formatOf(request);
  const from = boundOf('--from', request.value('--from'));
  const to = boundOf('--to', request.value('--to'));
  return {
    everything: !filter && !format && !from && !to,
    takes: (event) => isWithin(event, from, to) && takes(filter, event),
    print: (event, text) => {
      const line = format ? formatEvent(event, format, { productVersion: steleVersion() }) : text;
      context.out(`${line}\n`);
    },
  };
}

function takes(filter: EventFilter | undefined, event: SealedEvent): boolean {
  return filter?.matches(event) ?? true;
}

async function formatOf(request: AuditRequest): Promise<ExportFormat | undefined> {
  const { EXPORT_FORMATS } = await import('../../audit/index.js');
  const name = request.value('--format');
  const format = EXPORT_FORMATS.find((known) => known === name);
  if (name !== undefined && format === undefined) {
    throw new UsageError(`--format is one of ${EXPORT_FORMATS.join(', ')}, got ${name}`);
  }
  return format;
}

/** A number of the stream, or a time. */
type Bound = { readonly seq: number } | { readonly time: string };

function boundOf(name: string, text: string | undefined): Bound | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return { seq: countOf(name, text) };
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) {
    throw new UsageError(`${name} needs a number of the stream or a time, got ${text}`);
  }
  return { time: time.toISOString() };
}

function isWithin(event: SealedEvent, from: Bound | undefined, to: Bound | undefined): boolean {
  return compare(event, from, 0) >= 0 && compare(event, to, 0) <= 0;
}

function compare(event: SealedEvent, bound: Bound | undefined, none: number): number {
  if (!bound) return none;
  if ('seq' in bound) return event.seq - bound.seq;
  if (event.event_time === bound.time) return 0;
  return event.event_time < bound.time ? -1 : 1;
}
