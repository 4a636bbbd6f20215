import { realpathSync } from 'node:fs';
import { AppError } from '../../app/errors.js';
import { EXIT_FAILURE, EXIT_SUCCESS, type ExitCode } from '../../app/exit-codes.js';
import { dryRun, type ServiceHost } from '../../app/service/host.js';
import {
  controlService,
  type FirstFiles,
  installService,
  serviceStatus,
  uninstallService,
} from '../../app/service/manage.js';
import { renderUnit, type Service, type ServiceProgram } from '../../app/service/unit.js';
import { UsageError } from './errors.js';

export interface ServiceRequest {
  /** One of `SERVICE_ACTIONS`. */
  readonly action: string;
  /** Its switches. */
  readonly given: ReadonlySet<string>;
  readonly service: Service;
  /** Asked for when it is installed. */
  readonly first: () => Promise<FirstFiles>;
  /** The file that Node runs. */
  readonly script: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** @throws AppError serviceFailed; UsageError */
export async function runService(
  request: ServiceRequest,
  host: ServiceHost,
  isRoot: boolean = process.getuid?.() === 0,
): Promise<ExitCode> {
  const { action, given, service, out, err } = request;
  const program = { node: realpathSync(process.execPath), script: realpathSync(request.script) };
  if (given.has('--print')) {
    out(renderUnit(program, service));
    return EXIT_SUCCESS;
  }
  const dry = given.has('--dry-run');
  if (!dry) checkMachine(action === 'status' || isRoot);
  const target = dry ? dryRun(out) : host;
  const report = dry ? () => {} : err;
  switch (action) {
    case 'install':
      return install(target, program, request, report);
    case 'uninstall':
      return uninstall(target, request, report);
    case 'start':
    case 'stop':
    case 'restart':
      await controlService(target, service, action);
      return EXIT_SUCCESS;
    default:
      return status(target, service, out);
  }
}

function checkMachine(mayControl: boolean): void {
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
  { service, first }: ServiceRequest,
  report: (text: string) => void,
): Promise<ExitCode> {
  const { madePassword } = await installService(host, program, service, await first());
  report(`Service installed and started. Settings: ${service.paths.config}\n`);
  if (madePassword) report(`First password of user immudb: in ${service.paths.password}\n`);
  return EXIT_SUCCESS;
}

async function uninstall(
  host: ServiceHost,
  { given, service }: ServiceRequest,
  report: (text: string) => void,
): Promise<ExitCode> {
  const isAnswered = given.has('--yes') || given.has('--dry-run');
  const sure =
    isAnswered || (await host.confirm(`Are you sure you want to uninstall ${service.name}?`));
  if (sure === undefined) throw new UsageError('without a terminal, uninstall needs --yes');
  if (!sure) {
    report('Canceled\n');
    return EXIT_FAILURE;
  }
  // Whoever answered the first question beforehand is not asked the second one.
  const erase = given.has('--erase-data') || (!isAnswered && (await host.confirm('Erase data?')));
  await uninstallService(host, service, erase === true);
  report(`${erase === true ? 'Data folder removed' : 'No data removed'}\nProgram files removed\n`);
  return EXIT_SUCCESS;
}

async function status(
  host: ServiceHost,
  service: Service,
  out: (text: string) => void,
): Promise<ExitCode> {
  const found = await serviceStatus(host, service);
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
