/** Settings of the layer. Durations in milliseconds. */
export interface AuthOptions {
  /** Off: nobody logs in, calls work on `defaultdb`. */
  readonly enabled: boolean;
  /** With authentication off, serve callers that are not local too. */
  readonly devMode: boolean;
  /** Only with authentication off: any database may be selected without login, nothing is written. */
  readonly maintenance: boolean;
  /** Databases that only the server writes, beside `systemdb`; whoever may read them may read them. */
  readonly serverDatabases: readonly string[];
  /** Password of the first user; used when the system database is new, or with the next option. */
  readonly adminPassword: string;
  /** Gives `immudb` that password at each start. */
  readonly forceAdminPassword: boolean;
  /** File of the key that signs tokens; made when it is missing, mode 0600. */
  readonly tokenKeyPath: string;
  readonly tokenLifetimeMs: number;
  readonly maxTokens: number;
  readonly maxTokensPerUser: number;
  readonly maxSessions: number;
  readonly maxSessionsPerUser: number;
  readonly sessionIdleMs: number;
  /** 0 is no limit. */
  readonly sessionMaxAgeMs: number;
  /** How often ended and expired logins are removed; 0 only when asked for by `sweep`. */
  readonly sweepIntervalMs: number;
  /** Password checks that may wait while others run. */
  readonly passwordHashQueue: number;
  /** Failed logins of an account or address after which its tries are delayed; 0 never delays. */
  readonly loginFailuresBeforeDelay: number;
  /** Between two tries once they are delayed. */
  readonly loginRetryDelayMs: number;
}

export const DEFAULT_AUTH_OPTIONS: Omit<AuthOptions, 'tokenKeyPath'> = {
  enabled: true,
  devMode: false,
  maintenance: false,
  serverDatabases: [],
  adminPassword: 'immudb',
  forceAdminPassword: false,
  tokenLifetimeMs: 1440 * 60_000,
  maxTokens: 20_000,
  maxTokensPerUser: 5_000,
  maxSessions: 100,
  maxSessionsPerUser: 100,
  sessionIdleMs: 2 * 60_000,
  sessionMaxAgeMs: 0,
  sweepIntervalMs: 60_000,
  passwordHashQueue: 32,
  loginFailuresBeforeDelay: 10,
  loginRetryDelayMs: 1_000,
};

export type AuthMode = 'on' | 'off' | 'maintenance';

/** With `enabled`, `maintenance` is refused at start. */
export function authMode(options: Pick<AuthOptions, 'enabled' | 'maintenance'>): AuthMode {
  if (options.enabled) return 'on';
  return options.maintenance ? 'maintenance' : 'off';
}

export function resolveOptions(
  given: Partial<AuthOptions> & Pick<AuthOptions, 'tokenKeyPath'>,
): AuthOptions {
  return { ...DEFAULT_AUTH_OPTIONS, ...given };
}
