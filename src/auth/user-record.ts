import { AuthError } from './errors.js';
import {
  ALL_DATABASES,
  type DatabasePermission,
  isPermission,
  PERMISSION_ADMIN,
  PERMISSION_NONE,
  PERMISSION_SYSADMIN,
  type Permission,
} from './permissions.js';

/** The user that exists from the start. */
export const FIRST_USER = 'immudb';

/** One user as `systemdb` holds it. Never changed in place. */
export interface User {
  readonly name: string;
  /** PHC string. */
  readonly passwordHash: string;
  /** Counts changes of the password; a new hash of the same password leaves it alone. */
  readonly passwordSerial: number;
  /** At most one for each database; sysadmins have 255 on `*`. */
  readonly permissions: readonly DatabasePermission[];
  /** Name of the user who created this one; empty for the first. */
  readonly createdBy: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly active: boolean;
}

/** What others may see of a user. */
export type UserInfo = Omit<User, 'passwordHash' | 'passwordSerial'>;

const FORMAT = 1;
const NAME = /^[A-Za-z0-9_]{1,63}$/;

export function isUserName(name: string): boolean {
  return NAME.test(name);
}

export function userInfo(user: User): UserInfo {
  const { passwordHash: _hash, passwordSerial: _serial, ...info } = user;
  return info;
}

export function isSysadmin(user: User): boolean {
  return user.permissions.some(
    (p) => p.database === ALL_DATABASES && p.permission === PERMISSION_SYSADMIN,
  );
}

export function isAdminAnywhere(user: User): boolean {
  return isSysadmin(user) || user.permissions.some((p) => p.permission === PERMISSION_ADMIN);
}

export function permissionOf(user: User, database: string): Permission {
  if (isSysadmin(user)) return PERMISSION_SYSADMIN;
  const found = user.permissions.find((p) => p.database === database);
  return found === undefined ? PERMISSION_NONE : found.permission;
}

/** 255 on a single database, as an imported record may have it, does not let anybody select it. */
export function maySelect(user: User, database: string): boolean {
  if (isSysadmin(user)) return true;
  const permission = permissionOf(user, database);
  return permission !== PERMISSION_NONE && permission !== PERMISSION_SYSADMIN;
}

/** The user with `permission` in place of what he has on the database; 0 takes it away. */
export function withPermission(user: User, database: string, permission: Permission): User {
  const others = user.permissions.filter((p) => p.database !== database);
  if (permission !== PERMISSION_NONE) others.push({ database, permission });
  return { ...user, permissions: others };
}

export function encodeUser(user: User): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ format: FORMAT, ...user }));
}

/** @throws userRecordInvalid for anything that `encodeUser` would not write for that name */
export function decodeUser(name: string, bytes: Uint8Array): User {
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AuthError('userRecordInvalid', { subject: name, cause });
  }
  const user = userFrom(raw);
  if (user === undefined || user.name !== name) {
    throw new AuthError('userRecordInvalid', { subject: name });
  }
  return user;
}

function userFrom(raw: unknown): User | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { format, name, passwordHash, passwordSerial, permissions, createdBy, createdAt, active } =
    raw as Record<string, unknown>;
  if (format !== FORMAT || typeof name !== 'string' || !isUserName(name)) return undefined;
  if (typeof passwordHash !== 'string' || !passwordHash.startsWith('$argon2id$')) return undefined;
  if (!Number.isSafeInteger(passwordSerial)) return undefined;
  if (typeof createdBy !== 'string' || !Number.isSafeInteger(createdAt)) return undefined;
  if (typeof active !== 'boolean' || !isPermissionList(permissions)) return undefined;
  return {
    name,
    passwordHash,
    passwordSerial: passwordSerial as number,
    permissions,
    createdBy,
    createdAt: createdAt as number,
    active,
  };
}

function isPermissionList(value: unknown): value is DatabasePermission[] {
  return (
    Array.isArray(value) &&
    value.every(
      (p: { database?: unknown; permission?: unknown } | null) =>
        typeof p?.database === 'string' && isPermission(p.permission),
    )
  );
}

/**
 * A time as Go prints it by default, the text that `User.createdat` holds on the wire:
 * `2021-04-08 15:33:55.123 +0000 UTC`, without trailing zeros in the fraction.
 */
export function goTimeText(unixMs: number): string {
  const iso = new Date(unixMs).toISOString();
  const fraction = iso.slice('yyyy-mm-ddThh:mm:ss.'.length, -1).replace(/0+$/, '');
  const seconds = `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
  return `${seconds}${fraction === '' ? '' : `.${fraction}`} +0000 UTC`;
}
