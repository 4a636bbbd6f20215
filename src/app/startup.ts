import { isIPv6 } from 'node:net';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import type { Config, ResolvedConfig } from './config/index.js';
import { AppError } from './errors.js';
import { fileDestination, stderrDestination } from './log-destination.js';
import { createLogger, type Logger } from './logger.js';
import { PROTOCOL_VERSION, steleVersion } from './version.js';

/** @throws AppError logFileUnusable */
export function openLogger(config: Config, clock: Clock): Logger {
  const { logLevel: level, logFormat: format } = config;
  return createLogger({ level, format, clock, destination: openDestination(config, clock) });
}

function openDestination(config: Config, clock: Clock) {
  const { logFile, logRotationBytes: rotationBytes, logRotationAgeMs: rotationAgeMs } = config;
  if (logFile === undefined) return stderrDestination();
  try {
    return fileDestination({ path: logFile, rotationBytes, rotationAgeMs, clock });
  } catch (error) {
    const reason = messageOf(error);
    throw new AppError('logFileUnusable', `log file ${logFile} cannot be opened: ${reason}`);
  }
}

/** `0.0.0.0:3322`, `[::]:3322`. */
export function hostAndPort(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

const RULE_WIDTH = 40;
const LABEL_WIDTH = 17;

/** What an operator sees first: what runs, where it listens, and what it uses. */
export function startupLines({ config, configFile, secrets }: ResolvedConfig): string[] {
  const tls = config.certificate === undefined ? 'off' : config.mtls ? 'mutual' : 'server';
  const metrics = config.metricsServer
    ? `${hostAndPort(config.address, config.metricsPort)}/metrics`
    : 'off';
  const settings: [string, string | undefined][] = [
    ['Data dir', config.dir],
    ['Address', hostAndPort(config.address, config.port)],
    ['Metrics address', metrics],
    ['TLS', tls],
    ['Config file', configFile ?? 'none'],
    ['PID file', config.pidFile],
    ['Log file', config.logFile],
    ['Signing key', config.signingKey],
    ['Auth enabled', String(config.auth)],
    ['Dev mode', config.devMode ? 'true' : undefined],
    ['Maintenance mode', config.maintenance ? 'true' : undefined],
  ];
  const title = ' Config ';
  const side = '='.repeat((RULE_WIDTH - title.length) / 2);
  return [
    `stele ${steleVersion()}, protocol ${PROTOCOL_VERSION}, process ${process.pid}`,
    `${side}${title}${side}`,
    ...settings
      .filter(([, value]) => value !== undefined)
      .map(([label, value]) => `${label.padEnd(LABEL_WIDTH)}: ${value}`),
    ...(secrets.adminPasswordIsDefault && config.auth ? DEFAULT_PASSWORD_LINES : []),
    '='.repeat(RULE_WIDTH),
  ];
}

const DEFAULT_PASSWORD_LINES = [
  '-'.repeat(RULE_WIDTH),
  'WARNING: user immudb has the default password (immudb) until it is changed',
];
