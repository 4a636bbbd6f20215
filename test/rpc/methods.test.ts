import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METHOD_ROWS } from '../../src/rpc/methods.js';
import { METHOD_NAMES, type MethodName } from '../../src/wire/index.js';
import { readVector } from '../support/project.js';

/** Beside the protocol of immudb. */
const OF_STELE: readonly MethodName[] = [
  'RotateAudit',
  'RotateAuditKey',
  'VerifyAudit',
  'QueryAudit',
  'GetAuditConfig',
  'SetAuditConfig',
];

/** The smallest permission that passes, by the index of the protocol; GetAll is a read here. */
const DOCUMENTED: Readonly<Record<string, readonly MethodName[]>> = {
  none: ['Login', 'OpenSession', 'Health', 'ServerInfo'],
  ownLogin: ['Logout', 'CloseSession', 'KeepAlive'],
  login: [
    'UpdateAuthConfig',
    'UpdateMTLSConfig',
    'ListUsers',
    'CreateUser',
    'ChangePassword',
    'ChangePermission',
    'SetActiveUser',
    'DatabaseList',
    'DatabaseListV2',
  ],
  'read on selected': [
    'Get',
    'VerifiableGet',
    'GetAll',
    'Scan',
    'ZScan',
    'History',
    'Count',
    'CountAll',
    'TxById',
    'VerifiableTxById',
    'TxScan',
    'CurrentState',
    'DatabaseHealth',
    'GetDatabaseSettings',
    'GetDatabaseSettingsV2',
    'streamGet',
    'streamVerifiableGet',
    'streamScan',
    'streamZScan',
    'streamHistory',
  ],
  'write on selected': [
    'Set',
    'VerifiableSet',
    'Delete',
    'ExecAll',
    'SetReference',
    'VerifiableSetReference',
    'ZAdd',
    'VerifiableZAdd',
    'streamSet',
    'streamVerifiableSet',
    'streamExecAll',
  ],
  'admin on selected': [
    'FlushIndex',
    'CompactIndex',
    'CleanIndex',
    'exportTx',
    'streamExportTx',
    'replicateTx',
  ],
  'read on named': ['UseDatabase'],
  'admin on named': [
    'LoadDatabase',
    'UnloadDatabase',
    'DeleteDatabase',
    'UpdateDatabase',
    'UpdateDatabaseV2',
    'TruncateDatabase',
  ],
  sysadmin: ['CreateDatabase', 'CreateDatabaseWith', 'CreateDatabaseV2', ...OF_STELE],
};

function accessOf(method: MethodName): string | undefined {
  const row = METHOD_ROWS[method];
  if ('unimplemented' in row) return undefined;
  if (row.database === 'server') return row.permission;
  return `${row.permission} on ${row.database === 'selected' ? 'selected' : 'named'}`;
}

test('the table has a row for each method of the protocol and no other', () => {
  assert.deepEqual(Object.keys(METHOD_ROWS).sort(), [...METHOD_NAMES].sort());
});

test('each method asks for the permission that the protocol documents', () => {
  const found: Record<string, MethodName[]> = {};
  for (const method of METHOD_NAMES) {
    const access = accessOf(method);
    if (access !== undefined) found[access] = [...(found[access] ?? []), method];
  }
  const sorted = (groups: Readonly<Record<string, readonly MethodName[]>>) =>
    Object.fromEntries(Object.entries(groups).map(([name, list]) => [name, [...list].sort()]));
  assert.deepEqual(sorted(found), sorted(DOCUMENTED));
});

test('what the index of the protocol serves is implemented, the rest is not', () => {
  const index = readVector('rpc-index.json') as { served: { name: MethodName }[] };
  const implemented = METHOD_NAMES.filter((method) => accessOf(method) !== undefined);
  const served = [...index.served.map(({ name }) => name), ...OF_STELE];
  assert.deepEqual(implemented.sort(), served.sort());
});

test('writes and changes are refused in maintenance mode, reads are served', () => {
  for (const method of METHOD_NAMES) {
    const row = METHOD_ROWS[method];
    if ('unimplemented' in row) continue;
    const access = accessOf(method);
    if (access?.startsWith('write')) assert.equal(row.maintenance, false, method);
    if (access?.startsWith('read')) assert.equal(row.maintenance, true, method);
    if (access === 'sysadmin' || access === 'admin on named') {
      assert.equal(row.maintenance, false, method);
    }
  }
});

test('writes and reads are events of the class that they are', () => {
  for (const method of METHOD_NAMES) {
    const row = METHOD_ROWS[method];
    if ('unimplemented' in row) continue;
    if (accessOf(method) === 'write on selected') assert.equal(row.audit.class, 'write', method);
    else assert.notEqual(row.audit.class, 'write', method);
  }
});
