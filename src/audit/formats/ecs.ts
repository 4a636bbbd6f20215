import { sha256 } from '../../base/sha256.js';
import { mappingOf } from './mappings.js';
import {
  isReceived,
  type JsonValue,
  type NativeEvent,
  numberOf,
  outcomeOf,
  textOf,
} from './native.js';
import { defined } from './ocsf.js';

const ECS_VERSION = '9.4.0';
const MAPPED = new Set(['error', 'peer_port', 'user', 'duration_us']);

/**
 * In the Elastic Common Schema, as one line. `event.hash` is the SHA-256 of the line as it is without that
 * member: it stands last in `event`, so a reader can take it out.
 */
export function toEcsLine(event: NativeEvent): string {
  const document = toEcs(event);
  const hash = sha256(Buffer.from(JSON.stringify(document))).toString('hex');
  return JSON.stringify({ ...document, event: { ...document.event, hash } });
}

type JsonObject = Record<string, JsonValue>;

/** Without `event.hash`. */
function toEcs(event: NativeEvent): JsonObject & { readonly event: JsonObject } {
  const { event_data: data } = event;
  const rest = Object.entries(data).filter(([name]) => !MAPPED.has(name));
  const document = {
    '@timestamp': event.event_time,
    ecs: { version: ECS_VERSION },
    event: eventOf(event),
    user: defined({ name: event.username, target: targetOf(event) }),
    source: defined({ ip: addressOf(event), port: numberOf(data, 'peer_port') }),
    labels: { prev: event.prev },
    stele: {
      ...Object.fromEntries(rest),
      event_source: event.event_source,
      read_only: event.read_only,
      request_id: event.request_id,
      resource: event.resource,
    },
  };
  return document;
}

function eventOf(event: NativeEvent): JsonObject {
  const { event_data: data, event_name: name } = event;
  const [category, ...types] = mappingOf(name).ecs;
  const outcome = outcomeOf(event);
  if (outcome === 'denied' && !types.includes('denied')) types.push('denied');
  if (outcome === 'failure' && !types.includes('error')) types.push('error');
  const duration = numberOf(data, 'duration_us');
  return defined({
    kind: name === 'tamper.detected' ? 'alert' : 'event',
    category: [category],
    type: types,
    action: name,
    outcome: isReceived(event) ? 'unknown' : outcome === 'success' ? 'success' : 'failure',
    id: event.event_id,
    sequence: event.seq,
    duration: duration === undefined ? undefined : duration * 1000,
    reason: textOf(data, 'error') ?? textOf(data, 'reason'),
    dataset: 'stele.audit',
  });
}

function targetOf({ event_data: data }: NativeEvent): JsonObject | undefined {
  const name = textOf(data, 'user');
  return name === undefined ? undefined : { name };
}

/** The field takes addresses only. */
function addressOf({ source_ip_address: address }: NativeEvent): string | undefined {
  return address === '-' || address === 'unix' ? undefined : address;
}
