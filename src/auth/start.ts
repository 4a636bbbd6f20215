import type { Clock } from '../base/clock.js';
import type { Log } from '../base/log.js';
import { DEFAULT_DATABASE } from '../database/index.js';
import type { DatabaseCatalog } from './database-access.js';
import { AuthError } from './errors.js';
import type { AuthOptions } from './options.js';
import { PASSWORD_BYTES_MAX, type PasswordHasher } from './passwords.js';
import { ALL_DATABASES, PERMISSION_SYSADMIN } from './permissions.js';
import { FIRST_USER } from './user-record.js';
import type { Users } from './users.js';

/** @throws maintenanceNeedsAuthOff, authOffRefused */
export function assertModeAllowed(
  options: AuthOptions,
  users: Users,
  databases: DatabaseCatalog,
): void {
  if (options.enabled && options.maintenance) throw new AuthError('maintenanceNeedsAuthOff');
  if (options.enabled || options.maintenance) return;
  const otherUser = users.all().some((user) => user.name !== FIRST_USER);
  const otherDatabase = databases.list().some((info) => info.name !== DEFAULT_DATABASE);
  if (otherUser || otherDatabase) throw new AuthError('authOffRefused');
}

/**
 * Makes the first user, or gives him the configured password where that is asked for.
 * @returns whether the password of a user who was there is another one now
 */
export async function prepareFirstUser(context: {
  readonly options: AuthOptions;
  readonly users: Users;
  readonly hasher: PasswordHasher;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<boolean> {
  const { options, users, hasher, clock, log } = context;
  const password = Buffer.from(options.adminPassword);
  if (password.length === 0) throw new AuthError('adminPasswordEmpty');
  if (password.length > PASSWORD_BYTES_MAX) throw new AuthError('adminPasswordTooLong');
  const existing = users.get(FIRST_USER);
  if (existing !== undefined) {
    if (!options.forceAdminPassword) return false;
    if (await hasher.verify(existing.passwordHash, password)) {
      log.info('admin password is as configured, nothing to change');
      return false;
    }
  }
  const passwordHash = await hasher.hash(password);
  if (existing !== undefined) {
    await users.change(FIRST_USER, 'password', () => ({
      ...existing,
      passwordHash,
      passwordSerial: existing.passwordSerial + 1,
    }));
    log.warn('admin password was replaced by the configured one');
    return true;
  }
  await users.change(FIRST_USER, 'created', () => ({
    name: FIRST_USER,
    passwordHash,
    passwordSerial: 0,
    permissions: [{ database: ALL_DATABASES, permission: PERMISSION_SYSADMIN }],
    createdBy: '',
    createdAt: clock.now(),
    active: true,
  }));
  log.info('first user was created', { user: FIRST_USER });
  return false;
}
