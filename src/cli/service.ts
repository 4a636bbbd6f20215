import { realpathSync } from 'node:fs';
import { didYouMean } from '../app/config/index.js';
import { AppError } from '../app/errors.js';
import { EXIT_FAILURE, EXIT_SUCCESS, type ExitCode } from '../app/exit-codes.js';
import { dryRun, machine, type ServiceHost } from '../app/service/host.js';
import {
  controlService,
  installService,
  serviceStatus,
  uninstallService,
} from '../app/service/manage.js';
import { renderUnit, SERVICE_PATHS, type ServiceProgram } from '../app/service/unit.js';
import { type Command, type CommandContext, UsageError } from './command.js';

/** Options of each action. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  install: ['--print', '--dry-run'],
  uninstall: ['--yes', '--erase-data', '--dry-run'],
  start: [],
  stop: [],
  restart: [],
  status: [],
};

export const serviceCommand: Command = {
  name: 'service',
  actions: Object.keys(ACTIONS),
  usage: 'install|uninstall|start|stop|restart|status [options]',
  summary: 'Install and control the server as a systemd service',
  details: () =>
    [
      'install    writes the unit, and configuration and password unless they are there; starts it',
      '  --print    print the unit and do nothing',
      '  --dry-run  print every step and take none',
      'uninstall  stops and removes it, after asking; data stays unless it is to be erased',
      '  --yes, --erase-data  answer the questions',
      '  --dry-run  print every step and take none',
      'status     exits with 0 when it runs, else with 1',
      '',
      'Files:',
      ...Object.values(SERVICE_PATHS).map((file) => `  ${file}`),
    ].join('\n'),
  run: (args, context) => runServiceAction(args, context, machine),
};

export async function runServiceAction(
  [action, ...flags]: readonly string[],
  context: CommandContext,
  host: ServiceHost,
  isRoot: boolean = process.getuid?.() === 0,
): Promise<ExitCode> {
  const given = readFlags(action, flags);
  const program = { node: realpathSync(process.execPath), script: realpathSync(context.script) };
  if (given.has('--print')) {
    context.out(renderUnit(program));
    return EXIT_SUCCESS;
  }
  const dry = given.has('--dry-run');
  if (!dry) checkMachine(action === 'status' || isRoot);
  const target = dry ? dryRun(context.out) : host;
  const report = dry ? () => {} : context.err;
  switch (action) {
    case 'install':
      return install(target, program, report);
    case 'uninstall':
      return uninstall(target, given, report);
    case 'start':
    case 'stop':
    case 'restart':
      await controlService(target, action);
      return EXIT_SUCCESS;
    default:
      return printServiceStatus(target, context.out);
  }
}

function readFlags(action: string | undefined, flags: readonly string[]): ReadonlySet<string> {
  const names = Object.keys(ACTIONS);
  const allowed = Object.entries(ACTIONS).find(([name]) => name === action)?.[1];
  if (action === undefined || allowed === undefined) {
    const hint = action === undefined ? '' : didYouMean(action, names);
    throw new UsageError(`expected one of ${names.join(', ')}${hint}`);
  }
  for (const flag of flags) {
    if (!allowed.includes(flag)) {
      throw new UsageError(`unknown option ${flag}${didYouMean(flag, allowed)}`);
    }
  }
  return new Set(flags);
}

/** @throws AppError serviceFailed */
export function checkMachine(mayControl: boolean): void {
  if (process.platform !== 'linux') {
    throw new AppError('serviceFailed', 'services are managed on Linux with systemd only');
  }
  if (!mayControl) {
    throw new AppError(
      'serviceFailed',
      "you must have root user privileges. Possibly using 'sudo' command should help",
    );
  }
}

async function install(
  host: ServiceHost,
  program: ServiceProgram,
  report: (text: string) => void,
): Promise<ExitCode> {
  const { madePassword } = await installService(host, program);
  report(`Service installed and started. Settings: ${SERVICE_PATHS.config}\n`);
  if (madePassword) report(`First password of user immudb: in ${SERVICE_PATHS.adminPassword}\n`);
  return EXIT_SUCCESS;
}

async function uninstall(
  host: ServiceHost,
  given: ReadonlySet<string>,
  report: (text: string) => void,
): Promise<ExitCode> {
  const isAnswered = given.has('--yes') || given.has('--dry-run');
  const sure = isAnswered || (await host.confirm('Are you sure you want to uninstall stele?'));
  if (sure === undefined) throw new UsageError('without a terminal, uninstall needs --yes');
  if (!sure) {
    report('Canceled\n');
    return EXIT_FAILURE;
  }
  // Whoever answered the first question beforehand is not asked the second one.
  const erase = given.has('--erase-data') || (!isAnswered && (await host.confirm('Erase data?')));
  await uninstallService(host, erase === true);
  report(`${erase === true ? 'Data folder removed' : 'No data removed'}\nProgram files removed\n`);
  return EXIT_SUCCESS;
}

/** Says whether the service runs. */
export async function printServiceStatus(
  host: ServiceHost,
  out: (text: string) => void,
  name?: string,
): Promise<ExitCode> {
  const found = await serviceStatus(host, name);
  switch (found.kind) {
    case 'running':
      out(`Service (pid  ${found.pid}) is running...\n`);
      return EXIT_SUCCESS;
    case 'stopped':
      out('Service is stopped\n');
      return EXIT_FAILURE;
    case 'notInstalled':
      out('Service is not installed\n');
      return EXIT_FAILURE;
  }
}
