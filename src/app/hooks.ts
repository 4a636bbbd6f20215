import type { Log } from '../base/log.js';
import type { Config, Secrets } from './config/index.js';
import type { ExitCode } from './exit-codes.js';

/** How the server is told about the process it runs in, and tells the process about itself. */
export interface ServerHooks {
  /** Aborted when the server should stop: it ends within `shutdownTimeoutMs`. */
  readonly stop: AbortSignal;
  /** Called once, when clients can connect. */
  onReady(): void;
  /** Registers what SIGHUP does besides opening the log file again; it does not throw. */
  onHangup(listener: () => void): void;
  /** Registers what SIGUSR1 does; it does not throw. */
  onUser1?(listener: () => void): void;
  /** The settings as they are now in the files. @throws ConfigError */
  readConfig?(): Config;
}

/**
 * Runs a server until it has stopped, and says how the process shall exit. What it throws is printed
 * and exits with 1.
 */
export type RunServer = (
  config: Config,
  secrets: Secrets,
  log: Log,
  hooks: ServerHooks,
) => Promise<ExitCode>;
