import { didYouMean, renderSampleFile } from '../app/config/index.js';
import type { ExitCode } from '../app/exit-codes.js';
import { machine, type ServiceHost } from '../app/service/host.js';
import { SERVER_SERVICE } from '../app/service/unit.js';
import { type Command, type CommandContext, UsageError } from './command.js';
import { runService } from './kit/service.js';
import { SERVICE_ACTIONS } from './kit/service-actions.js';

export const serviceCommand: Command = {
  name: 'service',
  actions: Object.keys(SERVICE_ACTIONS),
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
      ...Object.values(SERVER_SERVICE.paths).map((file) => `  ${file}`),
    ].join('\n'),
  run: (args, context) => runServiceAction(args, context, machine),
};

export async function runServiceAction(
  [action = '', ...flags]: readonly string[],
  { out, err, script }: CommandContext,
  host: ServiceHost,
  isRoot?: boolean,
): Promise<ExitCode> {
  const given = readFlags(action, flags);
  const { data: dir, logFile: logfile } = SERVER_SERVICE.paths;
  const first = async () => ({ config: renderSampleFile({ dir, logfile }) });
  const request = { action, given, service: SERVER_SERVICE, first, script, out, err };
  return runService(request, host, isRoot);
}

function readFlags(action: string, flags: readonly string[]): ReadonlySet<string> {
  const names = Object.keys(SERVICE_ACTIONS);
  const allowed = Object.entries(SERVICE_ACTIONS).find(([name]) => name === action)?.[1];
  if (allowed === undefined) {
    const hint = action === '' ? '' : didYouMean(action, names);
    throw new UsageError(`expected one of ${names.join(', ')}${hint}`);
  }
  for (const flag of flags) {
    if (!allowed.includes(flag)) {
      throw new UsageError(`unknown option ${flag}${didYouMean(flag, allowed)}`);
    }
  }
  return new Set(flags);
}
