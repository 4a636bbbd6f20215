import type { AuditClass, EventData } from '../audit/index.js';
import type { Caller } from '../auth/index.js';
import type { MethodName, StatusName } from '../wire/index.js';
import type { Peer } from './transport.js';

/** What a row of the method table says about the event of its method. */
export interface AuditRow<Request> {
  readonly class: AuditClass;
  /** Name in the catalogue. */
  readonly name: string;
  /** Name when the call fails, where that is an event of its own. */
  readonly failedName?: string;
  /** Where the request decides: its names beside `name`, and which of all. */
  readonly variants?: {
    readonly names: readonly string[];
    of(request: Request): string;
  };
  /** Keys that the request names; streams note theirs while they read. */
  readonly keys?: (request: Request) => readonly Uint8Array[];
}

/** How far a call came: decides whether it was rejected, denied, or failed. */
export type CallStage = 'identify' | 'authorize' | 'execute';

/** One call that is over, before its answer is sent. Keys and messages are not to leave the stage. */
export interface AuditedCall {
  readonly method: MethodName;
  readonly class: AuditClass;
  readonly name: string;
  /** Name in the row of the method: what a refused call wanted. */
  readonly attempted: string;
  readonly readOnly: boolean;
  readonly isStream: boolean;
  readonly stage: CallStage;
  readonly status: StatusName;
  /** Code of the error; undefined for success and for bugs. */
  readonly errorCode: string | undefined;
  /** Unix milliseconds. */
  readonly endedAt: number;
  readonly durationMs: number;
  readonly caller: Caller | undefined;
  readonly database: string | undefined;
  readonly peer: Peer;
  /** Header `x-request-id`, unchecked. */
  readonly requestId: string | undefined;
  /** Header `user-agent`, unchecked. */
  readonly userAgent: string | undefined;
  /** Header `x-forwarded-for`, unchecked. */
  readonly forwardedFor: string | undefined;
  readonly keys: readonly Uint8Array[];
  /** What the handler knows beside them. */
  readonly noted: EventData | undefined;
  /** The decoded request of a unary call or server stream. */
  readonly request: unknown;
  /** The answer of a unary call or client stream, before it is encoded. */
  readonly response: unknown;
}

/** The event stream, as the pipeline sees it. */
export interface AuditStage {
  /** Whether an event of this name can be selected at all; false spares its making. */
  selects(name: string): boolean;
  /**
   * Called before a call with such an event does anything. What it throws refuses the call: the stream
   * cannot be written, or too much waits for it.
   */
  admit(name: string, readOnly: boolean): Promise<void> | undefined;
  /**
   * Called before a call that may change something is carried out; undefined where nobody wants to know.
   * @returns a promise that the call waits for; it rejects when the call must not go on
   */
  readonly received?: ((call: AuditedCall) => Promise<unknown> | undefined) | undefined;
  /** Resolves when the event is on disk, or the filter left it out. The answer waits for it. */
  record(call: AuditedCall): Promise<unknown> | undefined;
}

export const noAudit: AuditStage = {
  selects: () => false,
  admit: () => undefined,
  record: () => undefined,
};

const NOT_LOGGED_IN: ReadonlySet<string> = new Set([
  'notLoggedIn',
  'logoutWithoutLogin',
  'invalidToken',
  'tokenExpired',
  'sessionNotFound',
  'streamSessionNotFound',
  'noSessionData',
  'noSessionId',
]);

const DENIED: ReadonlySet<string> = new Set([
  'remoteRefused',
  'authRequired',
  'authMustBeOn',
  'notAllowedInMaintenance',
  'permissionDenied',
  'noPermissionToSelect',
  'notAllowedToCreateDatabase',
  'notAllowedToManageDatabase',
  'userDatabaseNotAdmin',
  'passwordTargetRefused',
  'notAdminAnywhere',
  'ownStatus',
  'statusNotCreator',
  'grantNotAdmin',
  'grantToOneself',
  'grantToSysadmin',
  'databaseReserved',
  'databaseReadOnly',
]);

/** The name of a call's event: a refusal has a name of its own, whatever was refused. */
export function eventNameOf(
  row: AuditRow<unknown>,
  request: unknown,
  failed: boolean,
  errorCode: string | undefined,
): string {
  if (failed) {
    if (row.failedName !== undefined) return row.failedName;
    if (errorCode !== undefined && NOT_LOGGED_IN.has(errorCode)) return 'auth.rejected';
    if (errorCode !== undefined && DENIED.has(errorCode)) return 'authz.denied';
  }
  return request === undefined ? row.name : (row.variants?.of(request) ?? row.name);
}
