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

/** What differs between the services of this project. */
export interface ServiceRow {
  /** Of the unit, its user and its directories. */
  readonly name: string;
  readonly description: string;
  /** Lines at the head of the unit, each with its #. */
  readonly comment: string;
  /** Arguments of the program, in the words of systemd. */
  readonly start: readonly string[];
  /** Files that only the service may read, by the names that it knows them by. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly data: string;
  /** Further settings of the section Service. */
  readonly more: readonly string[];
}

/**
 * The systemd unit. The user exists only while the service runs, sees nothing of the machine but its own
 * directories, and gets passwords as credentials that no other user can read. Not hardened against writable
 * code pages: the compiler of Node needs them.
 */
export function renderServiceUnit(row: ServiceRow, { node, script }: ServiceProgram): string {
  const start = [...[node, script].map(quoteArgument), ...row.start].join(' ');
  const credentials = Object.entries(row.credentials).map(
    ([name, file]) => `LoadCredential=${name}:${file}\n`,
  );
  return `${row.comment}
[Unit]
Description=${row.description}
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${start}
${row.more.map((line) => `${line}\n`).join('')}${credentials.join('')}Environment=NODE_ENV=production
Restart=on-failure
RestartSec=2
# Wrong configuration does not get better by trying again.
RestartPreventExitStatus=2
TimeoutStopSec=30
KillMode=mixed

User=${row.name}
DynamicUser=yes
StateDirectory=${row.name}
StateDirectoryMode=0700
WorkingDirectory=${row.data}
UMask=0077

${HARDENING}
[Install]
WantedBy=multi-user.target
`;
}

const HARDENING = `CapabilityBoundingSet=
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
`;

/** Where a service finds a credential, in the words of systemd. */
export function credentialFile(name: string): string {
  return `\${CREDENTIALS_DIRECTORY}/${name}`;
}

/** The unit of the server. */
export function renderUnit(program: ServiceProgram): string {
  const { config, adminPassword, data } = SERVICE_PATHS;
  return renderServiceUnit(
    {
      name: SERVICE_NAME,
      description: 'Stele, immutable key-value database',
      comment: `# Written by stele service install. Settings belong into ${config}, changes of this
# unit into a drop-in (systemctl edit ${SERVICE_NAME}). A private key that the service shall read is best
# passed as the password is: LoadCredential=pkey:/etc/stele/pkey.pem and, as a flag in ExecStart,
# --pkey \${CREDENTIALS_DIRECTORY}/pkey.`,
      start: [
        ...['--config', config],
        ...['--admin-password-file', credentialFile('admin-password')],
      ],
      credentials: { 'admin-password': adminPassword },
      data,
      more: [
        'ExecReload=/bin/kill -HUP $MAINPID',
        `LogsDirectory=${SERVICE_NAME}`,
        'LogsDirectoryMode=0750',
        'LimitNOFILE=65536',
        'OOMScoreAdjust=-500',
      ],
    },
    program,
  );
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
