import type { AuditEvent } from '../event.js';
import { mappingOf } from './mappings.js';
import {
  type Endpoint,
  type EventData,
  endpointOf,
  type JsonValue,
  type NativeEvent,
  numberOf,
  otherData,
  outcomeOf,
  textOf,
} from './native.js';

/** The shape that the audit files of MongoDB and TokuMX have. */
export interface MongoEvent {
  readonly atype: string;
  readonly ts: { readonly $date: string };
  readonly uuid: { readonly $binary: string; readonly $type: '04' };
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly users: readonly { readonly user: string; readonly db: string }[];
  readonly roles: readonly { readonly role: string; readonly db: string }[];
  readonly param: Readonly<Record<string, JsonValue>>;
  /** 0 success, 18 authentication failed, 13 not authorised, else 10000 plus the number of the gRPC status. */
  readonly result: number;
}

const RESULT_NOT_AUTHORISED = 13;
const RESULT_AUTHENTICATION_FAILED = 18;
const RESULT_STATUS_BASE = 10_000;

const STATUS_NUMBERS = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** What the event is called there; its own name where MongoDB has no such event. */
export function atypeOf(eventName: string): string {
  return mappingOf(eventName).atype ?? eventName;
}

/** Each field by itself: a filter that names one does not pay for the others. */
const FIELDS: { readonly [N in AliasName]: (event: AuditEvent) => MongoEvent[N] } = {
  atype: (event) => atypeOf(event.event_name),
  ts: (event) => ({ $date: event.event_time }),
  local: (event) => endpointOf(textOf(event.event_data, 'local')) ?? { ip: '-', port: 0 },
  remote: (event) => ({
    ip: event.source_ip_address,
    port: numberOf(event.event_data, 'peer_port') ?? 0,
  }),
  users: (event) => (event.username === '-' ? [] : [{ user: event.username, db: dbOf(event) }]),
  roles: (event) => rolesOf(event.event_data, dbOf(event)),
  param: (event) => paramOf(event, dbOf(event)),
  result: resultOf,
};

type AliasName = Exclude<keyof MongoEvent, 'uuid'>;

/** Fields that a filter may name beside those of the native event. */
export const MONGO_ALIASES = Object.keys(FIELDS) as readonly AliasName[];

/** The event with these fields beside its own. */
export function withAliases(event: AuditEvent, names: readonly AliasName[]): AuditEvent {
  const document: Record<string, unknown> = { ...event };
  for (const name of names) document[name] = FIELDS[name](event);
  return document as unknown as AuditEvent;
}

function dbOf({ event_data: data }: AuditEvent): string {
  return textOf(data, 'db') ?? '';
}

export function toMongo(event: NativeEvent): MongoEvent & { seq: number; prev: string } {
  const conn = textOf(event.event_data, 'conn') ?? '';
  const uuid = Buffer.from(conn.replaceAll('-', ''), 'hex');
  return {
    atype: FIELDS.atype(event),
    ts: FIELDS.ts(event),
    uuid: { $binary: uuid.toString('base64'), $type: '04' },
    local: FIELDS.local(event),
    remote: FIELDS.remote(event),
    users: FIELDS.users(event),
    roles: FIELDS.roles(event),
    param: FIELDS.param(event),
    result: FIELDS.result(event),
    seq: event.seq,
    prev: event.prev,
  };
}

function rolesOf(data: EventData, db: string): { role: string; db: string }[] {
  const { roles } = data;
  if (!Array.isArray(roles)) return [];
  return roles.flatMap((role: JsonValue) => {
    if (typeof role === 'string') return [{ role, db }];
    if (typeof role !== 'object' || role === null || Array.isArray(role)) return [];
    const { role: name, db: of } = role as Readonly<Record<string, JsonValue>>;
    return typeof name === 'string' ? [{ role: name, db: typeof of === 'string' ? of : db }] : [];
  });
}

function paramOf(event: AuditEvent, db: string): Record<string, JsonValue> {
  const { event_data: data } = event;
  const rest = otherData(data);
  const key = Array.isArray(data.keys) ? data.keys[0] : undefined;
  const namespace = textOf(data, 'target_db') ?? db;
  const ns = namespace === '' ? {} : { ns: `${namespace}.${typeof key === 'string' ? key : ''}` };
  if (atypeOf(event.event_name) !== 'authCheck') return { ...rest, ...ns };
  const command = textOf(data, 'rpc') ?? textOf(data, 'attempted') ?? event.event_name;
  return { command, ...ns, args: rest };
}

function resultOf(event: AuditEvent): number {
  const { event_name: name, event_data: data } = event;
  if (name === 'auth.login.failed') return RESULT_AUTHENTICATION_FAILED;
  const outcome = outcomeOf(event);
  if (outcome === 'success') return 0;
  if (outcome === 'denied') return RESULT_NOT_AUTHORISED;
  const status = STATUS_NUMBERS.indexOf(textOf(data, 'status') ?? 'UNKNOWN');
  return RESULT_STATUS_BASE + (status < 0 ? STATUS_NUMBERS.indexOf('UNKNOWN') : status);
}
