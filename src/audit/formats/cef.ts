import { mappingOf, severityOf } from './mappings.js';
import { endpointOf, type NativeEvent, numberOf, outcomeOf, textOf } from './native.js';
import type { FormatOptions } from './ocsf.js';

/** Severity of OCSF to the scale 0 to 10. */
const SEVERITIES: Readonly<Record<number, number>> = { 1: 3, 3: 6, 4: 8, 5: 10 };

/** As a line of the ArcSight Common Event Format. */
export function toCef(event: NativeEvent, { productVersion }: FormatOptions): string {
  const { event_data: data, event_name: name } = event;
  const outcome = outcomeOf(event);
  const severity = SEVERITIES[severityOf(name, outcome === 'success')] ?? 0;
  const local = endpointOf(textOf(data, 'local'));
  const isAddress = event.source_ip_address !== '-' && event.source_ip_address !== 'unix';
  const extension: readonly (readonly [string, string | number | undefined])[] = [
    ['rt', Date.parse(event.event_time)],
    ['suser', event.username],
    ['duser', textOf(data, 'user')],
    ['src', isAddress ? event.source_ip_address : undefined],
    ['spt', numberOf(data, 'peer_port')],
    ['dst', local?.ip],
    ['dpt', local?.port],
    ['act', textOf(data, 'rpc')],
    ['outcome', outcome],
    ['externalId', event.event_id],
    ['cn1', event.seq],
    ['cn1Label', 'seq'],
    ['cs1', event.prev],
    ['cs1Label', 'prev'],
    ['cs2', event.request_id],
    ['cs2Label', 'request_id'],
    ['cs3', textOf(data, 'target_db') ?? textOf(data, 'db')],
    ['cs3Label', 'db'],
    ['msg', textOf(data, 'error') ?? textOf(data, 'reason')],
  ];
  const header = ['CEF:0', 'Stele', 'Stele', productVersion, name, mappingOf(name).title, severity];
  const pairs = extension.flatMap(([key, value]) =>
    value === undefined || (key === 'cs3Label' && !hasDatabase(event))
      ? []
      : [`${key}=${escapeValue(String(value))}`],
  );
  return `${header.map((field) => escapeHeader(String(field))).join('|')}|${pairs.join(' ')}`;
}

function hasDatabase({ event_data: data }: NativeEvent): boolean {
  return textOf(data, 'target_db') !== undefined || textOf(data, 'db') !== undefined;
}

function escapeHeader(text: string): string {
  return text.replace(/[\\|]/g, '\\$&').replace(/\r\n|[\r\n]/g, ' ');
}

function escapeValue(text: string): string {
  return text.replace(/[\\=]/g, '\\$&').replace(/\r\n|[\r\n]/g, '\\n');
}

/** The fields of a line, for readers of sealed streams. @returns undefined when it is no CEF */
export function parseCef(line: string): ReadonlyMap<string, string> | undefined {
  const header = /^CEF:0\|(?:(?:[^\\|]|\\.)*\|){6}/.exec(line)?.[0];
  if (header === undefined) return undefined;
  const fields = new Map<string, string>();
  const pairs = line.slice(header.length).matchAll(/(?:^| )(\w+)=((?:[^\\=]|\\.)*?)(?= \w+=|$)/g);
  for (const [, key, value] of pairs) {
    fields.set(key as string, (value as string).replace(/\\(.)/g, unescapeValue));
  }
  return fields;
}

function unescapeValue(_escaped: string, char: string): string {
  return char === 'n' ? '\n' : char;
}
