import {
  boolean,
  bytes,
  duration,
  integer,
  oneOf,
  optionalPath,
  optionalText,
  path,
  port,
  secret,
  text,
} from '../option-types.js';

const HOUR = 3_600_000;

/** What the server is and where it listens. */
export const serverOptions = {
  dir: path({
    flag: 'dir',
    group: 'Server',
    default: './data',
    help: 'Directory of all data',
    prose:
      'One server at a time: a lock file in it refuses a second one. It has to be a local disk; ' +
      'network file systems lose what LMDB and fsync rely on. Whoever can write here can change ' +
      'history, which verifying clients then notice. A wrong directory is not an error: the server ' +
      'starts with empty databases there, and clients that have seen more will refuse it.',
  }),
  address: text({
    flag: 'address',
    short: 'a',
    group: 'Server',
    default: '0.0.0.0',
    expected: 'an IP address or host name',
    help: 'Address to listen on, for clients and for metrics',
  }),
  port: port({
    flag: 'port',
    short: 'p',
    group: 'Server',
    default: 3322,
    help: 'Port for clients; 0 takes any free one',
  }),
  config: optionalPath({
    flag: 'config',
    group: 'Server',
    notInFile: true,
    help: 'Configuration file; without it stele.toml here, then /etc/stele/stele.toml',
    prose:
      'A file named by this option must exist. The file in use is printed at start, and a file that ' +
      'is found but cannot be read or understood stops the start.',
  }),
  signingKey: optionalPath({
    flag: 'signingKey',
    group: 'Server',
    help: 'Private key (PEM, P-256) that signs every state and proof given out',
    prose:
      'Without it clients can still prove that history was only added to, but not who said so. ' +
      'Whoever has this key can sign a false history for clients that trust its public half; keep ' +
      'a copy elsewhere, because with a new key clients that pin the old one refuse the server.',
  }),
  writeTxHeaderVersion: oneOf({
    flag: 'write-tx-header-version',
    group: 'Server',
    choices: ['auto', '0', '1', '0-only'],
    default: 'auto',
    help: 'Header version of databases that do not set one themselves',
    prose:
      'auto is settled once for each database, by its first write: 1 when the client opened a ' +
      'session, 0 when it logged in with a token. Clients of one generation cannot verify headers ' +
      'they do not know, and a database goes from 0 to 1 but never back. Set it when the first ' +
      'client is not of the generation that the others are of. With 0, a transaction that carries ' +
      'metadata (delete, expiry, non-indexable) gets 1 all the same; 0-only refuses metadata, and ' +
      'is what a client gets that sets writeTxHeaderVersion to 0.',
  }),
  maintenance: boolean({
    flag: 'maintenance',
    group: 'Server',
    default: false,
    help: 'Maintenance: reading and index repair only; needs --auth=false',
    prose:
      'Any database, the system database included, is readable without a login. Combine it with an ' +
      'address that only the operator reaches.',
  }),
  detached: boolean({
    flag: 'detached',
    short: 'd',
    group: 'Server',
    default: false,
    help: 'Run in the background; returns once the server is ready',
  }),
  pidFile: optionalPath({
    flag: 'pidfile',
    group: 'Server',
    help: 'File that holds the process id while the server runs',
    prose:
      'The start is refused when the process named in it is alive; the file of a process that was ' +
      'killed is replaced. It is removed at exit.',
  }),
  shutdownTimeoutMs: duration({
    flag: 'shutdown-timeout',
    group: 'Server',
    default: 10_000,
    min: 0,
    max: HOUR,
    help: 'Time for calls in progress to end after SIGTERM or SIGINT',
  }),
};

export const userOptions = {
  adminPassword: secret({
    flag: 'admin-password',
    group: 'Users and sessions',
    help: 'Password of user immudb when it is created (default immudb)',
    prose:
      'Used at the first start only, unless --force-admin-password. Plain, or `enc:` followed by ' +
      'standard base64, which hides it from a glance and from nothing else. On the command line it ' +
      'is visible to other users of the machine: prefer the environment or --admin-password-file.',
  }),
  adminPasswordFile: optionalPath({
    flag: 'admin-password-file',
    group: 'Users and sessions',
    help: 'File that holds the password of user immudb',
    prose: 'One newline at its end is not part of the password. `enc:` works here too.',
  }),
  forceAdminPassword: boolean({
    flag: 'force-admin-password',
    group: 'Users and sessions',
    default: false,
    help: 'Set the password of user immudb at every start',
    prose:
      'The way back in when the password was lost. Left on, whoever can change the configuration ' +
      'has the rights of user immudb.',
  }),
  auth: boolean({
    flag: 'auth',
    short: 's',
    group: 'Users and sessions',
    default: true,
    help: 'Require a login',
    prose:
      'Without it everybody who reaches the port has all rights on defaultdb. The start is refused ' +
      'when there are users or databases beyond the first ones.',
  }),
  devMode: boolean({
    flag: 'devmode',
    group: 'Users and sessions',
    default: false,
    help: 'With --auth=false, serve other machines too',
    prose: 'No effect while a login is required. With both, the network is the only protection.',
  }),
  tokenExpiryMs: duration({
    flag: 'token-expiry-time',
    group: 'Users and sessions',
    bareUnitMs: 60_000,
    default: 1440 * 60_000,
    min: 60_000,
    max: 365 * 24 * HOUR,
    help: 'Life of a login token; a bare number counts minutes',
  }),
  maxSessions: integer({
    flag: 'max-sessions',
    group: 'Users and sessions',
    default: 100,
    min: 1,
    max: 100_000,
    help: 'Sessions open at once',
  }),
  maxSessionsPerUser: integer({
    flag: 'max-sessions-per-user',
    group: 'Users and sessions',
    default: 100,
    min: 1,
    max: 100_000,
    help: 'Sessions of one user open at once',
  }),
  maxTokens: integer({
    flag: 'max-tokens',
    group: 'Users and sessions',
    default: 20_000,
    min: 1,
    max: 10_000_000,
    help: 'Login tokens valid at once',
  }),
  maxTokensPerUser: integer({
    flag: 'max-tokens-per-user',
    group: 'Users and sessions',
    default: 5000,
    min: 1,
    max: 10_000_000,
    help: 'Login tokens of one user valid at once',
  }),
  sessionTimeoutMs: duration({
    flag: 'session-timeout',
    group: 'Users and sessions',
    default: 120_000,
    min: 1000,
    max: 365 * 24 * HOUR,
    help: 'Time without a call after which a session ends',
  }),
  maxSessionAgeMs: duration({
    flag: 'max-session-age-time',
    group: 'Users and sessions',
    default: 0,
    min: 0,
    max: 365 * 24 * HOUR,
    help: 'Life of a session at most; 0 is no limit',
  }),
  sessionsGuardIntervalMs: duration({
    flag: 'sessions-guard-check-interval',
    group: 'Users and sessions',
    default: 60_000,
    min: 10,
    max: HOUR,
    hidden: true,
    help: 'How often sessions past their time are looked for',
  }),
  loginFailuresBeforeDelay: integer({
    flag: 'login-failures-before-delay',
    group: 'Users and sessions',
    default: 10,
    min: 0,
    max: 1_000_000,
    help: 'Failed logins of an account or address before further ones are slowed down; 0 is never',
  }),
  loginRetryDelayMs: duration({
    flag: 'login-retry-delay',
    group: 'Users and sessions',
    default: 1000,
    min: 0,
    max: HOUR,
    help: 'Time between two tries once they are slowed down; never a lock',
  }),
  passwordHashQueue: integer({
    flag: 'password-hash-queue',
    group: 'Users and sessions',
    default: 32,
    min: 1,
    max: 10_000,
    help: 'Logins that may wait for their password to be checked; more are refused',
  }),
};

export const tlsOptions = {
  mtls: boolean({
    flag: 'mtls',
    short: 'm',
    group: 'TLS',
    default: false,
    help: 'Require a client certificate signed by --clientcas',
  }),
  certificate: optionalPath({
    flag: 'certificate',
    group: 'TLS',
    help: 'Certificate of the server (PEM, with its chain); read again at SIGHUP',
    prose: 'With --pkey and without --mtls: TLS for every client, certificates asked of none.',
  }),
  privateKey: optionalPath({
    flag: 'pkey',
    group: 'TLS',
    help: 'Private key of the certificate (PEM)',
  }),
  clientCas: optionalPath({
    flag: 'clientcas',
    group: 'TLS',
    help: 'Authorities whose client certificates are accepted (PEM bundle)',
    prose: 'Everybody who can get a certificate from one of these can connect.',
  }),
  tlsMinVersion: oneOf({
    flag: 'tls-min-version',
    group: 'TLS',
    choices: ['1.2', '1.3'],
    default: '1.2',
    help: 'Lowest version of TLS accepted',
  }),
};

export const loggingOptions = {
  logLevel: oneOf({
    flag: 'log-level',
    env: ['LOG_LEVEL'],
    group: 'Logging',
    choices: ['debug', 'info', 'warn', 'error'],
    synonyms: { warning: 'warn' },
    default: 'info',
    help: 'Least important lines that are logged',
  }),
  logFile: optionalText({
    flag: 'logfile',
    group: 'Logging',
    help: 'Log file instead of the standard error output; opened again at SIGHUP',
  }),
  logDir: optionalText({
    flag: 'logdir',
    group: 'Logging',
    help: 'Directory of a --logfile that is no absolute path; itself relative to --dir',
  }),
  logFormat: oneOf({
    flag: 'logformat',
    group: 'Logging',
    choices: ['text', 'json'],
    default: 'text',
    help: 'Form of the log lines',
  }),
  logRotationBytes: bytes({
    flag: 'log-rotation-size',
    group: 'Logging',
    default: 0,
    min: 0,
    max: 2 ** 40,
    help: 'Size from which a new log file is begun; 0 is never',
    prose: 'The full one is renamed with its time; none is ever deleted.',
  }),
  logRotationAgeMs: duration({
    flag: 'log-rotation-age',
    group: 'Logging',
    default: 0,
    min: 0,
    max: 366 * 24 * HOUR,
    help: 'Age from which a new log file is begun, at least 1m; 0 is never',
  }),
  logAccess: boolean({
    flag: 'log-access',
    group: 'Logging',
    default: false,
    help: 'Log one line for every call',
  }),
};

export const metricsOptions = {
  metricsServer: boolean({
    flag: 'metrics-server',
    group: 'Metrics',
    default: true,
    help: 'Serve /metrics, /healthz, /livez, /readyz and /version',
    prose:
      'Without a login: numbers about databases and the addresses of clients are readable there.',
  }),
  metricsPort: port({
    flag: 'metrics-server-port',
    group: 'Metrics',
    default: 9497,
    help: 'Port for metrics and health; 0 takes any free one',
  }),
  noHistograms: boolean({
    flag: 'no-histograms',
    group: 'Metrics',
    default: false,
    help: 'Leave out histograms of how long calls take',
  }),
  debugEndpoints: boolean({
    flag: 'pprof',
    group: 'Metrics',
    default: false,
    help: 'Serve debug endpoints on the metrics port',
  }),
};
