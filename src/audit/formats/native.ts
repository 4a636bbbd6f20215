import type { AuditEvent, EventData, JsonValue, SealedEvent } from '../event.js';

export type { EventData, JsonValue } from '../event.js';

/** One line of the stream, whatever its format. */
export type NativeEvent = SealedEvent;

/** Members of `event_data` that say how an event came about, not what it did. */
export const COMMON_DATA: ReadonlySet<string> = new Set([
  'v',
  'outcome',
  'status',
  'error',
  'rpc',
  'db',
  'duration_us',
  'auth',
  'session',
  'conn',
  'peer_port',
  'local',
  'roles',
  'client',
  'forwarded_for',
  'tls_subject',
]);

/** A text member of `event_data`. */
export function textOf(data: EventData, name: string): string | undefined {
  const value = data[name];
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(data: EventData, name: string): number | undefined {
  const value = data[name];
  return typeof value === 'number' ? value : undefined;
}

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** `10.1.2.3:3322` or `[::1]:3322`, as `event_data.local` has it. */
export function endpointOf(text: string | undefined): Endpoint | undefined {
  const parts = text === undefined ? null : /^\[?(.*?)\]?:(\d+)$/.exec(text);
  return parts ? { ip: parts[1] as string, port: Number(parts[2]) } : undefined;
}

/** The rest of `event_data`, without the common members and those named. */
export function otherData(data: EventData, ...without: string[]): Record<string, JsonValue> {
  return Object.fromEntries(
    Object.entries(data).filter(([name]) => !COMMON_DATA.has(name) && !without.includes(name)),
  );
}

/** A line from before the call: nobody knows how it ended. */
export function isReceived({ event_data: data }: Pick<AuditEvent, 'event_data'>): boolean {
  return data.stage === 'received';
}

export type Outcome = 'success' | 'failure' | 'denied';

/** Events that do not say otherwise succeeded. */
export function outcomeOf({
  event_name,
  event_data,
}: Pick<AuditEvent, 'event_name' | 'event_data'>): Outcome {
  const outcome = event_data.outcome;
  if (outcome === 'failure' || outcome === 'denied') return outcome;
  if (event_name === 'authz.denied' || event_name === 'auth.rejected') return 'denied';
  return /\.(failed|detected|suspended)$/.test(event_name) ? 'failure' : 'success';
}
