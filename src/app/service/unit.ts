/** Where an installed service keeps what. Fixed: what `uninstall` removes is never taken from a setting. */
export const SERVICE_PATHS = {
  unit: '/etc/systemd/system/stele.service',
  configDirectory: '/etc/stele',
  config: '/etc/stele/stele.toml',
  adminPassword: '/etc/stele/admin-password',
  data: '/var/lib/stele',
  log: '/var/log/stele',
  logFile: '/var/log/stele/stele.log',
} as const;

export const SERVICE_NAME = 'stele';

/** The program as the service starts it. */
export interface ServiceProgram {
  /** Absolute path of Node. */
  readonly node: string;
  /** Absolute path of what Node runs. */
  readonly script: string;
}

/**
 * The systemd unit. The user exists only while the service runs, sees nothing of the machine but its own
 * directories, and gets the password as a credential that no other user can read. Not hardened against
 * writable code pages: the compiler of Node needs them.
 */
export function renderUnit({ node, script }: ServiceProgram): string {
  const start = [node, script, '--config', SERVICE_PATHS.config].map(quoteArgument).join(' ');
  return `# Written by stele service install. Settings belong into ${SERVICE_PATHS.config}, changes of this
# unit into a drop-in (systemctl edit ${SERVICE_NAME}). A private key that the service shall read is best
# passed as the password is: LoadCredential=pkey:/etc/stele/pkey.pem and, as a flag in ExecStart,
# --pkey \${CREDENTIALS_DIRECTORY}/pkey.
[Unit]
Description=Stele, immutable key-value database
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${start} --admin-password-file \${CREDENTIALS_DIRECTORY}/admin-password
ExecReload=/bin/kill -HUP $MAINPID
LoadCredential=admin-password:${SERVICE_PATHS.adminPassword}
Environment=NODE_ENV=production
Restart=on-failure
RestartSec=2
# Wrong configuration does not get better by trying again.
RestartPreventExitStatus=2
TimeoutStopSec=30
KillMode=mixed
LimitNOFILE=65536
OOMScoreAdjust=-500

User=stele
DynamicUser=yes
StateDirectory=stele
StateDirectoryMode=0700
LogsDirectory=stele
LogsDirectoryMode=0750
WorkingDirectory=${SERVICE_PATHS.data}
UMask=0077

CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`;
}

/** One argument of a command line in a unit: quoted, with nothing in it that systemd would expand. */
function quoteArgument(argument: string): string {
  const escaped = argument
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$');
  return /^[\w/.:=-]+$/.test(argument) ? argument : `"${escaped}"`;
}

/** The service sees no home directory; a program that lives in one could not be started. */
export function livesInHome({ node, script }: ServiceProgram): boolean {
  return [node, script].some((file) => /^\/(home|root|run\/user)\//.test(file));
}
