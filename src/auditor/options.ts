import type { Clock } from '../base/clock.js';
import type { TlsOptions } from '../client/index.js';

export interface AuditedServer {
  readonly host: string;
  readonly port: number;
}

export interface NotificationOptions {
  readonly url: string;
  /** They travel in the body, as receivers of the original expect, and as basic authentication. */
  readonly username: string;
  readonly password: string;
  /** The body is signed with it (HMAC-SHA-256). */
  readonly secret?: string | undefined;
  /** `every` completed check, as the original does, or only alarms. */
  readonly about: 'every' | 'alarms';
}

export type AuditLevel = 'INFO' | 'WARNING' | 'ERROR';

export interface AuditorOptions {
  readonly servers: readonly AuditedServer[];
  readonly username: string;
  readonly password: string;
  /** Prefixes of names; without any, all that the user can see. */
  readonly databases: readonly string[];
  readonly tls?: TlsOptions | undefined;
  /** PEM `PUBLIC KEY`: every state must then be signed with it. */
  readonly serverKey?: string | undefined;
  /** Folder of the verified states and of notifications that wait. */
  readonly folder: string;
  /** Milliseconds from the begin of a cycle to that of the next. */
  readonly intervalMs: number;
  /** Whether values are fetched and held against their digests. */
  readonly verifyValues: boolean;
  /** Transactions whose values are looked at in one cycle: of the new ones, and of all older ones. */
  readonly sampleSize: number;
  /** Cycles without an answer after which an outage is an alarm. */
  readonly outageCycles: number;
  readonly notification?: NotificationOptions | undefined;
  readonly clock: Clock;
  log(level: AuditLevel, text: string): void;
}
