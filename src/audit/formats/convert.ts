import { type LineFormat, NO_LINE, nativeFormat } from '../line.js';
import { parseCef, toCef } from './cef.js';
import { toEcsLine } from './ecs.js';
import { toImmudbLine } from './immudb.js';
import { toMongo } from './mongo.js';
import type { JsonValue, NativeEvent } from './native.js';
import { type FormatOptions, toOcsf } from './ocsf.js';

/** Formats that a stream can be written in. */
export const AUDIT_FORMATS = ['native', 'mongo', 'ocsf', 'ecs', 'cef'] as const;
/** Formats that events can be exported to. */
export const EXPORT_FORMATS = [...AUDIT_FORMATS, 'immudb'] as const;

export type AuditFormat = (typeof AUDIT_FORMATS)[number];
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** @returns one line without its end */
export function formatEvent(
  event: NativeEvent,
  format: ExportFormat,
  options: FormatOptions,
): string {
  switch (format) {
    case 'native':
      return JSON.stringify(event);
    case 'mongo':
      return JSON.stringify(toMongo(event));
    case 'ocsf':
      return JSON.stringify(toOcsf(event, options));
    case 'ecs':
      return toEcsLine(event);
    case 'cef':
      return toCef(event, options);
    case 'immudb':
      return toImmudbLine(event);
  }
}

/** Where a line stands in the chain, and which event it is. */
export interface LinePlace {
  readonly seq: number;
  readonly prev: string;
  readonly name: string;
}

/** Formats exclude each other. @returns undefined when it is none. Takes hostile input. */
export function formatOfLine(line: string): AuditFormat | undefined {
  return AUDIT_FORMATS.find((format) => placeOfLine(line, format) !== undefined);
}

/** @returns undefined when the line is not one of this format. Takes hostile input. */
export function placeOfLine(line: string, format: AuditFormat): LinePlace | undefined {
  if (format === 'cef') return placeOfCef(line);
  const object = parseObject(line);
  if (!object) return undefined;
  switch (format) {
    case 'native':
      return place(object.seq, object.prev, object.event_name);
    case 'mongo':
      return place(object.seq, object.prev, object.atype);
    case 'ocsf': {
      const metadata = asObject(object.metadata);
      return place(metadata.sequence, asObject(object.unmapped).prev, metadata.event_code);
    }
    case 'ecs': {
      const event = asObject(object.event);
      return place(event.sequence, asObject(object.labels).prev, event.action);
    }
  }
}

function placeOfCef(line: string): LinePlace | undefined {
  const fields = parseCef(line);
  const name = /^CEF:0\|[^|]*\|[^|]*\|(?:[^\\|]|\\.)*\|([^|]*)\|/.exec(line)?.[1];
  const seq = fields?.get('cn1');
  if (seq === undefined || !/^[1-9]\d*$/.test(seq)) return undefined;
  return place(Number(seq), fields?.get('cs1'), name);
}

function place(seq: unknown, prev: unknown, name: unknown): LinePlace | undefined {
  if (!Number.isSafeInteger(seq) || (seq as number) < 1) return undefined;
  if (typeof prev !== 'string' || !/^[0-9a-f]{64}$/.test(prev)) return undefined;
  return typeof name === 'string' ? { seq: seq as number, prev, name } : undefined;
}

type JsonObject = Readonly<Record<string, JsonValue>>;

function parseObject(line: string): JsonObject | undefined {
  try {
    const value = JSON.parse(line) as JsonValue;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined;
  } catch {
    return undefined;
  }
}

function asObject(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : {};
}

/** @returns undefined when the line is no native event. Takes hostile input. */
export function parseNativeEvent(line: string): NativeEvent | undefined {
  const object = parseObject(line);
  if (!object || !place(object.seq, object.prev, object.event_name)) return undefined;
  const texts = [
    'event_time',
    'username',
    'resource',
    'event_source',
    'source_ip_address',
    'event_id',
    'request_id',
  ];
  if (texts.some((name) => typeof object[name] !== 'string')) return undefined;
  const data = object.event_data;
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  return typeof object.read_only === 'boolean' ? (object as unknown as NativeEvent) : undefined;
}

const NO_PLACE = { seq: 1, prev: NO_LINE };

/** A format as the writer of a stream takes it. Only `native` gives whole events back. */
export function lineFormat(format: AuditFormat, options: FormatOptions): LineFormat {
  if (format === 'native') return nativeFormat;
  return {
    name: format,
    prepare: (event) => ({
      bytes: formatEvent({ ...event, ...NO_PLACE }, format, options).length,
      at: (place) => formatEvent({ ...event, ...place }, format, options),
    }),
    placeOf: (line) => placeOfLine(line, format),
    parse: () => undefined,
  };
}
