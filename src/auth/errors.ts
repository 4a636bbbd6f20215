import { SteleError } from '../base/errors.js';

/**
 * Every way in which identification, authorisation or a change of users is refused, with the text that
 * is sent. `rpc/errors.ts` maps each code to its status. SDKs compare some of these texts, so two codes
 * may share a text and differ only in status. The argument is a name that the caller gave.
 */
const TEXTS = {
  // who is calling
  notLoggedIn: () => 'not logged in, please login first',
  logoutWithoutLogin: () => 'not logged in',
  invalidToken: () => 'invalid token',
  tokenExpired: () => 'token has expired',
  sessionNotFound: () => 'session not found',
  streamSessionNotFound: () => 'no session found',
  noSessionData: () => 'no session auth data provided',
  noSessionId: () => 'no sessionID provided',
  // logging in
  invalidCredentials: () => 'invalid user name or password',
  userInactive: () => 'user is not active',
  loginThrottled: () => 'too many failed logins, try again later (--login-retry-delay)',
  passwordQueueFull: () => 'too many passwords wait to be checked (--password-hash-queue)',
  tooManySessions: () => 'can not create new session: max sessions number reached (--max-sessions)',
  tooManySessionsOfUser: () =>
    'can not create new session: max sessions number of the user reached (--max-sessions-per-user)',
  tooManyTokens: () => 'too many logins (--max-tokens)',
  tooManyTokensOfUser: () => 'too many logins of the user (--max-tokens-per-user)',
  // modes
  authDisabled: () =>
    'server is running with authentication disabled, please enable authentication to login',
  remoteRefused: () => 'server has authentication disabled: only local connections are accepted',
  authRequired: () => 'this command is available only with authentication on',
  authMustBeOn: () => 'authentication must be on',
  notAllowedInMaintenance: () => 'operation not allowed in maintenance mode',
  selectDatabaseFirst: () => 'please select database first',
  // rights on a database
  noDatabaseSelected: () => 'please select a database first',
  permissionDenied: () => 'permission denied',
  noPermissionToSelect: () => 'Logged in user does not have permission on this database',
  selectedDatabaseNotFound: (name) => `'${name}' does not exist`,
  sessionDatabaseNotFound: () => 'database does not exist',
  notAllowedToCreateDatabase: () => 'loggedin user does not have permissions for this operation',
  notAllowedToManageDatabase: (name) =>
    `the database '${name}' does not exist or you do not have admin permission on this database`,
  // users
  userNameEmpty: () => 'username can not be empty',
  userNameInvalid: () => 'username can only contain letters, digits and underscores',
  userExists: () => 'user already exists',
  passwordEmpty: () => 'password is empty',
  passwordWeak: () =>
    'password must have between 8 and 64 letters, digits and special characters of which at least ' +
    '1 uppercase letter, 1 digit and 1 special character',
  permissionUnknown: () => 'unrecognized permission',
  sysadminNotCreated: () => 'can not create another system admin',
  userDatabaseNotFound: (name) => `database ${name} does not exist`,
  userDatabaseEmpty: () => 'database name can not be empty when there are multiple databases',
  userDatabaseNotAdmin: () => 'you do not have permission on this database',
  oldPasswordIncorrect: () => 'old password is incorrect',
  passwordTargetRefused: (name) => `user ${name} was not found or it was not created by you`,
  notAdminAnywhere: () => 'user is not system admin nor admin in any of the databases',
  ownStatus: () => 'changing your own status is not allowed',
  statusUserNotFound: (name) => `user ${name} not found`,
  statusNotCreator: (name) => `${name} was not created by you`,
  // change of permissions
  grantUserNameEmpty: () => 'username can not be empty',
  grantDatabaseEmpty: () => 'database can not be empty',
  grantDatabaseNotFound: () => 'database does not exist',
  grantPermissionUnknown: () => 'unrecognized permission',
  grantActionUnknown: () => 'action not recognized',
  grantNotAdmin: () => 'you do not have permission on this database',
  grantToOneself: () => 'changing your own permissions is not allowed',
  grantToSysadmin: () => 'changing sysadmin permissions is not allowed',
  grantUserNotFound: (name) => `user ${name} not found`,
  grantUserInactive: (name) => `user ${name} is not active`,
  // start, storage
  adminPasswordEmpty: () => 'Admin password cannot be empty',
  adminPasswordTooLong: () => 'admin password is longer than 1024 bytes',
  authOffRefused: () =>
    'authentication must be on: there are databases or users besides the first ones',
  maintenanceNeedsAuthOff: () => 'maintenance mode needs authentication to be off',
  tokenKeyInvalid: (path) => `${path} is not a token key: 32 bytes expected`,
  userRecordInvalid: (name) => `the stored record of user ${name} can not be read`,
  updateConflict: (name) => `the record of user ${name} was changed by somebody else`,
} as const satisfies Record<string, (subject: string) => string>;

export type AuthErrorCode = keyof typeof TEXTS;

export const AUTH_ERROR_CODES = Object.keys(TEXTS) as readonly AuthErrorCode[];

/** Longer names cannot exist; an error must not carry a caller's megabytes back. */
const SUBJECT_LENGTH_MAX = 128;

export interface AuthErrorOptions extends ErrorOptions {
  /** The name that the text repeats. */
  readonly subject?: string;
  /** Milliseconds after which a new try makes sense. */
  readonly retryAfterMs?: number;
}

/** The message is the text to send, whole. */
export class AuthError extends SteleError<AuthErrorCode> {
  /** Milliseconds; 0 when waiting does not help. */
  readonly retryAfterMs: number;

  constructor(code: AuthErrorCode, options: AuthErrorOptions = {}) {
    const subject = (options.subject ?? '').slice(0, SUBJECT_LENGTH_MAX);
    super(code, TEXTS[code](subject), options);
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}
