import path from 'node:path';
import type { AuditLog } from '../audit/index.js';
import { Auth, databaseStore } from '../auth/index.js';
import type { Clock } from '../base/clock.js';
import { ensureDirectory } from '../base/durable-file.js';
import { lockDirectory } from '../base/lock-file.js';
import type { Log } from '../base/log.js';
import {
  DatabaseManager,
  type DatabasesOptions,
  type HeaderVersionSetting,
} from '../database/index.js';
import { StateSigner } from '../proofs/index.js';
import { openAudit, sealDatabaseName } from './audit.js';
import { OwnEvents } from './audit-events.js';
import type { Config, Secrets } from './config/index.js';
import { serverIdentity } from './server-identity.js';

/** Everything below the listeners, built bottom up and taken down in reverse. */
export interface Context extends AsyncDisposable {
  readonly databases: DatabaseManager;
  readonly auth: Auth;
  /** Undefined when it is switched off. */
  readonly audit: AuditLog | undefined;
  readonly signer: StateSigner | undefined;
  readonly serverUuid: string;
  /** Reads that met damaged data, since the start. */
  corruptionAlarms(): number;
}

export interface ContextEvents {
  /** A database may not be written any more; the process must end. */
  onStorageFailure(database: string, error: Error): void;
  /** The audit stream cannot be written, and that ends the process. */
  onAuditFailure(error: unknown): void;
  /** The directory may belong to another process now; this one must end. */
  onLockLost(): void;
}

const HEADER_VERSIONS: Readonly<Record<Config['writeTxHeaderVersion'], HeaderVersionSetting>> = {
  auto: 'auto',
  '0': 0,
  '1': 1,
  '0-only': '0-only',
};

/** @throws what a layer says of files that it cannot use; the lock and opened files are given back */
export async function openContext(
  config: Config,
  secrets: Secrets,
  log: Log,
  clock: Clock,
  events: ContextEvents,
): Promise<Context> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    await ensureDirectory(config.dir);
    const lock = await lockDirectory(config.dir, {
      // From now on another process may write: nothing may be written here any more.
      onLost: () => events.onLockLost(),
    });
    closers.push(() => lock[Symbol.asyncDispose]());
    const serverUuid = await serverIdentity(config.dir);
    let alarms = 0;
    let own: OwnEvents | undefined;
    const databases = await openDatabases(config, log, clock, {
      ...events,
      onAlarm: () => alarms++,
      onUse: (what, name, state) => {
        const event = what === 'opened' ? 'database.load' : 'database.unload';
        own?.database(event, name, state, what === 'opened' ? 'use' : 'idle');
      },
    });
    closers.push(() => databases.close());
    const auth = openAuth(config, secrets, databases, log, clock);
    closers.push(() => auth.dispose());
    await auth.open();
    const audit = await openAudit(config, databases, serverUuid, log, clock, events.onAuditFailure);
    if (audit !== undefined) {
      const started = new OwnEvents(databases, sealDatabaseName(config));
      own = started;
      closers.push(() => audit.close());
      closers.push(() => started.end(auth));
      started.begin(audit, auth);
    }
    const key = secrets.signingKey?.export({ type: 'sec1', format: 'pem' });
    const signer = key === undefined ? undefined : new StateSigner(key.toString());
    const corruptionAlarms = () => alarms;
    return {
      ...{ databases, auth, audit, signer, serverUuid, corruptionAlarms },
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function openDatabases(
  config: Config,
  log: Log,
  clock: Clock,
  events: ContextEvents & Pick<DatabasesOptions, 'onUse'> & { onAlarm(): void },
): Promise<DatabaseManager> {
  return DatabaseManager.open({
    dir: config.dir,
    defaults: {
      maxKeyLen: config.maxKeyBytes,
      maxValueLen: config.maxValueBytes,
      maxTxEntries: config.maxTxEntries,
      writeTxHeaderVersion: HEADER_VERSIONS[config.writeTxHeaderVersion],
    },
    limits: {
      resultEntriesMax: config.maxResultEntries,
      resultBytesMax: config.maxResultBytes,
      waitersMax: config.maxWaiters,
    },
    clock,
    log,
    commitTimeoutMs: config.commitWatchdogMs,
    reserveBytes: config.diskReserveBytes,
    reserveFraction: config.diskReservePercent / 100,
    entryCacheBytes: config.entryCacheBytes,
    maxOpenDatabases: config.maxOpenDatabases,
    scrubPeriodMs: config.scrubPeriodMs,
    scrubRateBytes: config.scrubRateBytes,
    ...(events.onUse === undefined ? {} : { onUse: events.onUse }),
    onFailure: events.onStorageFailure,
    onCorruption(database, error) {
      events.onAlarm();
      log.error('damaged data was met and not served', { database, reason: error.message });
    },
  });
}

function openAuth(
  config: Config,
  secrets: Secrets,
  databases: DatabaseManager,
  log: Log,
  clock: Clock,
): Auth {
  return new Auth({
    store: databaseStore(databases.system),
    databases,
    clock,
    log,
    options: {
      enabled: config.auth,
      devMode: config.devMode,
      maintenance: config.maintenance,
      serverDatabases: [sealDatabaseName(config)],
      adminPassword: secrets.adminPassword,
      forceAdminPassword: config.forceAdminPassword,
      tokenKeyPath: path.join(config.dir, 'token.key'),
      tokenLifetimeMs: config.tokenExpiryMs,
      maxTokens: config.maxTokens,
      maxTokensPerUser: config.maxTokensPerUser,
      maxSessions: config.maxSessions,
      maxSessionsPerUser: config.maxSessionsPerUser,
      sessionIdleMs: config.sessionTimeoutMs,
      sessionMaxAgeMs: config.maxSessionAgeMs,
      sweepIntervalMs: config.sessionsGuardIntervalMs,
      passwordHashQueue: config.passwordHashQueue,
      loginFailuresBeforeDelay: config.loginFailuresBeforeDelay,
      loginRetryDelayMs: config.loginRetryDelayMs,
    },
  });
}
