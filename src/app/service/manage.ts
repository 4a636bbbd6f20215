import { randomInt } from 'node:crypto';
import { AppError } from '../errors.js';
import type { ServiceHost } from './host.js';
import { livesInHome, renderUnit, type Service, type ServiceProgram } from './unit.js';

/** What the files of a service hold at first. */
export interface FirstFiles {
  readonly config: string;
  /** Absent: one is made. */
  readonly password?: string | undefined;
}

/**
 * Installs, enables and starts the service. Configuration and password that are there already stay.
 *
 * @throws AppError serviceFailed
 */
export async function installService(
  host: ServiceHost,
  program: ServiceProgram,
  service: Service,
  first: FirstFiles,
): Promise<{ readonly madePassword: boolean }> {
  const { paths } = service;
  if (host.isDryRun !== true && livesInHome(program)) {
    throw new AppError(
      'serviceFailed',
      `${program.script} with ${program.node} lives in a home directory, which the service cannot ` +
        'see; install Node and stele for the whole machine (npm install --global stele)',
    );
  }
  await host.makeDirectory(paths.configDirectory, 0o755);
  if (!host.exists(paths.config)) await host.writeFile(paths.config, first.config, 0o644);
  const isNew = !host.exists(paths.password);
  if (isNew) {
    await host.writeFile(paths.password, `${first.password ?? makePassword()}\n`, 0o600);
  }
  await host.writeFile(paths.unit, renderUnit(program, service), 0o644);
  await systemctl(host, 'daemon-reload');
  await systemctl(host, 'enable', '--now', service.name);
  return { madePassword: isNew && first.password === undefined };
}

/** Stops and removes the service; data, logs and configuration only when they shall be erased too. */
export async function uninstallService(
  host: ServiceHost,
  { name, paths, erased }: Service,
  eraseData: boolean,
): Promise<void> {
  if (host.exists(paths.unit)) {
    await systemctl(host, 'disable', '--now', name);
  }
  await host.remove(paths.unit);
  await systemctl(host, 'daemon-reload');
  if (!eraseData) return;
  // A dynamic user's directories are links to private ones.
  for (const directory of [`/var/lib/private/${name}`, `/var/log/private/${name}`]) {
    await host.remove(directory);
  }
  for (const file of [paths.data, paths.log, ...erased]) await host.remove(file);
}

export async function controlService(
  host: ServiceHost,
  { name }: Service,
  action: 'start' | 'stop' | 'restart',
): Promise<void> {
  await systemctl(host, action, name);
}

export type ServiceStatus =
  | { readonly kind: 'notInstalled' | 'stopped' }
  | { readonly kind: 'running'; readonly pid: number };

export async function serviceStatus(host: ServiceHost, { name }: Service): Promise<ServiceStatus> {
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
