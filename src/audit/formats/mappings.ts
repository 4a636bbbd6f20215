/** How other schemas see an event of the catalogue. */
export interface Mapping {
  /** Name in the audit files of MongoDB; undefined when there is none. */
  readonly atype?: string;
  /** `type_uid` of OCSF 1.8.0: class times 100 plus activity. */
  readonly ocsf: number;
  /** `event.category` and `event.type` of ECS. */
  readonly ecs: readonly [category: string, ...types: string[]];
  /** A person reads it in CEF. */
  readonly title: string;
}

type Row = readonly [atype: string | undefined, ocsf: number, ecs: string, title: string];

const none = undefined;

const ROWS: Readonly<Record<string, Row>> = {
  'auth.login.succeeded': ['authenticate', 300201, 'authentication start', 'Login'],
  'auth.login.failed': ['authenticate', 300201, 'authentication start', 'Login failed'],
  'auth.logout': ['logout', 300202, 'authentication end', 'Logout'],
  'auth.session.expired': ['logout', 300202, 'session end', 'Session expired'],
  'auth.rejected': ['authCheck', 600300, 'authentication denied', 'Call without valid login'],
  'authz.denied': ['authCheck', 600300, 'database denied', 'Call refused'],
  'session.keepalive': [none, 600302, 'session info', 'Session kept alive'],
  'user.create': ['createUser', 300101, 'iam user creation', 'User created'],
  'user.list': ['authCheck', 300402, 'iam user info', 'Users listed'],
  'user.password_change': ['updateUser', 300103, 'iam user change', 'Password changed'],
  'user.permission_grant': ['grantRolesToUser', 300501, 'iam user change', 'Permission granted'],
  'user.permission_revoke': [
    'revokeRolesFromUser',
    300502,
    'iam user change',
    'Permission revoked',
  ],
  'user.activate': ['updateUser', 300102, 'iam user change', 'User activated'],
  'user.deactivate': ['updateUser', 300105, 'iam user change', 'User deactivated'],
  'user.admin_reset': ['updateUser', 300104, 'iam admin change', 'Admin password reset'],
  'database.create': ['createDatabase', 300401, 'database creation', 'Database created'],
  'database.load': [none, 300410, 'database start', 'Database loaded'],
  'database.unload': [none, 300411, 'database end', 'Database unloaded'],
  'database.delete': ['dropDatabase', 300404, 'database deletion', 'Database deleted'],
  'database.update': [none, 300403, 'database change', 'Database settings changed'],
  'database.use': [none, 600503, 'database access', 'Database selected'],
  'database.list': ['authCheck', 600508, 'database access', 'Databases listed'],
  'database.settings_read': ['authCheck', 300402, 'database access', 'Database settings read'],
  'database.truncate': [none, 600507, 'database deletion', 'Database truncated'],
  'database.index_flush': [none, 300403, 'database change', 'Index flushed'],
  'database.index_compact': [none, 300403, 'database change', 'Index compacted'],
  'kv.set': ['authCheck', 600505, 'database change', 'Keys set'],
  'kv.delete': ['authCheck', 600507, 'database deletion', 'Keys deleted'],
  'kv.exec_all': ['authCheck', 600505, 'database change', 'Operations executed'],
  'kv.set_reference': ['authCheck', 600505, 'database change', 'Reference set'],
  'kv.zadd': ['authCheck', 600505, 'database change', 'Added to sorted set'],
  'kv.get': ['authCheck', 600501, 'database access', 'Key read'],
  'kv.get_all': ['authCheck', 600501, 'database access', 'Keys read'],
  'kv.scan': ['authCheck', 600504, 'database access', 'Keys scanned'],
  'kv.history': ['authCheck', 600504, 'database access', 'History read'],
  'kv.zscan': ['authCheck', 600504, 'database access', 'Sorted set scanned'],
  'kv.count': ['authCheck', 600504, 'database access', 'Keys counted'],
  'tx.get': ['authCheck', 600501, 'database access', 'Transaction read'],
  'tx.scan': ['authCheck', 600504, 'database access', 'Transactions scanned'],
  'state.read': ['authCheck', 600501, 'database access', 'State read'],
  'server.health': ['authCheck', 600302, 'database info', 'Health asked'],
  'tx.export': [none, 600501, 'database access', 'Transactions exported'],
  'tx.import': [none, 600505, 'database change', 'Transaction imported'],
  'tx.recovered': [none, 600505, 'database info', 'Transaction found at start'],
  'backup.started': [none, 600501, 'database access', 'Backup started'],
  'backup.completed': [none, 600501, 'database access', 'Backup completed'],
  'backup.failed': [none, 600501, 'database error', 'Backup failed'],
  'restore.started': [none, 600505, 'database change', 'Restore started'],
  'restore.completed': [none, 600505, 'database change', 'Restore completed'],
  'restore.failed': [none, 600505, 'database error', 'Restore failed'],
  'server.started': ['startup', 600203, 'process start', 'Server started'],
  'server.stopping': ['shutdown', 600204, 'process end', 'Server stops'],
  'config.changed': [none, 300403, 'configuration change', 'Configuration changed'],
  'rpc.unimplemented': [none, 600300, 'database error', 'Unsupported call'],
  'audit.opened': [none, 100806, 'configuration start', 'Audit file opened'],
  'audit.rotated': ['rotateLog', 100805, 'configuration end', 'Audit file rotated'],
  'audit.checkpoint': [none, 100899, 'configuration info', 'Audit checkpoint'],
  'audit.config_changed': ['auditConfigure', 300403, 'configuration change', 'Audit changed'],
  'audit.rotate_requested': [none, 100805, 'configuration change', 'Audit rotation asked for'],
  'audit.key_rotate_requested': [none, 300403, 'configuration change', 'Audit key asked for'],
  'audit.config_read': [none, 300402, 'configuration access', 'Audit settings read'],
  'audit.key_rotated': [none, 300403, 'configuration change', 'Audit key changed'],
  'audit.file_archived': [none, 100804, 'configuration change', 'Audit file archived'],
  'audit.file_deleted': [none, 100802, 'configuration deletion', 'Audit file deleted'],
  'audit.space_low': [none, 600801, 'configuration error', 'Little space for the audit'],
  'audit.suspended': [none, 100807, 'configuration error', 'Audit suspended'],
  'audit.resumed': [none, 100806, 'configuration start', 'Audit resumed'],
  'audit.gap': [none, 100899, 'configuration error', 'Audit has a gap'],
  'audit.recovered': [none, 100808, 'configuration change', 'Audit recovered'],
  'audit.queried': [none, 100803, 'configuration access', 'Audit queried'],
  'audit.verified': [none, 100803, 'configuration access', 'Audit verified'],
  'tamper.detected': [none, 200401, 'intrusion_detection info', 'Tampering detected'],
};

/** API activity, unknown: nothing is claimed about an event that this table does not know. */
const UNKNOWN: Mapping = { ocsf: 600300, ecs: ['database', 'info'], title: 'Event' };

function mapping([atype, ocsf, ecs, title]: Row): Mapping {
  const [category, ...types] = ecs.split(' ') as [string, ...string[]];
  return { ...(atype === undefined ? {} : { atype }), ocsf, ecs: [category, ...types], title };
}

const MAPPINGS = new Map(Object.entries(ROWS).map(([name, row]) => [name, mapping(row)]));

/** Names of all events that the table knows. */
export const MAPPED_EVENTS: readonly string[] = Object.keys(ROWS);

export function mappingOf(eventName: string): Mapping {
  return MAPPINGS.get(eventName) ?? UNKNOWN;
}

/** Severity as OCSF counts: 1 informational, 3 medium, 4 high, 5 critical. */
export function severityOf(eventName: string, succeeded: boolean): number {
  if (eventName === 'tamper.detected') return 5;
  if (eventName === 'audit.suspended' || eventName === 'audit.gap') return 4;
  return eventName === 'audit.space_low' || !succeeded ? 3 : 1;
}
