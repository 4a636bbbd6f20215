import type { ServiceHost } from './host.js';
import { checkProgram, disableService, enableService } from './manage.js';
import { credentialFile, renderServiceUnit, type ServiceProgram } from './unit.js';

/** Where the installed auditor keeps what. Fixed, as those of the server are. */
export const AUDITOR_PATHS = {
  unit: '/etc/systemd/system/stele-auditor.service',
  configDirectory: '/etc/stele',
  config: '/etc/stele/auditor.toml',
  data: '/var/lib/stele-auditor',
} as const;

export const AUDITOR_NAME = 'stele-auditor';

/** Secrets of the auditor: the option that reads each from a file, without `-file`. */
export const AUDITOR_SECRETS = [
  'audit-password',
  'audit-notification-password',
  'audit-notification-secret',
] as const;

export type AuditorSecret = (typeof AUDITOR_SECRETS)[number];

export type AuditorSecrets = Readonly<Partial<Record<AuditorSecret, string>>>;

function secretFile(name: AuditorSecret): string {
  return `${AUDITOR_PATHS.configDirectory}/auditor-${name.replace(/^audit-/, '')}`;
}

/** The unit of the auditor, with the secrets that it has. */
export function renderAuditorUnit(
  program: ServiceProgram,
  secrets: readonly AuditorSecret[],
): string {
  const { config, data } = AUDITOR_PATHS;
  return renderServiceUnit(
    {
      name: AUDITOR_NAME,
      description: 'Auditor of Stele and immudb servers',
      comment: `# Written by steleclient audit-mode install. Settings belong into ${config}, changes of
# this unit into a drop-in (systemctl edit ${AUDITOR_NAME}).`,
      start: [
        'audit-mode',
        ...['--config', config],
        ...['--state-dir', data],
        ...secrets.flatMap((name) => [`--${name}-file`, credentialFile(name)]),
      ],
      credentials: Object.fromEntries(secrets.map((name) => [name, secretFile(name)])),
      data,
      more: ['LimitNOFILE=8192'],
    },
    program,
  );
}

/**
 * Installs, enables and starts the auditor with the configuration of now.
 * @param config TOML, without secrets
 * @throws AppError serviceFailed
 */
export async function installAuditor(
  host: ServiceHost,
  program: ServiceProgram,
  config: string,
  secrets: AuditorSecrets,
): Promise<void> {
  checkProgram(host, program);
  await host.makeDirectory(AUDITOR_PATHS.configDirectory, 0o755);
  await host.writeFile(AUDITOR_PATHS.config, config, 0o644);
  const given = AUDITOR_SECRETS.filter((name) => secrets[name] !== undefined);
  for (const name of given) {
    await host.writeFile(secretFile(name), `${secrets[name]}\n`, 0o600);
  }
  const unit = renderAuditorUnit(program, given);
  await enableService(host, AUDITOR_PATHS.unit, unit, AUDITOR_NAME);
}

/** Stops and removes the auditor with its configuration. What it vouched for stays. */
export async function uninstallAuditor(host: ServiceHost): Promise<void> {
  await disableService(host, AUDITOR_PATHS.unit, AUDITOR_NAME);
  await host.remove(AUDITOR_PATHS.config);
  for (const name of AUDITOR_SECRETS) await host.remove(secretFile(name));
}
