import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  EXIT_FAILURE,
  EXIT_NOT_VERIFIED,
  EXIT_SUCCESS,
  type ExitCode,
} from '../../app/exit-codes.js';
import { steleVersion } from '../../app/version.js';
import type { Alarm, AuditorOptions, NotificationOptions } from '../../auditor/index.js';
import { systemClock } from '../../base/clock.js';
import { fileOf, tlsOptions } from '../kit/connected.js';
import { UsageError } from '../kit/errors.js';
import { Passwords } from '../kit/password.js';
import type { Settings } from '../kit/settings.js';
import type { Process } from '../kit/world.js';

const MONITOR_PORT = 9477;
const GATEWAY_MONITOR_PORT = 9476;
/** The original reads it in this spelling, which most shells cannot set. */
const OLD_INTERVAL_VARIABLE = 'audit-agent-interval';

/** Runs the auditor in the foreground: until it is told to stop, or once. */
export async function runAuditor(settings: Settings, world: Process): Promise<ExitCode> {
  const { Auditor, AuditorMonitor, durationText } = await import('../../auditor/index.js');
  const options = await auditorOptions(settings, world);
  const asGateway = settings.has('gateway-names');
  const abort = new AbortController();
  world.onInterrupt(() => abort.abort());
  await using auditor = await Auditor.open(options);
  using _pid = pidFile(settings.text('pidfile'));
  if (settings.has('once')) return exitCodeOf(await auditor.cycle(abort.signal));
  await auditor.checkServers(abort.signal);
  world.out.write(`${durationText(options.intervalMs)}\n`);
  const host = settings.raw('audit-monitoring-host');
  const monitor = new AuditorMonitor({
    figures: auditor.figures,
    version: steleVersion(),
    component: asGateway ? 'immugw-auditor' : 'immuclient-auditor',
    health: () => auditor.health(),
  });
  const fallback = asGateway ? GATEWAY_MONITOR_PORT : MONITOR_PORT;
  const port = await monitor.listen(host, settings.number('audit-monitoring-port') ?? fallback);
  options.log('INFO', `auditor monitoring HTTP server starting on ${host}:${port} ...`);
  try {
    await auditor.run(abort.signal);
  } finally {
    await monitor.close();
  }
  return EXIT_SUCCESS;
}

function exitCodeOf({
  alarms,
  failures,
}: {
  readonly alarms: readonly Alarm[];
  readonly failures: number;
}): ExitCode {
  if (alarms.length > 0) return EXIT_NOT_VERIFIED;
  return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/** @throws UsageError */
async function auditorOptions(settings: Settings, world: Process): Promise<AuditorOptions> {
  const { logLine } = await import('../../auditor/index.js');
  const secrets = new Passwords(settings, world);
  const logfile = settings.text('logfile');
  const write = (line: string) =>
    logfile === undefined ? world.out.write(line) : appendFileSync(logfile, line, { mode: 0o640 });
  return {
    servers: serversOf(settings),
    username: settings.raw('audit-username'),
    password: (await secrets.given('audit-password')) ?? '',
    databases: listOf(settings.raw('audit-databases')),
    tls: await tlsOptions(settings),
    serverKey: await fileOf(settings, 'server-signing-pub-key'),
    folder: settings.text('audit-dir') ?? path.join(settings.home, 'auditor'),
    intervalMs: await intervalOf(settings, world),
    sampleSize: settings.has('audit-verify-values')
      ? (settings.number('audit-sample') as number)
      : 0,
    outageCycles: Math.max(1, settings.number('audit-outage-cycles') as number),
    seriesPrefix: settings.has('gateway-names') ? 'immugw' : 'immuclient',
    deadlineMs: (settings.number('timeout') as number) * 1000,
    notification: await notificationOf(settings, secrets),
    clock: systemClock,
    log: (level, text) => write(logLine(level, text, new Date())),
  };
}

function listOf(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function serversOf(settings: Settings) {
  const named = listOf(settings.raw('audit-servers'));
  if (named.length === 0) {
    const host = settings.raw('immudb-address');
    return [{ host, port: settings.number('immudb-port') as number }];
  }
  return named.map((name) => {
    const [, host, port] = /^(.+):(\d+)$/.exec(name) ?? [];
    if (host === undefined) {
      throw new UsageError(`--audit-servers: expected host:port, got "${name}"`);
    }
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
  });
}

async function intervalOf(settings: Settings, { env }: Process): Promise<number> {
  const { parseDuration } = await import('../../auditor/index.js');
  const old = env[OLD_INTERVAL_VARIABLE];
  const isOld = old !== undefined && old !== '' && !settings.isFlag('audit-interval');
  const text = isOld ? old : settings.raw('audit-interval');
  const interval = parseDuration(text);
  if (interval === undefined || interval <= 0) {
    const name = isOld ? OLD_INTERVAL_VARIABLE : '--audit-interval';
    throw new UsageError(`${name}: expected a time such as 30s, 1m0s or 1h, got "${text}"`);
  }
  return interval;
}

async function notificationOf(
  settings: Settings,
  secrets: Passwords,
): Promise<NotificationOptions | undefined> {
  const url = settings.text('audit-notification-url');
  if (url === undefined) return undefined;
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError('--audit-notification-url: expected a URL of http or https');
  }
  return {
    url,
    username: settings.raw('audit-notification-username'),
    password: (await secrets.given('audit-notification-password')) ?? '',
    secret: await secrets.given('audit-notification-secret'),
    about: settings.raw('audit-notification-about') as NotificationOptions['about'],
    hashes: settings.raw('audit-notification-hashes') as NotificationOptions['hashes'],
  };
}

function pidFile(file: string | undefined): Disposable {
  if (file !== undefined) writeFileSync(file, `${process.pid}\n`);
  return { [Symbol.dispose]: () => file !== undefined && rmSync(file, { force: true }) };
}
