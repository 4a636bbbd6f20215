import {
  boolean,
  bytes,
  duration,
  integer,
  list,
  oneOf,
  optionalPath,
  optionalText,
  text,
} from '../option-types.js';
import { isNetwork } from './networks.js';

/** `name=address`; the stream itself reads the address. */
const SINK = /^[A-Za-z0-9-]{1,64}=(stdout:|syslog(\+tls)?:\/\/|https?:\/\/)/;
const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const HOUR = 3_600_000;
const YEAR = 366 * 24 * HOUR;

export const auditOptions = {
  audit: boolean({
    flag: 'audit',
    group: 'Audit',
    default: true,
    help: 'Write an event for every call that --audit-events and --audit-filter select',
    prose: 'No such call is answered before its event is on disk.',
  }),
  auditDestination: oneOf({
    flag: 'audit-destination',
    group: 'Audit',
    choices: ['file'],
    default: 'file',
    help: 'Where the events go; what else there is reads the file',
  }),
  auditPath: optionalPath({
    flag: 'audit-path',
    group: 'Audit',
    help: 'Live audit file; by default audit/audit.json in --dir',
    prose: 'Its folder belongs to the stream alone, and nobody but the server may write there.',
  }),
  auditFormat: oneOf({
    flag: 'audit-format',
    group: 'Audit',
    choices: ['native', 'mongo', 'ocsf', 'ecs', 'cef'],
    synonyms: { json: 'mongo' },
    default: 'native',
    help: 'Form of the lines; JSON, as TokuMX calls it, is mongo',
    prose:
      'After a crash the other formats than native report every transaction of the last checkpoint ' +
      'interval once more as tx.recovered.',
  }),
  auditEvents: oneOf({
    flag: 'audit-events',
    group: 'Audit',
    choices: ['none', 'admin', 'write', 'all', 'everything'],
    synonyms: { security: 'admin' },
    default: 'write',
    help: 'Which events: administration, writes too, reads too, keep-alive and health too',
    prose: 'What is told of the server and of the stream itself is always written.',
  }),
  auditStages: oneOf({
    flag: 'audit-stages',
    group: 'Audit',
    choices: ['complete', 'received'],
    default: 'complete',
    help: 'received: a line also before a call that may change something is carried out',
    prose:
      'It has stage: received and names a call that ends the server; it costs such calls a second write ' +
      'to disk.',
  }),
  auditFilter: text({
    flag: 'audit-filter',
    group: 'Audit',
    default: '{}',
    expected: 'a filter in the query language of MongoDB',
    help: 'Of those events, only the ones that match this query of MongoDB; read again at SIGHUP',
  }),
  auditKeys: text({
    flag: 'audit-keys',
    group: 'Audit',
    default: 'hash',
    matches: /^(hash|plain|none|prefix:[1-9]\d{0,3})$/,
    expected: 'hash, plain, none or prefix:<bytes>',
    help: 'Keys of users in events: hash, plain, none, or their first bytes (prefix:<n>)',
  }),
  auditTrustedProxies: list({
    flag: 'audit-trusted-proxies',
    group: 'Audit',
    expected: 'IP addresses or networks such as 10.0.0.0/8, separated by commas',
    element: isNetwork,
    help: 'Addresses whose header x-forwarded-for is written down, beside their own',
    prose: 'source_ip_address is the address of the connection, whoever claims another.',
  }),
  auditHashUnknownUsers: boolean({
    flag: 'audit-hash-unknown-users',
    group: 'Audit',
    default: false,
    help: 'Hash names of failed logins that no user has: people type passwords there',
  }),
  auditMaxKeys: integer({
    flag: 'audit-max-keys',
    group: 'Audit',
    default: 16,
    min: 0,
    max: 1024,
    help: 'Keys that one event names; their number and a digest of all stand beside them',
  }),
  auditMaxEventBytes: bytes({
    flag: 'audit-max-event-size',
    group: 'Audit',
    default: 16 * KIB,
    min: 4 * KIB,
    max: MIB,
    help: 'Longest line; of longer ones optional members are left out',
  }),
  auditQueueBytes: bytes({
    flag: 'audit-queue-size',
    group: 'Audit',
    default: 64 * MIB,
    min: MIB,
    max: GIB,
    help: 'Events in memory from which new calls wait',
  }),
  auditSync: oneOf({
    flag: 'audit-sync',
    group: 'Audit',
    choices: ['group', 'none'],
    default: 'group',
    help: 'group: on disk before the answer; none: the system writes when it likes',
    prose: 'With none a loss of power takes events of calls that were answered.',
  }),
  auditRotateBytes: bytes({
    flag: 'audit-rotate-size',
    group: 'Audit',
    default: 256 * MIB,
    min: 4 * KIB,
    max: 64 * GIB,
    help: 'Size from which a new file is begun',
  }),
  auditRotateIntervalMs: duration({
    flag: 'audit-rotate-interval',
    group: 'Audit',
    default: 24 * HOUR,
    min: 0,
    max: YEAR,
    help: 'A file does not reach across a multiple of this (UTC); 0 is never',
  }),
  auditRotateOnStart: boolean({
    flag: 'audit-rotate-on-start',
    group: 'Audit',
    default: true,
    help: 'Begin a new file at every start',
  }),
  auditCompress: boolean({
    flag: 'audit-compress',
    group: 'Audit',
    default: true,
    help: 'Compress closed files with gzip after they were sealed',
  }),
  auditRetentionAgeMs: duration({
    flag: 'audit-retention-age',
    group: 'Audit',
    default: 0,
    min: 0,
    max: 100 * YEAR,
    help: 'Age at which closed files are deleted; 0 is never',
  }),
  auditRetentionFiles: integer({
    flag: 'audit-retention-files',
    group: 'Audit',
    default: 0,
    min: 0,
    max: 1_000_000,
    help: 'Closed files that are kept; 0 is all',
  }),
  auditRetentionBytes: bytes({
    flag: 'audit-retention-size',
    group: 'Audit',
    default: 0,
    min: 0,
    max: 1024 * GIB,
    help: 'Bytes of closed files that are kept; 0 is all',
  }),
  auditRetentionRequireArchive: boolean({
    flag: 'audit-retention-require-archive',
    group: 'Audit',
    default: false,
    help: 'Delete only what every --audit-sink has taken',
  }),
  auditSinks: list({
    flag: 'audit-sink',
    group: 'Audit',
    expected:
      'NAME=stdout:, NAME=syslog://HOST:PORT, NAME=syslog+tls://HOST:PORT or NAME=http(s) URL, ' +
      'separated by commas',
    element: (sink) => SINK.test(sink),
    help: 'Second places for the lines: standard output, syslog (RFC 5424), HTTP POST',
    prose:
      'Each gets every line at least once and in order, from the files, by a position kept on disk. One ' +
      'that is slow or gone costs nothing and gets the rest when it is back. Whoever runs one can read ' +
      'the events.',
  }),
  auditSinkCa: optionalPath({
    flag: 'audit-sink-ca',
    group: 'Audit',
    help: "Authorities (PEM) that the certificates of sinks come from, in place of the system's",
  }),
  auditRequireSink: optionalText({
    flag: 'audit-require-sink',
    group: 'Audit',
    help: 'Name of the sink that must have an event before its call is answered',
    prose:
      'While it fails, calls with events are refused; one that is done waits --audit-block-timeout for it.',
  }),
  auditCheckpointMs: duration({
    flag: 'audit-checkpoint-interval',
    group: 'Audit',
    default: 10_000,
    min: 100,
    max: 24 * HOUR,
    help: 'How often the state of the stream is noted in the database of the seals',
    prose:
      'What is cut off the live file while the server is dead is noticed up to the last of these.',
  }),
  auditSealDatabase: text({
    flag: 'audit-seal-db',
    group: 'Audit',
    default: 'systemdb',
    help: 'Database of the seals; made if it does not exist',
    prose:
      'A database of its own is in DatabaseList, so that auditors of every SDK check it. Clients cannot ' +
      'write, change, unload or delete it; a right to read it is all that an auditor needs.',
  }),
  auditWarnBytes: bytes({
    flag: 'audit-space-warn',
    group: 'Audit',
    default: 2 * GIB,
    min: 0,
    max: 1024 * GIB,
    help: 'Free space (at most 10 % of the disk) below which an event warns',
  }),
  auditCriticalBytes: bytes({
    flag: 'audit-space-critical',
    group: 'Audit',
    default: GIB,
    min: 0,
    max: 1024 * GIB,
    help: 'Free space (at most 5 % of the disk) below which writes are refused',
  }),
  auditReserveBytes: bytes({
    flag: 'audit-reserve',
    group: 'Audit',
    default: 16 * MIB,
    min: 0,
    max: GIB,
    help: 'Space that is kept to report a full disk in the stream',
  }),
  auditOnFailure: oneOf({
    flag: 'audit-on-failure',
    group: 'Audit',
    choices: ['reject', 'read_only', 'shutdown', 'ignore'],
    synonyms: { 'read-only': 'read_only' },
    default: 'reject',
    help: 'What becomes of audited calls while the stream cannot be written',
    prose:
      'reject refuses them, read_only serves reads without events, shutdown ends the server with 74, ' +
      'ignore serves all. What was served without an event is counted in audit.gap.',
  }),
  auditBlockTimeoutMs: duration({
    flag: 'audit-block-timeout',
    group: 'Audit',
    default: 30_000,
    min: 0,
    max: HOUR,
    help: 'Time that a call which is done waits for a stream that cannot be written',
  }),
  auditSource: text({
    flag: 'audit-source',
    group: 'Audit',
    default: 'auto',
    help: 'Field event_source of all events; auto is stele: and the name of the data',
  }),
  auditLock: boolean({
    flag: 'audit-lock',
    group: 'Audit',
    default: false,
    help: 'Refuse every change of these settings until the next start',
  }),
};
