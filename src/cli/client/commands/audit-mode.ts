import { EXIT_FAILURE, EXIT_SUCCESS, type ExitCode } from '../../../app/exit-codes.js';
import type { OwnCommand } from '../../kit/command.js';
import { UsageError } from '../../kit/errors.js';
import { nearest } from '../../kit/nearest.js';
import type { Settings } from '../../kit/settings.js';
import type { Process } from '../../kit/world.js';
import { AUDIT_OPTIONS } from '../audit/options.js';

const SERVICE_ACTIONS = ['install', 'uninstall', 'start', 'stop', 'restart', 'status'] as const;
const ACTIONS = [...SERVICE_ACTIONS, 'forget'];

export const auditMode: OwnCommand = {
  name: 'audit-mode',
  actions: ACTIONS,
  usage: '[install|uninstall|start|stop|restart|status|forget [database]]',
  summary: 'Audit servers: on and on, once, or as a service',
  details:
    'Holds the state of each database against those that were verified before, and raises the alarm when\n' +
    'history was changed. --once makes one cycle and exits with 3 for an alarm. install makes it a systemd\n' +
    'service with the options that are given. forget, while it is stopped, makes it trust a server anew that\n' +
    'was replaced on purpose, or one of its databases.',
  options: AUDIT_OPTIONS,
  run,
};

async function run(
  words: readonly string[],
  settings: Settings,
  world: Process,
): Promise<ExitCode> {
  const [action, ...rest] = words;
  if (rest.length > (action === 'forget' ? 1 : 0)) {
    throw new UsageError(`audit-mode ${action}: "${rest.at(-1)}" is too much`);
  }
  if (action === undefined) {
    const { runAuditor } = await import('../audit/run.js');
    return runAuditor(settings, world);
  }
  if (action === 'forget') return forgetServers(settings, rest[0], world);
  const serviceAction = SERVICE_ACTIONS.find((name) => name === action);
  if (serviceAction !== undefined) {
    const { runServiceAction } = await import('../audit/service.js');
    return runServiceAction(serviceAction, settings, world);
  }
  const hint = nearest(action, ACTIONS);
  throw new UsageError(
    `audit-mode: unknown action ${action}; expected one of ${ACTIONS.join(', ')}` +
      (hint === undefined ? '' : `; did you mean ${hint}?`),
  );
}

async function forgetServers(
  settings: Settings,
  database: string | undefined,
  { out }: Process,
): Promise<ExitCode> {
  const { forget } = await import('../../../auditor/index.js');
  const { auditedServers, auditFolder } = await import('../audit/settings.js');
  let known = false;
  for (const { host, port } of auditedServers(settings)) {
    const address = `${host}:${port}`;
    const forgotten = await forget(auditFolder(settings), address, database);
    const what = database === undefined ? address : `database ${database} of ${address}`;
    out.write(forgotten ? `${what} is forgotten\n` : `nothing is known of ${what}\n`);
    known ||= forgotten;
  }
  return known ? EXIT_SUCCESS : EXIT_FAILURE;
}
