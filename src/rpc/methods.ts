import { type MethodName, pb } from '../wire/index.js';
import type { AuditRow } from './audit.js';
import * as admin from './handlers/audit-admin.js';
import * as databases from './handlers/databases.js';
import * as transfer from './handlers/export.js';
import * as kv from './handlers/kv.js';
import * as lists from './handlers/lists.js';
import * as references from './handlers/references.js';
import * as server from './handlers/server.js';
import * as sessions from './handlers/sessions.js';
import * as reads from './handlers/streamed-reads.js';
import * as writes from './handlers/streamed-writes.js';
import * as transactions from './handlers/transactions.js';
import * as users from './handlers/users.js';
import * as verifiable from './handlers/verifiable.js';
import type { Row } from './row.js';

type AuditOf<Request> = Omit<AuditRow<Request>, 'class' | 'name'>;

// The parts that rows have in common. Each row still says all of its own.
const OPEN = { permission: 'none', database: 'server' } as const;
const OWN_LOGIN = { permission: 'ownLogin', database: 'server' } as const;
const LOGIN = { permission: 'login', database: 'server' } as const;
const SYSADMIN = { permission: 'sysadmin', database: 'server', maintenance: false } as const;
const READ = { permission: 'read', database: 'selected', maintenance: true } as const;
const WRITE = { permission: 'write', database: 'selected', maintenance: false } as const;
const ADMIN = { permission: 'admin', database: 'selected', maintenance: true } as const;

function manage<R extends { readonly database: string }>() {
  const named = (request: R) => request.database;
  return { permission: 'admin', database: { named }, maintenance: false } as const;
}

function write<R>(name: string, more: AuditOf<R> = {}): AuditRow<R> {
  return { class: 'write', name, ...more };
}

function read<R>(name: string, more: AuditOf<R> = {}): AuditRow<R> {
  return { class: 'read', name, ...more };
}

const KEYS_OF_SET = (request: pb.SetRequest) => request.KVs.map(({ key }) => key);
const KEY = ({ key }: { readonly key: Uint8Array }) => [key];
const LOGIN_EVENT = {
  class: 'auth',
  name: 'auth.login.succeeded',
  failedName: 'auth.login.failed',
} as const;
const LOGOUT_EVENT = { class: 'auth', name: 'auth.logout' } as const;
const HEALTH_EVENT = { class: 'server', name: 'server.health' } as const;
const EXPORT_EVENT = { class: 'transfer', name: 'tx.export' } as const;
const COMPACT_EVENT = { class: 'database', name: 'database.index_compact' } as const;
const SETTINGS_EVENT = { class: 'database', name: 'database.settings_read' } as const;
const CONFIG_EVENT = { class: 'config', name: 'config.changed' } as const;
const CREATE_EVENT = { class: 'database', name: 'database.create' } as const;
const UPDATE_EVENT = { class: 'database', name: 'database.update' } as const;
const LIST_EVENT = { class: 'database', name: 'database.list' } as const;
const USER = (name: string) => ({ class: 'user', name }) as const;

const PERMISSION_EVENT = {
  class: 'user',
  name: 'user.permission_grant',
  variants: {
    names: ['user.permission_grant', 'user.permission_revoke'],
    of: ({ action }: pb.ChangePermissionRequest) =>
      action === pb.PermissionAction.REVOKE ? 'user.permission_revoke' : 'user.permission_grant',
  },
} as const;
const STATUS_EVENT = {
  class: 'user',
  name: 'user.deactivate',
  variants: {
    names: ['user.activate', 'user.deactivate'],
    of: ({ active }: pb.SetActiveUserRequest) => (active ? 'user.activate' : 'user.deactivate'),
  },
} as const;

const NO_SQL = { unimplemented: 'SQL is not supported' } as const;
const NO_TRANSACTIONS = { unimplemented: 'interactive transactions are not supported' } as const;

/**
 * The one table: who may call a method, on which database, in which modes, which event it leaves, and
 * what does it. A method of the protocol without a row, or a handler of the wrong streaming kind, does
 * not compile.
 */
export const METHOD_ROWS = {
  // Getting in and out.
  Login: { ...OPEN, maintenance: true, audit: LOGIN_EVENT, handler: sessions.login },
  Logout: { ...OWN_LOGIN, maintenance: true, audit: LOGOUT_EVENT, handler: sessions.logout },
  OpenSession: {
    ...OPEN,
    maintenance: true,
    audit: LOGIN_EVENT,
    // Sessions have no older generation of clients, for which Login says PERMISSION_DENIED.
    errors: { invalidCredentials: { status: 'UNKNOWN', info: '08004' } },
    handler: sessions.openSession,
  },
  CloseSession: {
    ...OWN_LOGIN,
    maintenance: true,
    audit: LOGOUT_EVENT,
    handler: sessions.closeSession,
  },
  KeepAlive: {
    ...OWN_LOGIN,
    maintenance: true,
    audit: { class: 'auth', name: 'session.keepalive' },
    handler: sessions.keepAlive,
  },
  UseDatabase: {
    permission: 'read',
    database: { named: (request) => request.databaseName },
    maintenance: true,
    audit: { class: 'database', name: 'database.use' },
    errors: { notLoggedIn: { status: 'UNAUTHENTICATED' } },
    handler: sessions.useDatabase,
  },

  // The server.
  Health: { ...OPEN, maintenance: true, audit: HEALTH_EVENT, handler: server.health },
  ServerInfo: { ...OPEN, maintenance: true, audit: HEALTH_EVENT, handler: server.serverInfo },
  DatabaseHealth: { ...READ, audit: HEALTH_EVENT, handler: server.databaseHealth },
  UpdateAuthConfig: {
    ...LOGIN,
    maintenance: false,
    audit: CONFIG_EVENT,
    handler: users.notSupported,
  },
  UpdateMTLSConfig: {
    ...LOGIN,
    maintenance: false,
    audit: CONFIG_EVENT,
    handler: users.notSupported,
  },

  // Users.
  ListUsers: { ...LOGIN, maintenance: true, audit: USER('user.list'), handler: users.listUsers },
  CreateUser: {
    ...LOGIN,
    maintenance: false,
    audit: USER('user.create'),
    handler: users.createUser,
  },
  ChangePassword: {
    ...LOGIN,
    maintenance: false,
    audit: USER('user.password_change'),
    handler: users.changePassword,
  },
  ChangePermission: {
    ...LOGIN,
    maintenance: false,
    audit: PERMISSION_EVENT,
    handler: users.changePermission,
  },
  SetActiveUser: {
    ...LOGIN,
    maintenance: false,
    audit: STATUS_EVENT,
    handler: users.setActiveUser,
  },

  // Plain writes and reads.
  Set: { ...WRITE, audit: write('kv.set', { keys: KEYS_OF_SET }), handler: kv.set },
  Get: { ...READ, audit: read('kv.get', { keys: KEY }), handler: kv.get },
  GetAll: { ...READ, audit: read('kv.get_all', { keys: (r) => r.keys }), handler: kv.getAll },
  Delete: { ...WRITE, audit: write('kv.delete', { keys: (r) => r.keys }), handler: kv.deleteKeys },
  ExecAll: {
    ...WRITE,
    audit: write('kv.exec_all', { keys: (r) => references.operationKeys(r.Operations) }),
    handler: references.execAll,
  },
  SetReference: {
    ...WRITE,
    audit: write('kv.set_reference', { keys: KEY }),
    handler: references.setReference,
  },
  ZAdd: { ...WRITE, audit: write('kv.zadd', { keys: KEY }), handler: references.zAdd },
  Scan: { ...READ, audit: read('kv.scan'), handler: lists.scan },
  ZScan: { ...READ, audit: read('kv.zscan'), handler: lists.zScan },
  History: { ...READ, audit: read('kv.history', { keys: KEY }), handler: lists.history },
  Count: { ...READ, audit: read('kv.count'), handler: lists.count },
  CountAll: { ...READ, audit: read('kv.count'), handler: lists.countAll },

  // With proofs.
  VerifiableSet: {
    ...WRITE,
    audit: write('kv.set', {
      keys: (r) => (r.setRequest === undefined ? [] : KEYS_OF_SET(r.setRequest)),
    }),
    handler: verifiable.verifiableSet,
  },
  VerifiableGet: {
    ...READ,
    audit: read('kv.get', { keys: (r) => (r.keyRequest === undefined ? [] : KEY(r.keyRequest)) }),
    handler: verifiable.verifiableGet,
  },
  VerifiableSetReference: {
    ...WRITE,
    audit: write('kv.set_reference', {
      keys: (r) => (r.referenceRequest === undefined ? [] : KEY(r.referenceRequest)),
    }),
    handler: verifiable.verifiableSetReference,
  },
  VerifiableZAdd: {
    ...WRITE,
    audit: write('kv.zadd', {
      keys: (r) => (r.zAddRequest === undefined ? [] : KEY(r.zAddRequest)),
    }),
    handler: verifiable.verifiableZAdd,
  },
  VerifiableTxById: { ...READ, audit: read('tx.get'), handler: verifiable.verifiableTxById },

  // Transactions and state.
  TxById: { ...READ, audit: read('tx.get'), handler: transactions.txById },
  TxScan: { ...READ, audit: read('tx.scan'), handler: transactions.txScan },
  CurrentState: { ...READ, audit: read('state.read'), handler: transactions.currentState },

  // Streams.
  streamGet: { ...READ, audit: read('kv.get', { keys: KEY }), handler: reads.streamGet },
  streamSet: { ...WRITE, audit: write('kv.set'), handler: writes.streamSet },
  streamVerifiableGet: {
    ...READ,
    audit: read('kv.get', { keys: (r) => (r.keyRequest === undefined ? [] : KEY(r.keyRequest)) }),
    handler: reads.streamVerifiableGet,
  },
  streamVerifiableSet: {
    ...WRITE,
    audit: write('kv.set'),
    handler: writes.streamVerifiableSet,
  },
  streamScan: { ...READ, audit: read('kv.scan'), handler: reads.streamScan },
  streamZScan: { ...READ, audit: read('kv.zscan'), handler: reads.streamZScan },
  streamHistory: {
    ...READ,
    audit: read('kv.history', { keys: KEY }),
    handler: reads.streamHistory,
  },
  streamExecAll: { ...WRITE, audit: write('kv.exec_all'), handler: writes.streamExecAll },

  // Export and replication.
  exportTx: { ...ADMIN, audit: EXPORT_EVENT, handler: transfer.exportTx },
  streamExportTx: { ...ADMIN, audit: EXPORT_EVENT, handler: transfer.streamExportTx },
  replicateTx: {
    ...ADMIN,
    audit: { class: 'transfer', name: 'tx.import' },
    handler: transfer.replicateTx,
  },

  // Databases.
  CreateDatabase: { ...SYSADMIN, audit: CREATE_EVENT, handler: databases.createDatabase },
  CreateDatabaseWith: { ...SYSADMIN, audit: CREATE_EVENT, handler: databases.createDatabaseWith },
  CreateDatabaseV2: { ...SYSADMIN, audit: CREATE_EVENT, handler: databases.createDatabaseV2 },
  DatabaseList: { ...LOGIN, maintenance: true, audit: LIST_EVENT, handler: databases.databaseList },
  DatabaseListV2: {
    ...LOGIN,
    maintenance: true,
    audit: LIST_EVENT,
    handler: databases.databaseListV2,
  },
  LoadDatabase: {
    ...manage<pb.LoadDatabaseRequest>(),
    audit: { class: 'database', name: 'database.load' },
    handler: databases.loadDatabase,
  },
  UnloadDatabase: {
    ...manage<pb.UnloadDatabaseRequest>(),
    audit: { class: 'database', name: 'database.unload' },
    handler: databases.unloadDatabase,
  },
  DeleteDatabase: {
    ...manage<pb.DeleteDatabaseRequest>(),
    audit: { class: 'database', name: 'database.delete' },
    handler: databases.deleteDatabase,
  },
  UpdateDatabase: {
    permission: 'admin',
    database: { named: (request) => request.databaseName },
    maintenance: false,
    audit: UPDATE_EVENT,
    handler: databases.updateDatabase,
  },
  UpdateDatabaseV2: {
    ...manage<pb.UpdateDatabaseRequest>(),
    audit: UPDATE_EVENT,
    handler: databases.updateDatabaseV2,
  },
  TruncateDatabase: {
    ...manage<pb.TruncateDatabaseRequest>(),
    audit: { class: 'database', name: 'database.truncate' },
    handler: databases.truncateDatabase,
  },
  GetDatabaseSettings: {
    ...READ,
    audit: SETTINGS_EVENT,
    handler: databases.getDatabaseSettings,
  },
  GetDatabaseSettingsV2: {
    ...READ,
    audit: SETTINGS_EVENT,
    handler: databases.getDatabaseSettingsV2,
  },
  FlushIndex: {
    ...ADMIN,
    audit: { class: 'database', name: 'database.index_flush' },
    handler: databases.flushIndex,
  },
  CompactIndex: { ...ADMIN, audit: COMPACT_EVENT, handler: databases.compactIndex },
  CleanIndex: { ...ADMIN, audit: COMPACT_EVENT, handler: databases.compactIndex },

  // Beside the protocol of immudb.
  RotateAudit: {
    ...SYSADMIN,
    audit: { class: 'config', name: 'audit.rotate_requested' },
    handler: admin.rotateAudit,
  },
  RotateAuditKey: {
    ...SYSADMIN,
    audit: { class: 'config', name: 'audit.key_rotate_requested' },
    handler: admin.rotateAuditKey,
  },
  VerifyAudit: {
    ...SYSADMIN,
    audit: { class: 'config', name: 'audit.verified' },
    handler: admin.verifyAudit,
  },
  QueryAudit: {
    ...SYSADMIN,
    audit: { class: 'config', name: 'audit.queried' },
    handler: admin.queryAudit,
  },
  GetAuditConfig: {
    ...SYSADMIN,
    audit: { class: 'config', name: 'audit.config_read' },
    handler: admin.getAuditConfig,
  },
  SetAuditConfig: { ...SYSADMIN, audit: CONFIG_EVENT, handler: admin.setAuditConfig },

  // Out of scope.
  SQLExec: NO_SQL,
  SQLQuery: NO_SQL,
  UnarySQLQuery: NO_SQL,
  ListTables: NO_SQL,
  DescribeTable: NO_SQL,
  VerifiableSQLGet: NO_SQL,
  TxSQLExec: NO_SQL,
  TxSQLQuery: NO_SQL,
  UseSnapshot: NO_SQL,
  ChangeSQLPrivileges: NO_SQL,
  NewTx: NO_TRANSACTIONS,
  Commit: NO_TRANSACTIONS,
  Rollback: NO_TRANSACTIONS,
} satisfies { readonly [M in MethodName]: Row<M> };
