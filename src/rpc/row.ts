import type { AccessLevel } from '../auth/index.js';
import type { KindOf, MethodName, RequestOf, ResponseInitOf } from '../wire/index.js';
import type { AuditRow } from './audit.js';
import type { CallContext, DatabaseContext, LoginContext } from './context.js';
import type { ErrorOverrides } from './errors.js';

/** Handlers take decoded messages and know nothing of credentials, counting or events. */
export type UnaryHandler<M extends MethodName, C> = (
  context: C,
  request: RequestOf<M>,
) => ResponseInitOf<M> | Promise<ResponseInitOf<M>>;

export type ServerStreamHandler<M extends MethodName, C> = (
  context: C,
  request: RequestOf<M>,
) => AsyncIterable<ResponseInitOf<M>>;

export type ClientStreamHandler<M extends MethodName, C> = (
  context: C,
  requests: AsyncIterable<RequestOf<M>>,
) => Promise<ResponseInitOf<M>>;

export type BidiHandler<M extends MethodName, C> = (
  context: C,
  requests: AsyncIterable<RequestOf<M>>,
) => AsyncIterable<ResponseInitOf<M>>;

export type HandlerOf<M extends MethodName, C> = {
  unary: UnaryHandler<M, C>;
  serverStream: ServerStreamHandler<M, C>;
  clientStream: ClientStreamHandler<M, C>;
  bidi: BidiHandler<M, C>;
}[KindOf<M>];

interface CommonRow<M extends MethodName> {
  /** Whether the method is served in maintenance mode. */
  readonly maintenance: boolean;
  readonly audit: AuditRow<RequestOf<M>>;
  /** Codes that this method answers in its own way. */
  readonly errors?: ErrorOverrides;
}

/** Needs no login. */
interface OpenRow<M extends MethodName> extends CommonRow<M> {
  readonly permission: 'none';
  readonly database: 'server';
  readonly handler: HandlerOf<M, CallContext>;
}

/** Acts on the login that the call came with, and checks it in doing so. */
interface OwnLoginRow<M extends MethodName> extends CommonRow<M> {
  readonly permission: 'ownLogin';
  readonly database: 'server';
  readonly handler: HandlerOf<M, CallContext>;
}

/** Any login will do; what it may see or change depends on more than a level. */
interface LoginRow<M extends MethodName> extends CommonRow<M> {
  readonly permission: 'login';
  readonly database: 'server';
  readonly handler: HandlerOf<M, LoginContext>;
}

interface SysadminRow<M extends MethodName> extends CommonRow<M> {
  readonly permission: 'sysadmin';
  readonly database: 'server';
  readonly handler: HandlerOf<M, LoginContext>;
}

/** On the database that the request names: to select it (`read`) or to manage it (`admin`). */
interface NamedRow<M extends MethodName> extends CommonRow<M> {
  readonly permission: 'read' | 'admin';
  readonly database: { readonly named: (request: RequestOf<M>) => string };
  readonly handler: HandlerOf<M, LoginContext>;
}

/** On the database that the token or session is bound to. */
interface SelectedRow<M extends MethodName> extends CommonRow<M> {
  readonly permission: AccessLevel;
  readonly database: 'selected';
  readonly handler: HandlerOf<M, DatabaseContext>;
}

export type ImplementedRow<M extends MethodName> =
  | OpenRow<M>
  | OwnLoginRow<M>
  | LoginRow<M>
  | SysadminRow<M>
  | (KindOf<M> extends 'unary' ? NamedRow<M> : never)
  | SelectedRow<M>;

/** Not offered; the text says why. */
export interface UnimplementedRow {
  readonly unimplemented: string;
}

/** All that the server knows about one method. */
export type Row<M extends MethodName> = ImplementedRow<M> | UnimplementedRow;

export type MethodTable = { readonly [M in MethodName]: Row<M> };
