import { type AuditEvent, type EventData, NONE, SERVER_USER } from './event.js';
import { uuidV7 } from './uuid.js';

/** What an event of the server may say beside its data. */
export interface OwnEvent {
  readonly resource?: string | undefined;
  /** Whom it is about; the server itself if not given. */
  readonly user?: string | undefined;
}

/** An event of the server itself. */
export function serverEvent(
  nowMs: number,
  source: string,
  name: string,
  data: EventData,
  { resource, user }: OwnEvent,
): AuditEvent {
  const { file_no: fileNo } = data;
  return {
    event_time: new Date(nowMs).toISOString(),
    event_name: name,
    username: user ?? SERVER_USER,
    resource: resource ?? (typeof fileNo === 'number' ? `audit:${fileNo}` : 'server'),
    event_source: source,
    source_ip_address: NONE,
    event_id: uuidV7(nowMs),
    request_id: NONE,
    read_only: false,
    event_data: { outcome: 'success', v: 1, ...data },
  };
}
