/** What one client may take before it is refused. Bytes and milliseconds; each is an option of the server. */
export interface FrontLimits {
  /** Connections open at once, those in their TLS handshake included. */
  readonly connectionsMax: number;
  /** The same of one address; a /64 network counts as one address of IPv6. */
  readonly connectionsPerAddressMax: number;
  /** New connections of one address in a second. */
  readonly connectionRatePerAddressMax: number;
  /** Addresses and networks without the two limits above; loopback never has them. */
  readonly exemptAddresses: readonly string[];
  readonly tlsHandshakeTimeoutMs: number;
  /** From the end of the handshake to the headers of the first call. */
  readonly firstRequestTimeoutMs: number;
  /** Without a call. */
  readonly idleTimeoutMs: number;
  /** Calls at once on one connection. */
  readonly streamsPerConnectionMax: number;
  /** The same until a call of the connection has shown a login. */
  readonly streamsBeforeLoginMax: number;
  /** Bytes of requests held for one connection until then. */
  readonly bytesBeforeLoginMax: number;
  /** Bytes of one message. */
  readonly receiveBytesMax: number;
  /** Bytes that a client may send ahead of what was read: of one call, and of a connection with a login. */
  readonly receiveWindowBytes: number;
  /** Frames of one message. */
  readonly messageFramesMax: number;
  /** Bytes held for one connection: requests, and answers that it has not taken. */
  readonly connectionMemoryBytes: number;
  /** Bytes of requests held for all connections. */
  readonly inflightBytesMax: number;
  /** Bytes of answers that clients have not taken, of all connections. */
  readonly unsentBytesMax: number;
  /** Bytes that a connection may send ahead of its calls without being part of one. */
  readonly controlBytesMax: number;
  /** Calls that a client may give up on one connection: at once, and in a second. */
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
  /** For which a client may take nothing of an answer. */
  readonly streamProgressTimeoutMs: number;
}

const KIB = 1024;
const MIB = 1_048_576;

export const DEFAULT_FRONT_LIMITS: FrontLimits = {
  connectionsMax: 10_000,
  connectionsPerAddressMax: 1000,
  connectionRatePerAddressMax: 200,
  exemptAddresses: [],
  tlsHandshakeTimeoutMs: 10_000,
  firstRequestTimeoutMs: 10_000,
  idleTimeoutMs: 600_000,
  streamsPerConnectionMax: 1000,
  streamsBeforeLoginMax: 100,
  bytesBeforeLoginMax: 256 * KIB,
  receiveBytesMax: 32 * MIB,
  receiveWindowBytes: MIB,
  messageFramesMax: 65_536,
  connectionMemoryBytes: 64 * MIB,
  inflightBytesMax: 256 * MIB,
  unsentBytesMax: 512 * MIB,
  controlBytesMax: 256 * KIB,
  streamResetBurst: 1000,
  streamResetRate: 33,
  streamProgressTimeoutMs: 60_000,
};

/** The limits that are counted, by the name of the option that sets them. */
export const LIMIT_NAMES = [
  'max-connections',
  'max-connections-per-address',
  'max-connection-rate-per-address',
  'tls-handshake-timeout',
  'first-request-timeout',
  'idle-timeout',
  'max-streams-per-connection',
  'max-streams-before-login',
  'max-size-before-login',
  'max-recv-msg-size',
  'max-message-frames',
  'max-connection-memory',
  'max-inflight-size',
  'max-unsent-size',
  'max-control-size',
  'stream-reset-burst',
  'unary-deadline',
  'stream-progress-timeout',
] as const;

export type LimitName = (typeof LIMIT_NAMES)[number];

/** What the front holds now. */
export interface FrontFigures {
  readonly connections: number;
  /** Calls whose streams are open. */
  readonly streams: number;
  /** Bytes of requests being received or handled. */
  readonly requestBytes: number;
  /** Bytes of answers not yet taken by their clients. */
  readonly unsentBytes: number;
}
