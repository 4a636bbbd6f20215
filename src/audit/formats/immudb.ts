import { type JsonValue, type NativeEvent, numberOf, outcomeOf, textOf } from './native.js';
import { defined } from './ocsf.js';

/** As the audit log of immudb 1.11 has it, for scripts that read that. Export only: it has no chain. */
export function toImmudb(event: NativeEvent): Record<string, JsonValue> {
  const { event_data: data } = event;
  const duration = numberOf(data, 'duration_us');
  return defined({
    // Nanoseconds are above 2^53; the digits are put together as text by toImmudbLine.
    user: event.username === '-' ? '' : event.username,
    ip: event.source_ip_address === '-' ? '' : event.source_ip_address,
    db: textOf(data, 'db'),
    method: `/${serviceOf(event)}/${textOf(data, 'rpc') ?? event.event_name}`,
    type: typeOf(event),
    ok: outcomeOf(event) === 'success',
    err: textOf(data, 'error'),
    dur_ms: duration === undefined ? undefined : Math.round(duration / 1000),
    sid: textOf(data, 'session'),
  });
}

export function toImmudbLine(event: NativeEvent): string {
  const nanoseconds = BigInt(Date.parse(event.event_time)) * 1_000_000n;
  return `{"ts":${nanoseconds},${JSON.stringify(toImmudb(event)).slice(1)}`;
}

function typeOf({ event_name: name, read_only: readOnly }: NativeEvent): string {
  if (/^(auth|authz|session)\./.test(name)) return 'AUTH';
  if (/^(user|database|config|server|audit)\./.test(name)) return readOnly ? 'READ' : 'ADMIN';
  return readOnly ? 'READ' : 'WRITE';
}

/** Calls about the stream are none of immudb's. */
function serviceOf({ event_name: name, event_data: data }: NativeEvent): string {
  const isOwn = name.startsWith('audit.') || textOf(data, 'rpc') === 'SetAuditConfig';
  return isOwn ? 'stele.admin.AdminService' : 'immudb.schema.ImmuService';
}
