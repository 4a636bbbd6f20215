import { mappingOf, severityOf } from './mappings.js';
import {
  COMMON_DATA,
  endpointOf,
  isReceived,
  type JsonValue,
  type NativeEvent,
  numberOf,
  outcomeOf,
  textOf,
} from './native.js';

/** What the conversions need to know beside the event. */
export interface FormatOptions {
  /** Of the program that writes, for fields that ask for it. */
  readonly productVersion: string;
  /** Version of the OCSF schema that is named in events. Default 1.8.0. */
  readonly ocsfVersion?: string;
}

const OCSF_VERSION = '1.8.0';
const STATUS_UNKNOWN = 0;
const STATUS_SUCCESS = 1;
const STATUS_FAILURE = 2;
/** Database type "Other" of the object `database`. */
const DATABASE_TYPE_OTHER = 99;

type JsonObject = Record<string, JsonValue>;

/** In the schema of the Open Cybersecurity Schema Framework; what has no place there is in `unmapped`. */
export function toOcsf(event: NativeEvent, options: FormatOptions): JsonObject {
  const { event_data: data } = event;
  const succeeded = outcomeOf(event) === 'success';
  const typeUid = mappingOf(event.event_name).ocsf;
  const classUid = Math.floor(typeUid / 100);
  return defined({
    activity_id: typeUid % 100,
    category_uid: Math.floor(classUid / 1000),
    class_uid: classUid,
    type_uid: typeUid,
    time: Date.parse(event.event_time),
    severity_id: severityOf(event.event_name, succeeded),
    metadata: {
      version: options.ocsfVersion ?? OCSF_VERSION,
      product: { name: 'Stele', vendor_name: 'Stele', version: options.productVersion },
      uid: event.event_id,
      correlation_uid: event.request_id,
      sequence: event.seq,
      log_name: 'stele-audit',
      event_code: event.event_name,
    },
    status_id: isReceived(event) ? STATUS_UNKNOWN : succeeded ? STATUS_SUCCESS : STATUS_FAILURE,
    status_code: textOf(data, 'status'),
    status_detail: textOf(data, 'error') ?? textOf(data, 'reason'),
    actor: { user: { name: event.username } },
    api: { operation: textOf(data, 'rpc') ?? event.event_name },
    src_endpoint: defined({ ip: event.source_ip_address, port: numberOf(data, 'peer_port') }),
    dst_endpoint: endpointObject(textOf(data, 'local')),
    user: userOf(event, classUid),
    database: databaseOf(event),
    unmapped: unmappedOf(event),
  });
}

/** Account change, authentication and user access have a user that they are about. */
function userOf(event: NativeEvent, classUid: number): JsonObject | undefined {
  if (classUid !== 3001 && classUid !== 3002 && classUid !== 3005) return undefined;
  return { name: textOf(event.event_data, 'user') ?? event.username };
}

function databaseOf({ event_data: data }: NativeEvent): JsonObject | undefined {
  const name = textOf(data, 'target_db') ?? textOf(data, 'db');
  return name === undefined ? undefined : { name, type_id: DATABASE_TYPE_OTHER };
}

const MAPPED = new Set(['status', 'error', 'peer_port', 'local', 'rpc']);

function unmappedOf(event: NativeEvent): JsonObject {
  const rest = Object.entries(event.event_data).filter(([name]) => !MAPPED.has(name));
  const order = ([a]: [string, JsonValue], [b]: [string, JsonValue]): number =>
    Number(COMMON_DATA.has(b)) - Number(COMMON_DATA.has(a));
  return {
    ...Object.fromEntries(rest.sort(order)),
    event_source: event.event_source,
    prev: event.prev,
    read_only: event.read_only,
    resource: event.resource,
  };
}

function endpointObject(text: string | undefined): JsonObject | undefined {
  const endpoint = endpointOf(text);
  return endpoint ? { ip: endpoint.ip, port: endpoint.port } : undefined;
}

/** Without the members that are undefined. */
export function defined(object: Record<string, JsonValue | undefined>): JsonObject {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as JsonObject;
}
