import path from 'node:path';
import {
  type AuditedServer,
  type AuditLog,
  type AuditorOptions,
  type NotificationOptions,
  parseDuration,
} from '../../../auditor/index.js';
import { systemClock } from '../../../base/clock.js';
import { checkServerKey } from '../../../client/index.js';
import { fileOf, tlsOptions } from '../../kit/connected.js';
import { UsageError } from '../../kit/errors.js';
import { Passwords } from '../../kit/password.js';
import type { Settings } from '../../kit/settings.js';
import type { World } from '../../kit/world.js';

const INTERVAL = '1m0s';
const INTERVAL_MS_MIN = 10;
/** As long as a timer takes. */
const INTERVAL_MS_MAX = 2_000_000_000;
const DEFAULT_PORT = 9477;
const GATEWAY_PORT = 9476;
const SERVER_PORT = 3322;

/** Milliseconds from cycle to cycle. @throws UsageError in the words of the original */
export function auditInterval(settings: Settings): number {
  // A name that most shells cannot set, but service managers and container engines can.
  const old = settings.env['audit-agent-interval'];
  const given = settings.text('audit-interval') ?? (old === '' ? undefined : old);
  const ms = parseDuration(given ?? INTERVAL);
  if (ms === undefined) throw new UsageError(`time: invalid duration "${given}"`);
  if (ms < INTERVAL_MS_MIN || ms > INTERVAL_MS_MAX) {
    throw new UsageError(`--audit-interval: expected 10ms to 555h, got ${given}`);
  }
  return ms;
}

/** Where states and waiting notifications are kept. */
export function auditFolder(settings: Settings): string {
  const base = settings.text('state-dir') ?? settings.text('roots-filepath') ?? settings.home;
  return path.resolve(base, 'auditor');
}

export function monitoringAddress(settings: Settings): {
  readonly host: string;
  readonly port: number;
} {
  const fallback = settings.has('gateway-names') ? GATEWAY_PORT : DEFAULT_PORT;
  const port =
    settings.number('audit-monitoring-port') ?? settings.number('prometheus-port') ?? fallback;
  if (port > 65_535)
    throw new UsageError(`--audit-monitoring-port: expected 0 to 65535, got ${port}`);
  const host = settings.text('prometheus-host') ?? settings.raw('audit-monitoring-host');
  return { host, port };
}

/** @throws UsageError */
export function auditedServers(settings: Settings): readonly AuditedServer[] {
  const listed = listOf(settings.text('audit-servers'));
  if (listed.length === 0) {
    const port = settings.number('immudb-port') as number;
    return [{ host: settings.raw('immudb-address'), port }];
  }
  if (new Set(listed).size < listed.length) {
    throw new UsageError('--audit-servers: a server is named twice');
  }
  return listed.map(serverFrom);
}

function serverFrom(text: string): AuditedServer {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? SERVER_PORT);
  if (host !== undefined && port > 0 && port < 65_536) return { host, port };
  throw new UsageError(`--audit-servers: expected HOST:PORT with commas, got "${text}"`);
}

function listOf(text = ''): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** @throws UsageError, SigningKeyError */
export async function auditorOptions(
  settings: Settings,
  world: World,
  log: AuditLog,
): Promise<AuditorOptions> {
  const once = settings.has('once');
  const serverKey = await fileOf(settings, 'server-signing-pub-key');
  if (serverKey !== undefined) checkServerKey(serverKey);
  const passwords = new Passwords(settings, world);
  return {
    servers: auditedServers(settings),
    username: settings.raw('audit-username'),
    password: (await passwords.given('audit-password')) ?? '',
    databases: listOf(settings.text('audit-databases')),
    tls: await tlsOptions(settings),
    serverKey,
    deadlineMs: (settings.number('timeout') as number) * 1000,
    folder: auditFolder(settings),
    intervalMs: auditInterval(settings),
    sampleSize: settings.has('audit-verify-values') ? (settings.number('audit-sample') ?? 0) : 0,
    // Nobody comes back to see whether an outage goes on.
    outageCycles: once ? 1 : Math.max(1, settings.number('audit-outage-cycles') ?? 1),
    seriesPrefix: settings.has('gateway-names') ? 'immugw' : 'immuclient',
    notification: await notificationOptions(settings, passwords),
    clock: systemClock,
    log,
  };
}

async function notificationOptions(
  settings: Settings,
  passwords: Passwords,
): Promise<NotificationOptions | undefined> {
  const url = settings.text('audit-notification-url');
  if (url === undefined) return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError('--audit-notification-url: expected an address with http:// or https://');
  }
  return {
    url,
    username: settings.raw('audit-notification-username'),
    password: (await passwords.given('audit-notification-password')) ?? '',
    secret: await passwords.given('audit-notification-secret'),
    about: settings.raw('audit-notification-about') === 'changes' ? 'changes' : 'every',
    hashes: settings.raw('format') === '0.9' ? 'hex' : 'base64',
  };
}
