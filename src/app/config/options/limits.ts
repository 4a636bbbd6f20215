import { isIP } from 'node:net';
import { bytes, duration, integer, list } from '../option-types.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const HOUR = 3_600_000;

export const storageOptions = {
  diskReserveBytes: bytes({
    flag: 'disk-reserve',
    group: 'Storage',
    default: 64 * MIB,
    min: 16 * MIB,
    max: 1024 * GIB,
    help: 'Free space below which writes are refused',
    prose:
      'The smaller of this and --disk-reserve-percent holds. Reads go on, and writes come back by ' +
      'themselves when there is space. A disk that runs full before the server says no ends it.',
  }),
  diskReservePercent: integer({
    flag: 'disk-reserve-percent',
    group: 'Storage',
    unit: '%',
    default: 2,
    min: 0,
    max: 50,
    help: 'The same as a share of the file system',
  }),
  commitWatchdogMs: duration({
    flag: 'commit-watchdog',
    group: 'Storage',
    default: 10_000,
    min: 1000,
    max: HOUR,
    help: 'Time after which a commit that does not finish ends the server (exit code 74)',
    prose:
      'A commit that hangs may be on disk or not, so nothing more is written on top of it. Raise it ' +
      'for storage that is known to stall and recover.',
  }),
  scrubPeriodMs: duration({
    flag: 'scrub-period',
    group: 'Storage',
    default: 7 * 24 * HOUR,
    min: 0,
    max: 366 * 24 * HOUR,
    help: 'Time in which all stored history is checked again; 0 switches it off',
    prose:
      'Finds what changed on disk even if nobody reads it. The faster of this and --scrub-rate ' +
      'holds. Switched off, decay of old values is found only when they are read.',
  }),
  scrubRateBytes: bytes({
    flag: 'scrub-rate',
    group: 'Storage',
    default: 5_000_000,
    min: 0,
    max: 10 * GIB,
    help: 'Bytes a second that this check reads at least while it runs',
  }),
  maxOpenDatabases: integer({
    flag: 'max-active-databases',
    group: 'Storage',
    default: 100,
    min: 2,
    max: 10_000,
    help: 'Databases kept open at once; others are opened when they are used',
  }),
};

export const limitOptions = {
  maxRecvMsgBytes: bytes({
    flag: 'max-recv-msg-size',
    group: 'Limits',
    default: 32 * MIB,
    min: 4 * KIB,
    max: GIB,
    help: 'Largest message from a client',
  }),
  maxResultEntries: integer({
    flag: 'max-result-size',
    group: 'Limits',
    default: 2500,
    min: 1,
    max: 100_000,
    help: 'Entries in one page of a scan or history; more are refused',
  }),
  maxResultBytes: bytes({
    flag: 'max-result-bytes',
    group: 'Limits',
    default: 64 * MIB,
    min: MIB,
    max: 2 * GIB,
    help: 'Bytes of keys and values in one answer; more is refused with the streaming method to use',
  }),
  entryCacheBytes: bytes({
    flag: 'entry-cache-bytes',
    group: 'Limits',
    default: 16 * MIB,
    min: 0,
    max: 16 * GIB,
    help: 'Bytes of entries kept in memory after they were read and checked; 0 keeps none',
  }),
  maxKeyBytes: integer({
    flag: 'max-key-len',
    group: 'Limits',
    default: 1024,
    min: 32,
    max: 1024,
    help: 'Bytes of a key, its prefix byte included, in databases made from now on',
  }),
  maxValueBytes: bytes({
    flag: 'max-value-len',
    group: 'Limits',
    default: 32 * MIB,
    min: KIB,
    max: GIB,
    help: 'Bytes of a value, its prefix byte included, in databases made from now on',
    prose: 'Values larger than --max-recv-msg-size can only be streamed.',
  }),
  maxTxEntries: integer({
    flag: 'max-tx-entries',
    group: 'Limits',
    default: 1024,
    min: 1,
    max: 65_535,
    help: 'Entries of one transaction, in databases made from now on',
  }),
  streamChunkBytes: bytes({
    flag: 'stream-chunk-size',
    group: 'Limits',
    default: 64 * KIB,
    min: 4 * KIB,
    max: 4 * MIB,
    help: 'Bytes of one message of a stream',
  }),
  maxWaiters: integer({
    flag: 'max-waiters',
    group: 'Limits',
    default: 1000,
    min: 1,
    max: 1_000_000,
    help: 'Calls that may wait for a transaction of one database; more are refused',
  }),
  maxInflightBytes: bytes({
    flag: 'max-inflight-size',
    group: 'Limits',
    default: 256 * MIB,
    min: MIB,
    max: 64 * GIB,
    help: 'Bytes of all requests being received or handled',
    prose: 'Connections without a login may hold a quarter of it together.',
  }),
  maxUnsentBytes: bytes({
    flag: 'max-unsent-size',
    group: 'Limits',
    default: 512 * MIB,
    min: MIB,
    max: 64 * GIB,
    help: 'Bytes of all answers that clients have not taken yet',
    prose: 'Above it the connection whose client leaves the most lying is ended.',
  }),
  unaryDeadlineMs: duration({
    flag: 'unary-deadline',
    group: 'Limits',
    default: 30_000,
    min: 100,
    max: HOUR,
    help: 'Time for a call that is no stream',
  }),
  streamProgressTimeoutMs: duration({
    flag: 'stream-progress-timeout',
    group: 'Limits',
    default: 60_000,
    min: 100,
    max: HOUR,
    help: 'Time that a stream may stand still',
  }),
};

export const connectionOptions = {
  maxConnections: integer({
    flag: 'max-connections',
    group: 'Connections',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    help: 'Connections open at once',
  }),
  maxConnectionsPerAddress: integer({
    flag: 'max-connections-per-address',
    group: 'Connections',
    default: 1000,
    min: 1,
    max: 1_000_000,
    help: 'Connections of one address open at once',
    prose: 'A /64 network counts as one address of IPv6.',
  }),
  maxConnectionRatePerAddress: integer({
    flag: 'max-connection-rate-per-address',
    group: 'Connections',
    default: 200,
    min: 1,
    max: 1_000_000,
    help: 'New connections of one address in a second',
  }),
  exemptAddresses: list({
    flag: 'exempt-addresses',
    group: 'Connections',
    expected: 'IP addresses or networks such as 10.0.0.0/8, separated by commas',
    element: isNetwork,
    help: 'Addresses without the two limits above, as loopback is (proxies, gateways)',
  }),
  tlsHandshakeTimeoutMs: duration({
    flag: 'tls-handshake-timeout',
    group: 'Connections',
    default: 10_000,
    min: 100,
    max: HOUR,
    help: 'Time for a TLS handshake',
  }),
  firstRequestTimeoutMs: duration({
    flag: 'first-request-timeout',
    group: 'Connections',
    default: 10_000,
    min: 100,
    max: HOUR,
    help: 'Time from connecting to the first call',
  }),
  idleTimeoutMs: duration({
    flag: 'idle-timeout',
    group: 'Connections',
    default: 600_000,
    min: 1000,
    max: 24 * HOUR,
    help: 'Time without a call after which a connection is closed',
  }),
  maxStreamsPerConnection: integer({
    flag: 'max-streams-per-connection',
    group: 'Connections',
    default: 1000,
    min: 1,
    max: 100_000,
    help: 'Calls at once on one connection',
  }),
  maxStreamsBeforeLogin: integer({
    flag: 'max-streams-before-login',
    group: 'Connections',
    default: 100,
    min: 1,
    max: 100_000,
    help: 'The same until somebody has logged in on it',
  }),
  maxBytesBeforeLogin: bytes({
    flag: 'max-size-before-login',
    group: 'Connections',
    default: 256 * KIB,
    min: 4 * KIB,
    max: GIB,
    help: 'Bytes of requests being received on a connection until somebody has logged in on it',
  }),
  maxMessageFrames: integer({
    flag: 'max-message-frames',
    group: 'Connections',
    default: 65_536,
    min: 1024,
    max: 16_777_216,
    help: 'Frames that one message may be cut into',
    prose:
      'Guards against messages cut into frames of a byte, whose cost is a multiple of theirs. Beyond ' +
      '1024 frames they must carry 64 bytes each on average. A connection that does not is ended.',
  }),
  maxControlBytes: bytes({
    flag: 'max-control-size',
    group: 'Connections',
    default: 256 * KIB,
    min: 16 * KIB,
    max: GIB,
    help: 'Bytes of frames that belong to no call, such as PING, ahead of the calls',
    prose: 'Fills up again by 64 KiB a second. A connection that sends more is ended.',
  }),
  streamResetBurst: integer({
    flag: 'stream-reset-burst',
    group: 'Connections',
    default: 1000,
    min: 100,
    max: 10_000_000,
    help: 'Calls that a client may give up at once on one connection',
    prose:
      'A client that gives up half as many is sent to a new connection. Node 20 knows no other value ' +
      'than 1000; newer versions take this one, which old clients that reset every call need.',
  }),
  streamResetRate: integer({
    flag: 'stream-reset-rate',
    group: 'Connections',
    default: 33,
    min: 1,
    max: 1_000_000,
    help: 'The same in a second after that',
  }),
  receiveWindowBytes: bytes({
    flag: 'receive-window',
    group: 'Connections',
    default: MIB,
    min: 64 * KIB,
    max: 64 * MIB,
    help: 'Bytes that a client may send ahead of what was read, of one call and of a connection',
    prose: 'Large ones make streamed values faster. Until a login a connection has 64 KiB.',
  }),
  connectionMemoryBytes: bytes({
    flag: 'max-connection-memory',
    group: 'Connections',
    default: 64 * MIB,
    min: MIB,
    max: 4 * GIB,
    help: 'Bytes of requests and of answers not yet taken that are held for one connection',
  }),
};

/** An address, or an address and the length of its prefix. */
function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}
