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
  /** Every completed check, as the original does, or only what differs from the check before. */
  readonly about: 'every' | 'changes';
  /** How hashes of states are written: base64 since 1.0.5, hexadecimal before. */
  readonly hashes: 'base64' | 'hex';
}

export type AuditLevel = 'INFO' | 'WARNING' | 'ERROR';

export type AuditLog = (level: AuditLevel, text: string) => void;

/** Before the series that the original has: its own, or those of the auditor of a gateway. */
export type SeriesPrefix = 'immuclient' | 'immugw';

export interface AuditorOptions {
  readonly servers: readonly AuditedServer[];
  readonly username: string;
  readonly password: string;
  /** Prefixes of names; without any, all that the user can see. */
  readonly databases: readonly string[];
  readonly tls?: TlsOptions | undefined;
  /** PEM `PUBLIC KEY`: every state must then be signed with it. */
  readonly serverKey?: string | undefined;
  /** Milliseconds for one call; default as the client has it. */
  readonly deadlineMs?: number | undefined;
  /** Folder of the verified states and of notifications that wait. */
  readonly folder: string;
  /** Milliseconds from the begin of a cycle to that of the next. */
  readonly intervalMs: number;
  /** Transactions whose values are looked at in one cycle: of the new ones, and of all older ones; 0 for none. */
  readonly sampleSize: number;
  /** Cycles in a row that fail until this is an alarm. */
  readonly outageCycles: number;
  readonly seriesPrefix: SeriesPrefix;
  readonly notification?: NotificationOptions | undefined;
  readonly clock: Clock;
  readonly log: AuditLog;
}
