import { accessSync, constants } from 'node:fs';
import { messageOf } from '../../base/errors.js';
import { ConfigError } from './errors.js';
import { flagOf } from './names.js';
import type { Config, OptionName } from './options.js';
import { describeSource, type Source } from './sources.js';
import { formatBytes } from './units.js';

export type SourceOf = (name: OptionName) => Source;

/**
 * What options demand of each other and of the files they name. Nothing is opened for writing and no
 * data is touched.
 *
 * @throws ConfigError conflict, fileUnreadable
 */
export function checkRelations(config: Config, sourceOf: SourceOf): void {
  const conflict = (text: string) => new ConfigError('conflict', text);
  if ((config.certificate === undefined) !== (config.privateKey === undefined)) {
    throw conflict('--certificate and --pkey are given together or not at all');
  }
  if (config.mtls && (config.certificate === undefined || config.clientCas === undefined)) {
    throw conflict('--mtls needs --certificate, --pkey and --clientcas');
  }
  if (config.maintenance && config.auth) throw conflict('--maintenance needs --auth=false');
  if (config.metricsServer && config.port !== 0 && config.port === config.metricsPort) {
    throw conflict(`--port and --metrics-server-port are both ${config.port}`);
  }
  if (config.logRotationAgeMs > 0 && config.logRotationAgeMs < 60_000) {
    throw conflict('--log-rotation-age is at least 1m, or 0 for never');
  }
  checkLimits(config, sourceOf);
  checkAudit(config);
  for (const name of ['certificate', 'privateKey', 'clientCas', 'auditSinkCa'] as const) {
    const file = config[name];
    if (file !== undefined) checkReadable(file, describeSource(sourceOf(name)));
  }
}

function checkAudit(config: Config): void {
  if (config.auditSealDatabase.toLowerCase() === 'defaultdb') {
    throw new ConfigError(
      'conflict',
      '--audit-seal-db is no database of clients, so not defaultdb',
    );
  }
  const names = config.auditSinks.map((sink) => sink.slice(0, sink.indexOf('=')));
  const { auditRequireSink: required, auditRetentionRequireArchive: archive } = config;
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) {
    throw new ConfigError('conflict', `two of --audit-sink have the name ${twice}`);
  }
  if (required !== undefined && !names.includes(required)) {
    throw new ConfigError('conflict', `--audit-require-sink ${required} is none of --audit-sink`);
  }
  if (archive && names.length === 0) {
    throw new ConfigError('conflict', '--audit-retention-require-archive needs an --audit-sink');
  }
}

/** Each pair: the first may not exceed the second. */
const ORDERED_LIMITS = [
  ['maxStreamsBeforeLogin', 'maxStreamsPerConnection', String],
  ['maxRecvMsgBytes', 'maxInflightBytes', formatBytes],
  ['streamChunkBytes', 'maxRecvMsgBytes', formatBytes],
] as const;

function checkLimits(config: Config, sourceOf: SourceOf): void {
  for (const [lower, upper, format] of ORDERED_LIMITS) {
    if (config[lower] <= config[upper]) continue;
    const [low, high] = [lower, upper].map(
      (name) => `${flagOf(name)} (${format(config[name])}, ${describeSource(sourceOf(name))})`,
    );
    throw new ConfigError('conflict', `${low} is larger than ${high}`);
  }
}

function checkReadable(file: string, where: string): void {
  try {
    accessSync(file, constants.R_OK);
  } catch (error) {
    throw new ConfigError('fileUnreadable', `${where}: cannot read ${file}: ${messageOf(error)}`);
  }
}

/** What is allowed and may not be meant. */
export function configNotices(config: Config, sourceOf: SourceOf): string[] {
  const notices: string[] = [];
  const password = sourceOf('adminPassword');
  if (password.kind === 'flag') {
    notices.push(
      '--admin-password on the command line is visible to other users of this machine; ' +
        'use STELE_ADMIN_PASSWORD or --admin-password-file',
    );
  }
  if (config.clientCas !== undefined && !config.mtls) {
    notices.push('--clientcas has no effect without --mtls');
  }
  if (config.logFile === undefined && config.logRotationBytes + config.logRotationAgeMs > 0) {
    notices.push('log rotation has no effect without --logfile');
  }
  if (!config.auth) {
    const who = config.devMode ? 'everybody who can connect' : 'every local user';
    notices.push(`no login is required: ${who} can read and write`);
  }
  return notices;
}
