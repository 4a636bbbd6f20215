import type { AuditEvent, EventData } from './event.js';

/** Members that every event keeps, however long it is. */
const KEPT: ReadonlySet<string> = new Set([
  'v',
  'outcome',
  'status',
  'rpc',
  'db',
  'target_db',
  'user',
  'tx_id',
  'key_count',
  'attempted',
  'reason',
]);
/** The rest is left out from the end of this list, then all of it. */
const FIRST_LEFT_OUT = ['changes', 'settings', 'keys', 'client', 'error'] as const;
/** Bytes of a line beside its data, at most: names are bounded. */
const REST_BYTES = 2048;
/** Far below any limit; most events need no measuring. */
const SHORT_MEMBERS = 32;

/** The event, without members that would make its line too long. */
export function fitted(event: AuditEvent, bytesMax: number): AuditEvent {
  const { event_data: data } = event;
  if (isShort(data)) return event;
  const room = bytesMax - REST_BYTES;
  const size = (of: EventData) => Buffer.byteLength(JSON.stringify(of));
  if (size(data) <= room) return event;
  let rest: EventData = { ...data, truncated: true };
  for (const name of FIRST_LEFT_OUT) {
    const { [name]: _left, ...others } = rest;
    rest = others;
    if (size(rest) <= room) return { ...event, event_data: rest };
  }
  const kept = Object.entries(rest).filter(([name]) => KEPT.has(name));
  return { ...event, event_data: { ...Object.fromEntries(kept), truncated: true } };
}

function isShort(data: EventData): boolean {
  let members = 0;
  for (const name in data) {
    const value = data[name];
    if (++members > SHORT_MEMBERS) return false;
    if (typeof value === 'string' ? value.length > 256 : typeof value === 'object') {
      if (Array.isArray(value) && value.length <= 16 && value.every(isShortText)) continue;
      return false;
    }
  }
  return true;
}

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 64;
}
