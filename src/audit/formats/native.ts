/** A value as JSON has it. Integers above 2^53-1 are texts. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

export type EventData = Readonly<Record<string, JsonValue>>;

/** One line of the stream in the format `native`: the fields of Auditmon, then the place in the chain. */
export interface NativeEvent {
  /** RFC 3339 in UTC with milliseconds. */
  readonly event_time: string;
  readonly event_name: string;
  /** `-` when there is none. */
  readonly username: string;
  readonly resource: string;
  readonly event_source: string;
  readonly source_ip_address: string;
  readonly event_id: string;
  readonly request_id: string;
  readonly read_only: boolean;
  readonly event_data: EventData;
  /** From 1, without gaps. */
  readonly seq: number;
  /** SHA-256 of the line before, in hexadecimal digits. */
  readonly prev: string;
}

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

export type Outcome = 'success' | 'failure' | 'denied';

/** Events that do not say otherwise succeeded. */
export function outcomeOf({
  event_name,
  event_data,
}: Pick<NativeEvent, 'event_name' | 'event_data'>): Outcome {
  const outcome = event_data.outcome;
  if (outcome === 'failure' || outcome === 'denied') return outcome;
  if (event_name === 'authz.denied' || event_name === 'auth.rejected') return 'denied';
  return /\.(failed|detected|suspended)$/.test(event_name) ? 'failure' : 'success';
}
