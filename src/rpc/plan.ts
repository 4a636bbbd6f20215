import { type MethodKind, type MethodName, methods } from '../wire/index.js';
import type { AuditRow } from './audit.js';
import type { DatabaseContext } from './context.js';
import type { ErrorOverrides } from './errors.js';
import { METHOD_ROWS } from './methods.js';
import type { UnimplementedRow } from './row.js';

/** A row of the method table without the types of its messages. */
export interface PlannedRow {
  readonly permission: 'none' | 'ownLogin' | 'login' | 'sysadmin' | 'read' | 'write' | 'admin';
  readonly database: 'server' | 'selected' | { readonly named: (request: unknown) => string };
  readonly maintenance: boolean;
  readonly audit: AuditRow<unknown>;
  readonly errors?: ErrorOverrides;
  readonly handler: (context: DatabaseContext, input: unknown) => unknown;
}

/** Everything about a method that a call of it needs. */
export interface Plan {
  readonly method: MethodName;
  readonly kind: MethodKind;
  readonly row: PlannedRow | UnimplementedRow;
  readonly audit: AuditRow<unknown>;
  /** All that its event can be called, but for refusals. */
  readonly eventNames: readonly string[];
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly encode: (response: unknown) => Buffer;
}

const UNIMPLEMENTED_EVENT: AuditRow<unknown> = {
  class: 'unimplemented',
  name: 'rpc.unimplemented',
};

/** The types of a method's messages end here: its own encoder and decoder are all that touch them. */
export function planOf(method: MethodName): Plan {
  const { kind, decodeRequest, encodeResponse } = methods[method];
  const row = METHOD_ROWS[method] as unknown as PlannedRow | UnimplementedRow;
  const audit = 'unimplemented' in row ? UNIMPLEMENTED_EVENT : row.audit;
  return {
    method,
    kind,
    row,
    audit,
    eventNames: eventNamesOf(audit),
    decode: decodeRequest,
    encode: encodeResponse as Plan['encode'],
  };
}

export function eventNamesOf({ name, failedName, variants }: AuditRow<unknown>): string[] {
  const more = failedName === undefined ? [] : [failedName];
  return variants === undefined ? [name, ...more] : [...variants.names, ...more];
}

/** Whether calls with this event change nothing. */
export function isReadOnly(row: AuditRow<unknown>): boolean {
  return row.class === 'read' || row.class === 'server' || READ_ONLY_EVENTS.has(row.name);
}

/** Beyond the classes that never change anything. */
const READ_ONLY_EVENTS: ReadonlySet<string> = new Set([
  'session.keepalive',
  'user.list',
  'database.use',
  'database.list',
  'database.settings_read',
  'tx.export',
  'audit.config_read',
  'audit.verified',
  'audit.queried',
]);
