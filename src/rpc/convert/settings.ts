import type {
  DatabaseInfo,
  DatabaseSettings,
  DatabaseSettingsUpdate,
  HeaderVersionSetting,
} from '../../database/index.js';
import { type Init, type pb, safeInteger } from '../../wire/index.js';
import { RpcError } from '../rpc-error.js';

/**
 * Settings of databases. What belongs to the storage engine of the original is kept and given back, and
 * shown with the original's defaults when nobody has set it.
 */

type Kept = number | boolean;
type KeptDefaults = Readonly<Record<string, Kept>>;

const KEPT_DEFAULTS = {
  fileSize: 536_870_912,
  maxConcurrency: 30,
  maxIOConcurrency: 1,
  txLogCacheSize: 1000,
  vLogMaxOpenedFiles: 10,
  txLogMaxOpenedFiles: 10,
  commitLogMaxOpenedFiles: 10,
  readTxPoolSize: 128,
  syncFrequency: 20,
  writeBufferSize: 4_194_304,
  maxActiveTransactions: 1000,
  mvccReadSetLimit: 100_000,
  vLogCacheSize: 0,
  embeddedValues: false,
  preallocFiles: false,
} as const satisfies KeptDefaults;

const INDEX_DEFAULTS = {
  flushThreshold: 100_000,
  syncThreshold: 1_000_000,
  cacheSize: 134_217_728,
  maxNodeSize: 4096,
  maxActiveSnapshots: 100,
  renewSnapRootAfter: 1000,
  compactionThld: 2,
  delayDuringCompaction: 10,
  nodesLogMaxOpenedFiles: 10,
  historyLogMaxOpenedFiles: 1,
  commitLogMaxOpenedFiles: 1,
  flushBufferSize: 4096,
  cleanupPercentage: 0,
  maxBulkSize: 1,
  bulkPreparationTimeout: 20,
} as const satisfies KeptDefaults;

const AHT_DEFAULTS = {
  syncThreshold: 100_000,
  writeBufferSize: 16_777_216,
} as const satisfies KeptDefaults;

const REPLICATION_DEFAULTS = {
  prefetchTxBufferSize: 0,
  replicationCommitConcurrency: 0,
  allowTxDiscarding: false,
  skipIntegrityCheck: false,
  waitForIndexing: false,
} as const satisfies KeptDefaults;

const INDEX = 'indexSettings.';
const AHT = 'ahtSettings.';
const REPLICATION = 'replicationSettings.';

/** Such messages, whatever the type of their value. */
type Nullables = Readonly<Record<string, { readonly value: unknown } | undefined>>;

/** @throws RpcError replicationUnsupported, settingUnsupported; WireDecodeError */
export function settingsUpdateFrom(
  message: pb.DatabaseNullableSettings | undefined,
): DatabaseSettingsUpdate {
  if (message === undefined) return {};
  const { replicationSettings, truncationSettings, writeTxHeaderVersion } = message;
  refuseReplication(replicationSettings);
  const kept = {
    ...keptFrom(KEPT_DEFAULTS, message, ''),
    ...keptFrom(INDEX_DEFAULTS, message.indexSettings, INDEX),
    ...keptFrom(AHT_DEFAULTS, message.ahtSettings, AHT),
    ...keptFrom(REPLICATION_DEFAULTS, replicationSettings, REPLICATION),
  };
  return {
    ...given('maxKeyLen', message.maxKeyLen),
    ...given('maxValueLen', message.maxValueLen),
    ...given('maxTxEntries', message.maxTxEntries),
    ...given('excludeCommitTime', message.excludeCommitTime),
    ...given('autoload', message.autoload),
    ...given('retentionPeriodMs', milliseconds(truncationSettings?.retentionPeriod)),
    ...given('truncationFrequencyMs', milliseconds(truncationSettings?.truncationFrequency)),
    ...(writeTxHeaderVersion === undefined
      ? {}
      : { writeTxHeaderVersion: headerVersionFrom(writeTxHeaderVersion.value) }),
    ...(Object.keys(kept).length === 0 ? {} : { kept }),
  };
}

/** The older form: a zero says nothing. */
export function oldSettingsUpdateFrom(message: pb.DatabaseSettings): DatabaseSettingsUpdate {
  const { replica, primaryDatabase, primaryHost, primaryPort, primaryUsername, primaryPassword } =
    message;
  const primary = [primaryDatabase, primaryHost, primaryUsername, primaryPassword];
  if (replica || primaryPort !== 0 || primary.some((text) => text !== '')) throw noReplication();
  const { fileSize, maxKeyLen, maxValueLen, maxTxEntries, excludeCommitTime } = message;
  return {
    ...(maxKeyLen === 0 ? {} : { maxKeyLen }),
    ...(maxValueLen === 0 ? {} : { maxValueLen }),
    ...(maxTxEntries === 0 ? {} : { maxTxEntries }),
    ...(excludeCommitTime ? { excludeCommitTime } : {}),
    ...(fileSize === 0 ? {} : { kept: { fileSize } }),
  };
}

export function settingsToMessage(settings: DatabaseSettings): Init<pb.DatabaseNullableSettings> {
  const { kept } = settings;
  return {
    ...keptToMessage(KEPT_DEFAULTS, kept, ''),
    maxKeyLen: { value: settings.maxKeyLen },
    maxValueLen: { value: settings.maxValueLen },
    maxTxEntries: { value: settings.maxTxEntries },
    excludeCommitTime: { value: settings.excludeCommitTime },
    autoload: { value: settings.autoload },
    writeTxHeaderVersion: { value: headerVersionShown(settings.writeTxHeaderVersion) },
    indexSettings: keptToMessage(INDEX_DEFAULTS, kept, INDEX),
    ahtSettings: keptToMessage(AHT_DEFAULTS, kept, AHT),
    truncationSettings: {
      retentionPeriod: { value: settings.retentionPeriodMs },
      truncationFrequency: { value: settings.truncationFrequencyMs },
    },
    replicationSettings: {
      ...keptToMessage(REPLICATION_DEFAULTS, kept, REPLICATION),
      replica: { value: false },
      primaryDatabase: { value: '' },
      primaryHost: { value: '' },
      primaryPort: { value: 0 },
      primaryUsername: { value: '' },
      primaryPassword: { value: '' },
      syncReplication: { value: false },
      syncAcks: { value: 0 },
    },
  };
}

export function oldSettingsToMessage(
  name: string,
  settings: DatabaseSettings,
): Init<pb.DatabaseSettings> {
  const { maxKeyLen, maxValueLen, maxTxEntries, excludeCommitTime, kept } = settings;
  const fileSize = Number(kept.fileSize ?? KEPT_DEFAULTS.fileSize);
  return { databaseName: name, fileSize, maxKeyLen, maxValueLen, maxTxEntries, excludeCommitTime };
}

export function databaseInfoToMessage(info: DatabaseInfo): Init<pb.DatabaseInfo> {
  const { name, loaded, diskSize, numTransactions, createdAt, createdBy } = info;
  return {
    name,
    loaded,
    diskSize,
    numTransactions,
    settings: settingsToMessage(info.settings),
    created_at: createdAt,
    created_by: createdBy,
  };
}

function noReplication(): RpcError {
  return new RpcError(
    'replicationUnsupported',
    'illegal arguments: databases of this server are neither replicas nor wait for any',
  );
}

function refuseReplication(message: pb.ReplicationNullableSettings | undefined): void {
  if (message === undefined) return;
  const asked = [
    message.replica,
    message.primaryDatabase,
    message.primaryHost,
    message.primaryPort,
    message.primaryUsername,
    message.primaryPassword,
    message.syncReplication,
    message.syncAcks,
  ];
  // Turned off, empty or zero is what is so anyway.
  if (asked.some((setting) => setting !== undefined && Boolean(setting.value))) {
    throw noReplication();
  }
}

function headerVersionFrom(value: number): HeaderVersionSetting {
  // As at the original: who asks for version 0 has clients that verify nothing else, so metadata is refused.
  if (value === 0) return '0-only';
  if (value === 1) return value;
  throw new RpcError(
    'settingUnsupported',
    'illegal arguments: invalid options: invalid WriteTxHeaderVersion',
  );
}

/** While nothing was written to it yet, a database may become either; most clients write version 1. */
function headerVersionShown(setting: HeaderVersionSetting): number {
  return setting === 0 || setting === '0-only' ? 0 : 1;
}

function given<K extends string, V>(
  name: K,
  nullable: { readonly value: V } | undefined,
): Partial<Record<K, V>> {
  return nullable === undefined ? {} : ({ [name]: nullable.value } as Record<K, V>);
}

function milliseconds(message: pb.NullableMilliseconds | undefined) {
  if (message === undefined) return undefined;
  return { value: safeInteger(message.value, 'NullableMilliseconds.value') };
}

function keptFrom(
  defaults: KeptDefaults,
  message: object | undefined,
  prefix: string,
): Record<string, Kept> {
  const kept: Record<string, Kept> = {};
  if (message === undefined) return kept;
  for (const name of Object.keys(defaults)) {
    const value = (message as Nullables)[name]?.value;
    if (typeof value === 'boolean') kept[prefix + name] = value;
    else if (typeof value === 'number') kept[prefix + name] = finite(value, prefix + name);
  }
  return kept;
}

function finite(value: number, name: string): number {
  if (Number.isFinite(value)) return value;
  throw new RpcError('settingUnsupported', `illegal arguments: ${name} is out of range`);
}

function keptToMessage<D extends KeptDefaults>(
  defaults: D,
  kept: DatabaseSettings['kept'],
  prefix: string,
): { [K in keyof D]: { value: D[K] extends boolean ? boolean : number } } {
  const filled = Object.entries(defaults).map(([name, value]) => [
    name,
    { value: kept[prefix + name] ?? value },
  ]);
  return Object.fromEntries(filled);
}
