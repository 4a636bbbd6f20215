import path from 'node:path';

/** Where an installed service keeps what. Fixed: what `uninstall` removes is never taken from a setting. */
export interface ServicePaths {
  readonly unit: string;
  readonly configDirectory: string;
  readonly config: string;
  /** Of the first user of a server, or that the auditor logs in with. */
  readonly password: string;
  readonly data: string;
  readonly log: string;
  readonly logFile: string;
}

/** A program that systemd runs. */
export interface Service {
  /** Of the unit, its user and its folders. */
  readonly name: string;
  readonly description: string;
  /** What a user types to install it. */
  readonly installer: string;
  readonly paths: ServicePaths;
  /** Arguments before those that name the files. */
  readonly command: readonly string[];
  readonly passwordFlag: string;
  /** Removed with the data. */
  readonly erased: readonly string[];
  /** Kept longer than others when memory is short. */
  readonly oomScoreAdjust: number;
}

function pathsOf(name: string, config: string, password: string): ServicePaths {
  return {
    unit: `/etc/systemd/system/${name}.service`,
    configDirectory: '/etc/stele',
    config: `/etc/stele/${config}`,
    password: `/etc/stele/${password}`,
    data: `/var/lib/${name}`,
    log: `/var/log/${name}`,
    logFile: `/var/log/${name}/${name}.log`,
  };
}

const serverPaths = pathsOf('stele', 'stele.toml', 'admin-password');
const auditorPaths = pathsOf('stele-auditor', 'steleclient.toml', 'auditor-password');

export const SERVER_SERVICE: Service = {
  name: 'stele',
  description: 'Stele, immutable key-value database',
  installer: 'stele service install',
  paths: serverPaths,
  command: [],
  passwordFlag: '--admin-password-file',
  erased: [serverPaths.configDirectory],
  oomScoreAdjust: -500,
};

export const AUDITOR_SERVICE: Service = {
  name: 'stele-auditor',
  description: 'Auditor of immutable key-value databases',
  installer: 'steleclient audit-mode install',
  paths: auditorPaths,
  command: ['audit-mode'],
  passwordFlag: '--audit-password-file',
  erased: [auditorPaths.config, auditorPaths.password],
  oomScoreAdjust: 0,
};

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
export function renderUnit({ node, script }: ServiceProgram, service: Service): string {
  const { name, description, installer, paths, command, passwordFlag } = service;
  const words = [node, script, ...command, '--config', paths.config];
  const start = words.map(quoteArgument).join(' ');
  const credential = path.basename(paths.password);
  return `# Written by ${installer}. Settings belong into ${paths.config}, changes of this
# unit into a drop-in (systemctl edit ${name}). A private key that the service shall read is best
# passed as the password is: LoadCredential=pkey:/etc/stele/pkey.pem and, as a flag in ExecStart,
# --pkey \${CREDENTIALS_DIRECTORY}/pkey.
[Unit]
Description=${description}
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${start} ${passwordFlag} \${CREDENTIALS_DIRECTORY}/${credential}
ExecReload=/bin/kill -HUP $MAINPID
LoadCredential=${credential}:${paths.password}
Environment=NODE_ENV=production
Restart=on-failure
RestartSec=2
# Wrong configuration does not get better by trying again.
RestartPreventExitStatus=2
TimeoutStopSec=30
KillMode=mixed
LimitNOFILE=65536
OOMScoreAdjust=${service.oomScoreAdjust}

User=${name}
DynamicUser=yes
StateDirectory=${name}
StateDirectoryMode=0700
LogsDirectory=${name}
LogsDirectoryMode=0750
WorkingDirectory=${paths.data}
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
