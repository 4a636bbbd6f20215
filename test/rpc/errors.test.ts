import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AUTH_ERROR_CODES, AuthError, type AuthErrorCode } from '../../src/auth/index.js';
import {
  DATABASE_ERROR_CODES,
  DatabaseError,
  type DatabaseErrorCode,
} from '../../src/database/index.js';
import { callStatus, ERROR_ANSWERS, mapError } from '../../src/rpc/errors.js';
import { RPC_ERROR_CODES, RpcError, type RpcErrorCode } from '../../src/rpc/rpc-error.js';
import {
  decodeStatusDetails,
  STATUS,
  WIRE_ERROR_CODES,
  WireDecodeError,
} from '../../src/wire/index.js';

const ALL_CODES: readonly string[] = [
  ...DATABASE_ERROR_CODES,
  ...AUTH_ERROR_CODES,
  ...WIRE_ERROR_CODES,
  ...RPC_ERROR_CODES,
];

type Documented = readonly [error: Error, status: number, text: string, info?: string];

const database = (code: DatabaseErrorCode, text = 'as it is') => new DatabaseError(code, text);
const auth = (code: AuthErrorCode, subject = '') => new AuthError(code, { subject });
const rpc = (code: RpcErrorCode) => new RpcError(code);

/** The catalogue of the protocol: status, text, `ErrorInfo` code. */
const CATALOGUE: readonly Documented[] = [
  [database('keyNotFound', 'tbtree: key not found'), 2, 'key not found'],
  [database('keyExpired'), 2, 'key not found: expired entry'],
  [database('txNotFound'), 2, 'tx not found'],
  [database('illegalArguments'), 3, 'illegal arguments'],
  [database('emptyKey', 'illegal arguments: empty key'), 2, 'illegal arguments: empty key'],
  [database('illegalState', 'tx 9 of 5'), 3, 'illegal state'],
  [database('noEntries', 'no entries provided'), 2, 'no entries provided'],
  [database('emptySet', 'empty set'), 3, 'empty set'],
  [database('duplicateKey', 'duplicated keys'), 3, 'duplicated keys'],
  [database('keyIsNotReference', 'final key'), 2, 'final key'],
  [database('resolutionLimit', 'limit'), 2, 'limit'],
  [database('corrupted', 'data is corrupted: page 7'), 2, 'data is corrupted'],
  [database('readConflict', 'tx read conflict'), 2, 'tx read conflict', '25P02'],
  [
    database('preconditionFailed', 'precondition failed: KeyMustExist'),
    9,
    'precondition failed: KeyMustExist',
    '23000',
  ],
  [database('databaseClosed'), 2, 'already closed'],
  [database('databaseNotFound', 'database does not exist'), 2, 'database does not exist'],
  [database('databaseExists', 'database already exists'), 2, 'database already exists'],
  [database('databaseReserved', 'database is reserved'), 13, 'database is reserved', 'XX000'],
  [
    database('databaseAlreadyLoaded', 'database already loaded'),
    13,
    'database already loaded',
    'XX000',
  ],
  [
    database('databaseStillLoaded', 'cannot delete an open database'),
    2,
    'cannot delete an open database',
  ],
  [database('noNewTransactions', 'no new transactions'), 2, 'no new transactions'],
  [database('notAReplica', 'database is NOT a replica'), 2, 'database is NOT a replica'],
  [auth('invalidCredentials'), 7, 'invalid user name or password', '08004'],
  [auth('userInactive'), 2, 'user is not active', '08004'],
  [auth('notLoggedIn'), 2, 'not logged in, please login first', '28000'],
  [auth('logoutWithoutLogin'), 2, 'not logged in', '28000'],
  [auth('invalidToken'), 13, 'invalid token', 'XX000'],
  [auth('tokenExpired'), 7, 'token has expired'],
  [auth('noDatabaseSelected'), 2, 'please select a database first'],
  [auth('permissionDenied'), 13, 'permission denied', 'XX000'],
  [auth('noPermissionToSelect'), 7, 'Logged in user does not have permission on this database'],
  [auth('selectedDatabaseNotFound', 'nodb'), 5, "'nodb' does not exist", '3F000'],
  [auth('sessionDatabaseNotFound'), 2, 'database does not exist'],
  [
    auth('notAllowedToCreateDatabase'),
    2,
    'loggedin user does not have permissions for this operation',
  ],
  [
    auth('notAllowedToManageDatabase', 'x'),
    2,
    "the database 'x' does not exist or you do not have admin permission on this database",
  ],
  [auth('sessionNotFound'), 7, 'session not found', '08001'],
  [auth('streamSessionNotFound'), 3, 'no session found', '22023'],
  [auth('noSessionData'), 2, 'no session auth data provided', '28000'],
  [auth('noSessionId'), 2, 'no sessionID provided', '28000'],
  [
    auth('tooManySessions'),
    13,
    'can not create new session: max sessions number reached (--max-sessions)',
    'XX000',
  ],
  [
    auth('authDisabled'),
    2,
    'server is running with authentication disabled, please enable authentication to login',
    '08P01',
  ],
  [
    auth('remoteRefused'),
    7,
    'server has authentication disabled: only local connections are accepted',
  ],
  [auth('authRequired'), 2, 'this command is available only with authentication on'],
  [auth('authMustBeOn'), 3, 'authentication must be on'],
  [auth('notAllowedInMaintenance'), 3, 'operation not allowed in maintenance mode'],
  [auth('selectDatabaseFirst'), 2, 'please select database first'],
  [auth('userExists'), 2, 'user already exists'],
  [auth('userNameEmpty'), 2, 'username can not be empty'],
  [auth('userNameInvalid'), 3, 'username can only contain letters, digits and underscores'],
  [auth('permissionUnknown'), 2, 'unrecognized permission'],
  [auth('grantPermissionUnknown'), 3, 'unrecognized permission'],
  [auth('sysadminNotCreated'), 2, 'can not create another system admin'],
  [auth('userDatabaseNotFound', 'nodb'), 2, 'database nodb does not exist'],
  [
    auth('userDatabaseEmpty'),
    2,
    'database name can not be empty when there are multiple databases',
  ],
  [auth('grantToOneself'), 3, 'changing your own permissions is not allowed'],
  [auth('grantToSysadmin'), 3, 'changing sysadmin permissions is not allowed'],
  [auth('grantUserNotFound', 'bob'), 5, 'user bob not found'],
  [auth('grantUserInactive', 'bob'), 9, 'user bob is not active'],
  [auth('grantNotAdmin'), 7, 'you do not have permission on this database'],
  [auth('grantDatabaseEmpty'), 3, 'database can not be empty'],
  [auth('grantDatabaseNotFound'), 3, 'database does not exist'],
  [auth('oldPasswordIncorrect'), 7, 'old password is incorrect'],
  [auth('passwordTargetRefused', 'bob'), 2, 'user bob was not found or it was not created by you'],
  [auth('notAdminAnywhere'), 2, 'user is not system admin nor admin in any of the databases'],
  [auth('ownStatus'), 2, 'changing your own status is not allowed'],
  [auth('statusUserNotFound', 'bob'), 2, 'user bob not found'],
  [auth('statusNotCreator', 'bob'), 2, 'bob was not created by you'],
  [rpc('streamValueTooLong'), 9, 'internal store max value length exceeded', '22000'],
  [rpc('streamValuesTooLong'), 9, 'max transaction values length exceeded', '22000'],
  [rpc('streamReferenceUnsupported'), 12, 'reference operation is not implemented', '42883'],
  [rpc('streamZAddMalformed'), 13, 'unable to reassemble ZAdd message on a streamExecAll', 'XX000'],
  [rpc('operationNotSupported'), 13, 'operation not supported', 'XX000'],
  [rpc('messageMissing'), 3, 'illegal arguments'],
  [
    new WireDecodeError('messageTruncated', 'the message ends'),
    13,
    'grpc: error unmarshalling request: the message ends',
  ],
  [
    new WireDecodeError('frameCutShort', 'ends in the key'),
    3,
    'not enough data to build the expected message. check value length declaration',
  ],
];

test('every code of every layer has a row, and no code stands in two layers', () => {
  assert.deepEqual(Object.keys(ERROR_ANSWERS).sort(), [...ALL_CODES].sort());
  assert.equal(new Set(ALL_CODES).size, ALL_CODES.length);
});

test('the catalogue of the protocol is answered to the letter', () => {
  for (const [error, status, text, info] of CATALOGUE) {
    const answer = callStatus(mapError(error));
    assert.equal(answer.code, status, text);
    assert.equal(answer.text, text);
    const details = answer.details && decodeStatusDetails(answer.details);
    assert.equal(details?.errorInfo?.code, info, text);
  }
});

test('details repeat status and text, and a RetryInfo of 0 stands beside them', () => {
  const { details } = callStatus(mapError(auth('userInactive')));
  assert.ok(details);
  assert.deepEqual(decodeStatusDetails(details), {
    status: 2,
    message: 'user is not active',
    errorInfo: { code: '08004', cause: 'user is not active' },
    retryDelayMs: 0,
  });
});

test('a delay that the error asks for is in the details', () => {
  const error = new AuthError('loginThrottled', { retryAfterMs: 750 });
  const { code, details } = callStatus(mapError(error));
  assert.equal(code, STATUS.RESOURCE_EXHAUSTED);
  assert.ok(details);
  assert.equal(decodeStatusDetails(details).retryDelayMs, 750);
});

test('illegal state carries neither details nor another word', () => {
  assert.deepEqual(callStatus(mapError(database('illegalState', 'latest txID=9'))), {
    code: STATUS.INVALID_ARGUMENT,
    text: 'illegal state',
  });
});

test('limits that clients can do nothing about are resource exhaustion and name their setting', () => {
  const disk = mapError(database('diskFull'));
  assert.equal(disk.status, 'RESOURCE_EXHAUSTED');
  assert.match(disk.text, /disk-reserve/);
  const waiters = mapError(database('tooManyWaiters'));
  assert.equal(waiters.status, 'RESOURCE_EXHAUSTED');
  assert.match(waiters.text, /max-waiters/);
  assert.equal(mapError(database('databaseFailed', 'fsync: EIO')).status, 'UNAVAILABLE');
});

test('storage paths and reasons of a failure stay inside', () => {
  for (const code of ['databaseFailed', 'databaseDamaged', 'corrupted', 'diskFull'] as const) {
    assert.doesNotMatch(mapError(database(code, '/var/lib/stele/x: EIO')).text, /EIO|var/);
  }
});

test('whatever no row knows is an internal error without its text', () => {
  for (const error of [new TypeError('x of undefined'), 'text', undefined]) {
    const mapped = mapError(error);
    assert.equal(mapped.status, 'INTERNAL');
    assert.equal(mapped.text, 'internal error');
    assert.equal(mapped.errorCode, undefined);
  }
});

test('errors that look like ours but are not are bugs', () => {
  const impostor = Object.assign(new Error('secret'), { code: 'keyNotFound' });
  assert.equal(mapError(impostor).text, 'internal error');
});

test('a method may answer a code in its own way', () => {
  const mapped = mapError(auth('notLoggedIn'), { notLoggedIn: { status: 'UNAUTHENTICATED' } });
  assert.equal(mapped.status, 'UNAUTHENTICATED');
});

test('a text fits into a header: bounded, and whole characters only', () => {
  const long = mapError(database('noEntries', 'x'.repeat(100_000)));
  assert.ok(long.text.length < 1100);
  const cut = mapError(database('noEntries', `name ${'\u{1f511}'.slice(0, 1)}`));
  assert.doesNotThrow(() => encodeURI(cut.text));
});
