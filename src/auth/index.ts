// For users of the layer.
export { Auth, type AuthDependencies, type AuthStats } from './auth.js';
export type { CallKind } from './authenticator.js';
export type { Caller } from './caller.js';
export type { Credentials } from './credentials.js';
export type { DatabaseCatalog } from './database-access.js';
export { AUTH_ERROR_CODES, AuthError, type AuthErrorCode } from './errors.js';
export type { LoginRequest, OpenSessionRequest } from './login-service.js';
export { type AuthMode, type AuthOptions, DEFAULT_AUTH_OPTIONS } from './options.js';
export type {
  AccessLevel,
  DatabasePermission,
  Permission,
} from './permissions.js';
export type { SessionEnd } from './sessions.js';
export { databaseStore, type SystemStore } from './store.js';
export type {
  ChangePasswordRequest,
  ChangePermissionRequest,
  CreateUserRequest,
} from './user-management.js';
export { FIRST_USER, goTimeText, type UserInfo } from './user-record.js';
export type { UserChange } from './users.js';
