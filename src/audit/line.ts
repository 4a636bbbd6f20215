import type { AuditEvent, EventData, JsonValue } from './event.js';

/** `prev` of the first line of a stream. */
export const NO_LINE = '0'.repeat(64);

/** Where a line stands in the chain. */
export interface LinePlace {
  readonly seq: number;
  readonly prev: string;
}

/** A line that has no place yet. */
export interface PreparedLine {
  /** About how many bytes it will have. */
  readonly bytes: number;
  at(place: LinePlace): string;
}

/** How the lines of a stream are written. Lines are ASCII or UTF-8 without line breaks. */
export interface LineFormat {
  readonly name: string;
  /** All of the line that does not depend on its place. */
  prepare(event: AuditEvent): PreparedLine;
  /** @returns undefined when this is no line of the format. Takes hostile input. */
  placeOf(line: string): LinePlace | undefined;
  /** The event, where the format keeps all of it. Takes hostile input. */
  parse(line: string): AuditEvent | undefined;
}

const PLACE_BYTES = 96;
const PLACE = /,"seq":([1-9]\d{0,15}),"prev":"([0-9a-f]{64})"\}$/;

/** The format in which nothing is lost, and the only one that startup can reconcile from. */
export const nativeFormat: LineFormat = {
  name: 'native',
  prepare(event) {
    const head = nativeHead(event);
    return {
      bytes: head.length + PLACE_BYTES,
      at: ({ seq, prev }) => `${head},"seq":${seq},"prev":"${prev}"}`,
    };
  },
  placeOf(line) {
    const found = PLACE.exec(line.slice(-110));
    if (found === null) return undefined;
    const seq = Number(found[1]);
    return Number.isSafeInteger(seq) ? { seq, prev: found[2] as string } : undefined;
  },
  parse(line) {
    try {
      const value = JSON.parse(line) as JsonValue;
      return isEvent(value) ? value : undefined;
    } catch {
      return undefined;
    }
  },
};

/** The line up to its place, without the closing brace. */
function nativeHead(event: AuditEvent): string {
  const whole = JSON.stringify({
    event_time: event.event_time,
    event_name: event.event_name,
    username: event.username,
    resource: event.resource,
    event_source: event.event_source,
    source_ip_address: event.source_ip_address,
    event_id: event.event_id,
    request_id: event.request_id,
    read_only: event.read_only,
    event_data: sorted(event.event_data),
  });
  return whole.slice(0, -1);
}

/** Members in the order of their names' code units. */
function sorted(data: EventData): EventData {
  const names = Object.keys(data);
  let last = '';
  for (const name of names) {
    if (name < last) return Object.fromEntries(names.sort().map((one) => [one, data[one] ?? null]));
    last = name;
  }
  return data;
}

const TEXT_FIELDS = [
  'event_time',
  'event_name',
  'username',
  'resource',
  'event_source',
  'source_ip_address',
  'event_id',
  'request_id',
] as const;

function isEvent(value: unknown): value is AuditEvent {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  const data = fields.event_data;
  return (
    TEXT_FIELDS.every((name) => typeof fields[name] === 'string') &&
    typeof fields.read_only === 'boolean' &&
    typeof data === 'object' &&
    data !== null &&
    !Array.isArray(data)
  );
}

/** A number that JSON readers could round becomes a text. */
export function jsonNumber(value: number | bigint): JsonValue {
  if (typeof value === 'number' && (Number.isSafeInteger(value) || !Number.isInteger(value))) {
    return Number.isFinite(value) ? value : String(value);
  }
  return String(value);
}
