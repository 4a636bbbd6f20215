import {
  type AnyOption,
  boolean,
  duration,
  ignored,
  type OptionDescription,
  optionalText,
  refused,
  secret,
} from '../option-types.js';

/**
 * Options of the original that configuration files and containers carry and that are no options of
 * Stele. They are read, so that those files keep working, and said to have no effect; what asks for a
 * promise that would be silently broken is refused.
 */

const group = 'immudb compatibility';
const NO_REPLICATION = 'replication between servers is not available';
const NO_S3 = 'remote storage is not available';
const NO_SQL = 'SQL and its wire protocol are not served';
const NO_WEB = 'the REST gateway and the web console do not run inside the server';
const YEAR = 366 * 24 * 3_600_000;

function named(flag: string, help: string): OptionDescription {
  return { flag, group, help };
}

function ignoredText(flag: string, help: string, reason: string) {
  return ignored(optionalText(named(flag, help)), reason);
}

function ignoredFlag(flag: string, standard: boolean, help: string, reason: string) {
  return ignored(boolean({ ...named(flag, help), default: standard }), reason, false);
}

function refusedFlag(flag: string, help: string, reason: string) {
  return refused(boolean({ ...named(flag, help), default: false }), reason);
}

function ignoredSecret(flag: string, help: string, reason: string) {
  return ignored(secret(named(flag, help)), reason);
}

const replicationOptions = {
  replicationIsReplica: refused(
    boolean({
      ...named('replication-is-replica', 'Follow another server'),
      aliases: ['replication-enabled'],
      default: false,
    }),
    NO_REPLICATION,
  ),
  replicationSyncEnabled: refusedFlag(
    'replication-sync-enabled',
    'Wait for other servers before answering',
    NO_REPLICATION,
  ),
  replicationSyncAcks: ignoredText('replication-sync-acks', 'Servers to wait for', NO_REPLICATION),
  replicationPrimaryHost: ignored(
    optionalText({
      ...named('replication-primary-host', 'Server to follow'),
      aliases: ['replication-master-address'],
    }),
    NO_REPLICATION,
  ),
  replicationPrimaryPort: ignored(
    optionalText({
      ...named('replication-primary-port', 'Its port'),
      aliases: ['replication-master-port'],
    }),
    NO_REPLICATION,
  ),
  replicationPrimaryUsername: ignored(
    optionalText({
      ...named('replication-primary-username', 'User there'),
      aliases: ['replication-follower-username'],
    }),
    NO_REPLICATION,
  ),
  replicationPrimaryPassword: ignored(
    secret({
      ...named('replication-primary-password', 'Password there'),
      aliases: ['replication-follower-password'],
    }),
    NO_REPLICATION,
  ),
  replicationPrefetchTxBufferSize: ignoredText(
    'replication-prefetch-tx-buffer-size',
    'Transactions fetched ahead',
    NO_REPLICATION,
  ),
  replicationCommitConcurrency: ignoredText(
    'replication-commit-concurrency',
    'Commits at once while following',
    NO_REPLICATION,
  ),
  replicationAllowTxDiscarding: ignoredFlag(
    'replication-allow-tx-discarding',
    false,
    'Discard what the primary does not have',
    NO_REPLICATION,
  ),
  replicationSkipIntegrityCheck: ignoredFlag(
    'replication-skip-integrity-check',
    false,
    'Do not check what is followed',
    NO_REPLICATION,
  ),
  replicationWaitForIndexing: ignoredFlag(
    'replication-wait-for-indexing',
    false,
    'Wait for the index while following',
    NO_REPLICATION,
  ),
};

const remoteStorageOptions = {
  s3Storage: refusedFlag('s3-storage', 'Keep data in remote storage', NO_S3),
  s3RoleEnabled: ignoredFlag('s3-role-enabled', false, 'Use a role', NO_S3),
  s3Role: ignoredText('s3-role', 'Role', NO_S3),
  s3Endpoint: ignoredText('s3-endpoint', 'Endpoint', NO_S3),
  s3AccessKeyId: ignoredSecret('s3-access-key-id', 'Access key', NO_S3),
  s3SecretKey: ignoredSecret('s3-secret-key', 'Secret key', NO_S3),
  s3BucketName: ignoredText('s3-bucket-name', 'Bucket', NO_S3),
  s3Location: ignoredText('s3-location', 'Location', NO_S3),
  s3PathPrefix: ignoredText('s3-path-prefix', 'Path prefix', NO_S3),
  s3ExternalIdentifier: ignoredFlag(
    's3-external-identifier',
    false,
    'Keep the identifier there',
    NO_S3,
  ),
  s3InstanceMetadataUrl: ignoredText('s3-instance-metadata-url', 'Metadata service', NO_S3),
  s3UseFargateCredentials: ignoredFlag('s3-use-fargate-credentials', false, 'Use Fargate', NO_S3),
};

const absentServices = {
  pgsqlServer: ignoredFlag('pgsql-server', true, 'PostgreSQL wire protocol', NO_SQL),
  pgsqlServerPort: ignoredText('pgsql-server-port', 'Its port', NO_SQL),
  sqlMaxKeyLength: ignoredText('max-key-length', 'Length of SQL keys', NO_SQL),
  webServer: ignoredFlag('web-server', true, 'REST gateway and web console', NO_WEB),
  webServerPort: ignoredText('web-server-port', 'Their port', NO_WEB),
  swaggerUi: ignoredFlag('swaggerui', true, 'API browser', NO_WEB),
  grpcReflection: ignoredFlag(
    'grpc-reflection',
    true,
    'gRPC reflection',
    'gRPC reflection is not served',
  ),
  autoCert: refusedFlag(
    'auto-cert',
    'Make a self-signed certificate',
    'certificates are not made by the server; make them with tools/mtls and name them with ' +
      '--certificate and --pkey',
  ),
  auditLog: refusedFlag(
    'audit-log',
    'Write an audit trail into systemdb',
    'there is no audit trail in systemdb',
  ),
  auditLogEvents: ignoredText(
    'audit-log-events',
    'Calls in that audit trail',
    'there is no audit trail in systemdb',
  ),
  logRequestMetadata: refusedFlag(
    'log-request-metadata',
    'Keep user and address in each transaction',
    'user and address are not kept in transactions',
  ),
};

const pastOptions = {
  synced: ignored(
    boolean({ ...named('synced', 'Answer writes when they are on disk'), default: true }),
    'every write is on disk before it is answered',
  ),
  maxSessionInactivityMs: ignored(
    duration({
      ...named('max-session-inactivity-time', 'Time after which a session counts as inactive'),
      default: 180_000,
      min: 0,
      max: YEAR,
    }),
    'sessions end after --session-timeout and are never counted as inactive before',
  ),
  consistencyCheck: ignored(
    boolean({ ...named('consistency-check', 'Check in the background'), default: true }),
    'history is checked in the background, see --scrub-period',
  ),
  network: ignoredText('network', 'Network', 'the server listens on TCP'),
  databaseName: ignored(
    optionalText(named('dbname', 'Default database')),
    'the default database is always defaultdb',
    'defaultdb',
  ),
};

export const compatibilityOptions = {
  ...pastOptions,
  ...absentServices,
  ...replicationOptions,
  ...remoteStorageOptions,
} satisfies Readonly<Record<string, AnyOption>>;
