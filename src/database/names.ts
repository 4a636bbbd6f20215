import { DatabaseError } from './errors.js';

export const SYSTEM_DATABASE = 'systemdb';
export const DEFAULT_DATABASE = 'defaultdb';

const NAME_LENGTH_MAX = 128;

/**
 * Checks the name of a new database, already in lower case: 1 to 128 bytes of lower-case letters (of
 * any script), digits and underscores.
 */
export function checkDatabaseName(name: string): void {
  if (name.length < 1 || Buffer.byteLength(name) > NAME_LENGTH_MAX) {
    throw new DatabaseError('databaseNameLength', 'database name length outside of limits');
  }
  for (const character of name) {
    if (/^[\p{Ll}\p{Nd}_]$/u.test(character)) continue;
    if (/^[\p{P}\p{S}]$/u.test(character)) {
      throw new DatabaseError(
        'databaseNamePunctuation',
        'punctuation marks and symbols are not allowed in database name',
      );
    }
    throw new DatabaseError('databaseNameCharacter', 'unrecognized character in database name');
  }
}

export function isReserved(name: string): boolean {
  return name === SYSTEM_DATABASE || name === DEFAULT_DATABASE;
}
