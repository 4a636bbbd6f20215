import type { ExitCode } from '../../app/exit-codes.js';
import { machine } from '../../app/service/host.js';
import { AUDITOR_SERVICE } from '../../app/service/unit.js';
import { UsageError } from '../kit/errors.js';
import { PROGRAM_OPTIONS, SERVER_OPTIONS, TLS_OPTIONS } from '../kit/options.js';
import { Passwords } from '../kit/password.js';
import { runService } from '../kit/service.js';
import { SERVICE_ACTIONS } from '../kit/service-actions.js';
import type { Settings } from '../kit/settings.js';
import type { Process } from '../kit/world.js';
import { AUDIT_OPTIONS } from './audit-options.js';

/** Installs or controls the auditor as a service. @throws UsageError, AppError */
export function runAuditorService(
  action: string,
  settings: Settings,
  world: Process,
): Promise<ExitCode> {
  const { out, err } = world;
  const switches = SERVICE_ACTIONS[action] ?? [];
  return runService(
    {
      action,
      given: new Set(switches.filter((flag) => settings.has(flag.slice(2)))),
      service: AUDITOR_SERVICE,
      first: () => firstFiles(settings, new Passwords(settings, world)),
      script: process.argv[1] as string,
      out: (text) => out.write(text),
      err,
    },
    machine,
  );
}

/** What was given on the command line becomes the configuration of the service. */
async function firstFiles(
  settings: Settings,
  secrets: Passwords,
): Promise<{ config: string; password: string }> {
  const password = await secrets.given('audit-password');
  if (password === undefined) {
    throw new UsageError('the service needs --audit-username and --audit-password-file');
  }
  const { data, logFile } = AUDITOR_SERVICE.paths;
  const rows = [...SERVER_OPTIONS, ...TLS_OPTIONS, ...PROGRAM_OPTIONS, ...AUDIT_OPTIONS];
  const given = rows.filter(
    ({ name, flagOnly, secret }) =>
      flagOnly !== true &&
      secret !== true &&
      settings.isFlag(name) &&
      !/^(config|.*-file)$/.test(name),
  );
  const lines = given.map(({ name }) => `${name} = ${JSON.stringify(settings.raw(name))}`);
  const own = [`audit-dir = "${data}"`, `logfile = "${logFile}"`];
  return { config: `${[...lines, ...own].join('\n')}\n`, password };
}
