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
