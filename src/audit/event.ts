/** A value as JSON has it. Integers above 2^53-1 are texts. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Members of an event that depend on its kind. */
export type EventData = Readonly<Record<string, JsonValue>>;

/** Version of the schema of events, in `event_data.v`. */
export const EVENT_VERSION = 1;

/** What happened, before it has its place in the stream. `event_data` never holds a secret or a value. */
export interface AuditEvent {
  /** RFC 3339 in UTC with milliseconds: when the operation ended. The order is that of `seq`. */
  readonly event_time: string;
  /** Of the catalogue. */
  readonly event_name: string;
  /** `-` when there is none, `stele` for what the server did by itself. */
  readonly username: string;
  /** `db:<name>`, `user:<name>`, `server`, `audit:<file_no>`, or `-`. */
  readonly resource: string;
  readonly event_source: string;
  /** Without port and brackets; `-` for what the server did by itself, `unix` for local sockets. */
  readonly source_ip_address: string;
  /** UUID version 7. */
  readonly event_id: string;
  readonly request_id: string;
  /** Whether the operation can change no state. */
  readonly read_only: boolean;
  readonly event_data: EventData;
}

/** One line of the stream. */
export interface SealedEvent extends AuditEvent {
  /** From 1, without gaps, over the life of the data directory. */
  readonly seq: number;
  /** SHA-256 of the bytes of the line before, in hexadecimal digits. */
  readonly prev: string;
}

/** Name of the user in events of the server itself. */
export const SERVER_USER = 'stele';
/** Stands where a text field has no value. */
export const NONE = '-';
