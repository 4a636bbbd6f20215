import { randomInt } from 'node:crypto';
import { renderSampleFile } from '../config/index.js';
import { AppError } from '../errors.js';
import type { ServiceHost } from './host.js';
import {
  livesInHome,
  renderUnit,
  SERVICE_NAME,
  SERVICE_PATHS,
  type ServiceProgram,
} from './unit.js';

/**
 * Installs, enables and starts the service. Configuration and password that are there already stay.
 *
 * @throws AppError serviceFailed
 */
export async function installService(
  host: ServiceHost,
  program: ServiceProgram,
): Promise<{ readonly madePassword: boolean }> {
  checkProgram(host, program);
  await host.makeDirectory(SERVICE_PATHS.configDirectory, 0o755);
  if (!host.exists(SERVICE_PATHS.config)) {
    const settings = { dir: SERVICE_PATHS.data, logfile: SERVICE_PATHS.logFile };
    await host.writeFile(SERVICE_PATHS.config, renderSampleFile(settings), 0o644);
  }
  const madePassword = !host.exists(SERVICE_PATHS.adminPassword);
  if (madePassword) {
    await host.writeFile(SERVICE_PATHS.adminPassword, `${makePassword()}\n`, 0o600);
  }
  await enableService(host, SERVICE_PATHS.unit, renderUnit(program), SERVICE_NAME);
  return { madePassword };
}

/** @throws AppError serviceFailed for a program that the service could not see */
export function checkProgram(host: ServiceHost, program: ServiceProgram): void {
  if (host.isDryRun === true || !livesInHome(program)) return;
  throw new AppError(
    'serviceFailed',
    `${program.script} with ${program.node} lives in a home directory, which the service cannot ` +
      'see; install Node and stele for the whole machine (npm install --global stele)',
  );
}

/** Writes the unit, and starts the service now and with the machine. @throws AppError serviceFailed */
export async function enableService(
  host: ServiceHost,
  file: string,
  unit: string,
  name: string,
): Promise<void> {
  await host.writeFile(file, unit, 0o644);
  await systemctl(host, 'daemon-reload');
  await systemctl(host, 'enable', '--now', name);
}

/** Stops the service and removes its unit. @throws AppError serviceFailed */
export async function disableService(host: ServiceHost, file: string, name: string): Promise<void> {
  if (host.exists(file)) await systemctl(host, 'disable', '--now', name);
  await host.remove(file);
  await systemctl(host, 'daemon-reload');
}

/** Stops and removes the service; data, logs and configuration only when they shall be erased too. */
export async function uninstallService(host: ServiceHost, eraseData: boolean): Promise<void> {
  await disableService(host, SERVICE_PATHS.unit, SERVICE_NAME);
  if (!eraseData) return;
  // A dynamic user's directories are links to private ones.
  for (const directory of ['/var/lib/private/stele', '/var/log/private/stele']) {
    await host.remove(directory);
  }
  await host.remove(SERVICE_PATHS.data);
  await host.remove(SERVICE_PATHS.log);
  await host.remove(SERVICE_PATHS.configDirectory);
}

export async function controlService(
  host: ServiceHost,
  action: 'start' | 'stop' | 'restart',
  name: string = SERVICE_NAME,
): Promise<void> {
  await systemctl(host, action, name);
}

export type ServiceStatus =
  | { readonly kind: 'notInstalled' | 'stopped' }
  | { readonly kind: 'running'; readonly pid: number };

export async function serviceStatus(
  host: ServiceHost,
  name: string = SERVICE_NAME,
): Promise<ServiceStatus> {
  const properties = await systemctl(
    host,
    'show',
    name,
    '--property=LoadState,ActiveState,MainPID',
  );
  const property = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(properties)?.[1];
  if (property('LoadState') === 'not-found') return { kind: 'notInstalled' };
  const isRunning = property('ActiveState') === 'active';
  return isRunning ? { kind: 'running', pid: Number(property('MainPID')) } : { kind: 'stopped' };
}

async function systemctl(host: ServiceHost, ...args: readonly string[]): Promise<string> {
  const { code, output } = await host.run('systemctl', args);
  if (code === 0) return output;
  throw new AppError('serviceFailed', `systemctl ${args.join(' ')} failed with exit code ${code}`);
}

const LETTERS = 'abcdefghijkmnpqrstuvwxyz';
const ALPHABETS = [LETTERS, LETTERS.toUpperCase(), '23456789', '-_.+='];

/** 24 characters with every class that the server demands, about 140 bits. */
function makePassword(): string {
  const all = ALPHABETS.join('');
  const pick = (alphabet: string) => alphabet.charAt(randomInt(alphabet.length));
  for (;;) {
    const password = Array.from({ length: 24 }, () => pick(all)).join('');
    const hasAll = ALPHABETS.every((alphabet) => [...alphabet].some((c) => password.includes(c)));
    if (hasAll) return password;
  }
}
