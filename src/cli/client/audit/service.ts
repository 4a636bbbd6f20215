import { realpathSync } from 'node:fs';
import path from 'node:path';
import { EXIT_SUCCESS, type ExitCode } from '../../../app/exit-codes.js';
import {
  AUDITOR_NAME,
  AUDITOR_PATHS,
  AUDITOR_SECRETS,
  type AuditorSecret,
  installAuditor,
  renderAuditorUnit,
  uninstallAuditor,
} from '../../../app/service/auditor.js';
import { dryRun, machine, type ServiceHost } from '../../../app/service/host.js';
import { controlService } from '../../../app/service/manage.js';
import { SteleClient } from '../../../client/index.js';
import { UsageError } from '../../kit/errors.js';
import { type OptionRow, SERVER_OPTIONS, TLS_OPTIONS } from '../../kit/options.js';
import { Passwords } from '../../kit/password.js';
import type { Settings } from '../../kit/settings.js';
import type { Process } from '../../kit/world.js';
import { checkMachine, printServiceStatus } from '../../service.js';
import { AUDIT_OPTIONS } from './options.js';
import { auditorOptions } from './settings.js';

export type ServiceAction = 'install' | 'uninstall' | 'start' | 'stop' | 'restart' | 'status';

/** Options whose values are paths that the service must find too. */
const FILES = new Set([
  'server-signing-pub-key',
  'certificate',
  'pkey',
  'clientcas',
  'logfile',
  'pidfile',
]);
/** Those that the unit sets, or that are about one run. */
const NOT_KEPT = new Set(['state-dir', 'username', 'password-file', 'tokenfile', 'database']);

/** `audit-mode install` and the others, on this machine or one of a test. */
export async function runServiceAction(
  action: ServiceAction,
  settings: Settings,
  world: Process,
  host: ServiceHost = machine,
  isRoot: boolean = process.getuid?.() === 0,
): Promise<ExitCode> {
  const out = (text: string) => world.out.write(text);
  if (action === 'install' && settings.has('print')) {
    out(renderAuditorUnit(thisProgram(), await givenSecrets(settings, world)));
    return EXIT_SUCCESS;
  }
  const dry = settings.has('dry-run');
  if (!dry) checkMachine(action === 'status' || isRoot);
  const target = dry ? dryRun(out) : host;
  switch (action) {
    case 'install':
      await install(target, settings, world);
      break;
    case 'uninstall':
      await uninstallAuditor(target);
      if (!dry)
        world.err(`Service removed. What it vouched for is still in ${AUDITOR_PATHS.data}\n`);
      break;
    case 'status':
      return printServiceStatus(target, out, AUDITOR_NAME);
    default:
      await controlService(target, action, AUDITOR_NAME);
  }
  return EXIT_SUCCESS;
}

async function install(host: ServiceHost, settings: Settings, world: Process): Promise<void> {
  if (host.isDryRun !== true) await checkLogin(settings, world);
  const passwords = new Passwords(settings, world);
  const secrets: Partial<Record<AuditorSecret, string>> = {};
  for (const name of AUDITOR_SECRETS) {
    const given = await passwords.given(name);
    if (given !== undefined) secrets[name] = given;
  }
  await installAuditor(host, thisProgram(), renderConfig(settings), secrets);
  if (host.isDryRun === true) return;
  world.err(`Service installed and started. Settings: ${AUDITOR_PATHS.config}\n`);
}

/** A service that cannot do its work is not installed. */
async function checkLogin(settings: Settings, world: Process): Promise<void> {
  const { servers, username, password, tls, deadlineMs } = await auditorOptions(
    settings,
    world,
    () => {},
  );
  for (const server of servers) {
    await using client = await SteleClient.connect({ ...server, tls, deadlineMs, retries: 1 });
    if (username !== '') {
      await client.login(username, password);
      await client.logout();
    }
  }
}

async function givenSecrets(settings: Settings, world: Process): Promise<readonly AuditorSecret[]> {
  const passwords = new Passwords(settings, world);
  const given: AuditorSecret[] = [];
  for (const name of AUDITOR_SECRETS) {
    if ((await passwords.given(name)) !== undefined) given.push(name);
  }
  return given;
}

function thisProgram(): { readonly node: string; readonly script: string } {
  return { node: realpathSync(process.execPath), script: realpathSync(process.argv[1] as string) };
}

/** The options that differ from their defaults, as the configuration file of the service. */
function renderConfig(settings: Settings): string {
  const rows = [...SERVER_OPTIONS, ...TLS_OPTIONS, ...AUDIT_OPTIONS].filter(isKept);
  const lines = [...rows.map((row) => [row.name, row.fallback, row.kind] as const), KEY_ROW]
    .filter(([name, fallback]) => ![undefined, fallback].includes(settings.text(name)))
    .map(([name, , kind]) => `${name} = ${tomlValue(name, kind, settings.text(name) as string)}\n`);
  return `# Written by steleclient audit-mode install.\n${lines.join('')}`;
}

const KEY_ROW = ['server-signing-pub-key', undefined, 'text'] as const;

function isKept({ name, secret, flagOnly }: OptionRow): boolean {
  if (secret === true || flagOnly === true || NOT_KEPT.has(name)) return false;
  return !AUDITOR_SECRETS.some((kept) => name === `${kept}-file`);
}

function tomlValue(name: string, kind: OptionRow['kind'], value: string): string {
  if (kind === 'number') return value;
  if (kind === 'switch') return String(/^(true|1|yes)$/i.test(value));
  if (!FILES.has(name)) return JSON.stringify(value);
  const file = path.resolve(value);
  if (/^\/(home|root)\//.test(file)) {
    throw new UsageError(`--${name}: ${file} is in a home directory, which the service cannot see`);
  }
  return JSON.stringify(file);
}
