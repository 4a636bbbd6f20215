import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  AuditLog,
  lineFormat,
  makeSink,
  type NamedSink,
  type SelectionRules,
  selectionRules,
} from '../audit/index.js';
import type { Auth } from '../auth/index.js';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Log } from '../base/log.js';
import { type Database, type DatabaseManager, SYSTEM_DATABASE } from '../database/index.js';
import { type AuditStage, auditStage, callEventKinds, type KeyForm } from '../rpc/index.js';
import type { Config } from './config/index.js';
import { AppError } from './errors.js';
import { steleVersion } from './version.js';

const WARN_PERCENT = 10;
const CRITICAL_PERCENT = 5;

/** @throws AuditError, AppError auditUnusable; @returns undefined when it is switched off */
export async function openAudit(
  config: Config,
  databases: DatabaseManager,
  serverUuid: string,
  log: Log,
  clock: Clock,
  onFatal: (error: unknown) => void,
): Promise<AuditLog | undefined> {
  if (!config.audit) return undefined;
  return AuditLog.open({
    path: config.auditPath ?? path.join(config.dir, 'audit', 'audit.json'),
    format: lineFormat(config.auditFormat, { productVersion: steleVersion() }),
    rules: await configuredRules(config),
    kinds: callEventKinds(),
    databases,
    sealDatabase: await sealDatabase(config, databases),
    clock,
    log,
    eventSource: config.auditSource === 'auto' ? `stele:${serverUuid}` : config.auditSource,
    queueBytesMax: config.auditQueueBytes,
    sync: config.auditSync === 'group',
    rotateBytes: config.auditRotateBytes,
    rotateIntervalMs: config.auditRotateIntervalMs,
    rotateOnStart: config.auditRotateOnStart,
    compress: config.auditCompress,
    retention: {
      maxAgeMs: config.auditRetentionAgeMs,
      maxFiles: config.auditRetentionFiles,
      maxBytes: config.auditRetentionBytes,
      requireArchive: config.auditRetentionRequireArchive,
    },
    sinks: namedSinks(config),
    requiredSink: config.auditRequireSink,
    checkpointIntervalMs: config.auditCheckpointMs,
    space: {
      warnBytes: config.auditWarnBytes,
      warnPercent: WARN_PERCENT,
      criticalBytes: config.auditCriticalBytes,
      criticalPercent: CRITICAL_PERCENT,
      reserveBytes: config.auditReserveBytes,
    },
    onFailure: config.auditOnFailure,
    blockTimeoutMs: config.auditBlockTimeoutMs,
    eventBytesMax: config.auditMaxEventBytes,
    locked: config.auditLock,
    onFatal,
  });
}

export function stageOf(audit: AuditLog, config: Config, auth: Auth): AuditStage {
  return auditStage(audit, {
    keysMax: config.auditMaxKeys,
    keys: keyFormOf(config.auditKeys),
    received: config.auditStages === 'received',
    trustedProxies: config.auditTrustedProxies,
    isUser: config.auditHashUnknownUsers ? (name) => auth.isUser(name) : undefined,
  });
}

/** @param text value of `--audit-keys` */
function keyFormOf(text: string): KeyForm {
  if (text === 'hash' || text === 'plain' || text === 'none') return text;
  return { prefixBytes: Number(text.slice('prefix:'.length)) };
}

async function configuredRules({ auditEvents, auditFilter }: Config): Promise<SelectionRules> {
  try {
    return await selectionRules(auditEvents, auditFilter);
  } catch (cause) {
    throw new AppError('auditUnusable', `--audit-filter: ${messageOf(cause)}`);
  }
}

/** @throws AuditError invalidSetting for an address that is none */
function namedSinks({ auditSinks, auditSinkCa }: Config): NamedSink[] {
  const tls = auditSinkCa === undefined ? {} : { ca: readFileSync(auditSinkCa, 'utf8') };
  return auditSinks.map((text) => {
    const end = text.indexOf('=');
    return { name: text.slice(0, end), sink: makeSink(text.slice(end + 1), tls) };
  });
}

/** Names of databases are in lower case. */
export function sealDatabaseName({ auditSealDatabase }: Config): string {
  return auditSealDatabase.toLowerCase();
}

async function sealDatabase(config: Config, databases: DatabaseManager): Promise<Database> {
  const name = sealDatabaseName(config);
  if (name === SYSTEM_DATABASE) return databases.system;
  if (!databases.exists(name)) {
    await databases.create(name, {}, { createdBy: SYSTEM_DATABASE, ifNotExists: true });
  }
  const database = await databases.open(name);
  // Seals are written as long as the server runs.
  database.retain();
  return database;
}
