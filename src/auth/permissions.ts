/** In the place of a name: all databases. */
export const ALL_DATABASES = '*';

/** The numbers of the protocol. */
export const PERMISSION_NONE = 0;
export const PERMISSION_READ = 1;
export const PERMISSION_READ_WRITE = 2;
export const PERMISSION_ADMIN = 254;
/** Only on `*`. */
export const PERMISSION_SYSADMIN = 255;

export type Permission = 0 | 1 | 2 | 254 | 255;
export type GrantablePermission = 1 | 2 | 254;

/** What a method needs on the database it works on. */
export type AccessLevel = 'read' | 'write' | 'admin';

export interface DatabasePermission {
  readonly database: string;
  readonly permission: Permission;
}

const LEVEL_MIN: Record<AccessLevel, number> = {
  read: PERMISSION_READ,
  write: PERMISSION_READ_WRITE,
  admin: PERMISSION_ADMIN,
};

export function isPermission(value: unknown): value is Permission {
  return value === 0 || value === 1 || value === 2 || value === 254 || value === 255;
}

export function isGrantable(value: number): value is GrantablePermission {
  return value === 1 || value === 2 || value === 254;
}

/** Numbers between the known ones never get here: they are refused when they are granted or read. */
export function permits(permission: Permission, level: AccessLevel): boolean {
  return permission >= LEVEL_MIN[level];
}
