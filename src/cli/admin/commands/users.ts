import type { SteleClient } from '../../../client/index.js';
import { UsageError } from '../../kit/errors.js';
import type { JsonObject } from '../../kit/print.js';
import { AdminError } from '../errors.js';
import { NEW_PASSWORD_DETAILS, NEW_PASSWORD_OPTIONS, newPassword } from '../new-password.js';
import { levelNumber, levelTitle, levelWord } from '../permissions.js';
import type { Call, Command } from '../print.js';
import { changePassword } from './login.js';

/** Whose old password is asked for when it changes. */
const FIRST_USER = 'immudb';

const ACTION = { grant: 0, revoke: 1 } as const;

async function usersOf(client: SteleClient, signal: AbortSignal) {
  const { users } = await client.call('ListUsers', {}, { signal });
  return users.map((row) => ({ ...row, name: Buffer.from(row.user).toString('utf8') }));
}

/** `2026-11-23 03:50:25.28 +0000 UTC` as a time of ISO 8601; another text as it is. */
function isoTime(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) \+0000 UTC/.exec(text);
  return match === null ? text : `${match[1]}T${match[2]}Z`;
}

export const list: Command = {
  name: 'user list',
  usage: '',
  words: [0, 0],
  summary: 'List users, with their rights',
  async run({ connected, print, signal }) {
    const users = await usersOf(await connected.client(), signal);
    const rows: string[][] = [];
    const objects: JsonObject[] = [];
    for (const { name, active, permissions, createdby, createdat } of users) {
      const [first, ...others] = permissions.map(({ database, permission }) => [
        database,
        levelTitle(permission),
      ]);
      rows.push([name, String(active), ...(first ?? ['', '']), createdby, createdat]);
      for (const other of others) rows.push(['', '', ...other, '', '']);
      objects.push({
        user: name,
        active,
        permissions: permissions.map(({ database, permission }) => ({
          database,
          permission: levelWord(permission),
        })),
        createdBy: createdby,
        createdAt: isoTime(createdat),
      });
    }
    const columns = ['User', 'Active', 'Database', 'Permission', 'Created By', 'Created At'];
    print.table(
      { caption: 'user(s)', count: users.length, columns, rows, wideRules: true },
      objects,
    );
  },
};

export const create: Command = {
  name: 'user create',
  usage: '<user> read|readwrite|admin [database]',
  words: [2, 3],
  summary: 'Create a user with a right on a database',
  details: `Without the database it is defaultdb, while there is no other.\n${NEW_PASSWORD_DETAILS}`,
  options: NEW_PASSWORD_OPTIONS,
  async run(call) {
    const { words, connected, print, signal } = call;
    const [user = '', level = '', database = ''] = words;
    const permission = levelNumber(level);
    const client = await connected.client();
    await checkNew(client, user, database, signal);
    const password = Buffer.from(await newPassword(call, user));
    const request = { user: Buffer.from(user), password, permission, database };
    await client.call('CreateUser', request, { signal });
    print.line(`Created user ${user}`, {
      user,
      permission: level,
      database: database || 'defaultdb',
    });
  },
};

/** What can be refused is refused before a password is asked for. */
async function checkNew(
  client: SteleClient,
  user: string,
  database: string,
  signal: AbortSignal,
): Promise<void> {
  const users = await usersOf(client, signal);
  if (users.some(({ name }) => name === user)) {
    throw new AdminError('exists', `User ${user} already exists`);
  }
  if (database === '') return;
  const { databases } = await client.call('DatabaseList', {}, { signal });
  if (databases.some(({ databaseName }) => databaseName === database)) return;
  throw new AdminError(
    'notFound',
    `Database ${database} does not exist; there ${databases.length === 1 ? 'is' : 'are'}: ${databases
      .map(({ databaseName }) => databaseName)
      .join(', ')}`,
  );
}

export const password: Command = {
  name: 'user change-password',
  aliases: ['user changepassword'],
  usage: '<user>',
  words: [1, 1],
  summary: 'Change the password of a user; its logins end',
  details:
    `For ${FIRST_USER} the old password is needed too: it is asked for, or --password-file or\n` +
    `STELE_PASSWORD, or the first line of standard input.\n${NEW_PASSWORD_DETAILS}`,
  options: NEW_PASSWORD_OPTIONS,
  async run(call) {
    const { connected, print } = call;
    const user = call.words[0] as string;
    const client = await connected.client();
    const old = user === FIRST_USER ? await connected.passwords.current('Old password:') : '';
    await changePassword(client, user, old, await newPassword(call, user));
    print.line(`${user}'s password has been changed`, { user, passwordChanged: true });
  },
};

function activation(name: string, active: boolean, summary: string): Command {
  return {
    name: `user ${name}`,
    usage: '<user>',
    words: [1, 1],
    summary,
    async run({ words, connected, print, signal }) {
      const username = words[0] as string;
      const client = await connected.client();
      await client.call('SetActiveUser', { username, active }, { signal });
      print.line('User status changed successfully', { user: username, active });
    },
  };
}

export const activate = activation('activate', true, 'Let a user log in again');
export const deactivate = activation('deactivate', false, 'Let a user log in no more; it stays');

async function changePermission(
  { connected, print, signal }: Call,
  action: keyof typeof ACTION,
  username: string,
  level: string,
  database: string,
): Promise<void> {
  const permission = levelNumber(level);
  const client = await connected.client();
  const request = { action: ACTION[action], username, database, permission };
  await client.call('ChangePermission', request, { signal });
  print.line('Permission changed successfully', {
    user: username,
    database,
    permission: action === 'grant' ? level : null,
  });
}

export const permission: Command = {
  name: 'user permission',
  usage: 'grant|revoke <user> read|readwrite|admin <database>',
  words: [3, 4],
  summary: 'Grant a user a right on a database in place of the one it has, or revoke it',
  details: 'To revoke, the level may be left out: whichever the user has is taken away.',
  async run(call) {
    const [action = '', user = '', ...rest] = call.words;
    if (action !== 'grant' && action !== 'revoke') {
      throw new UsageError(`expected grant or revoke, got ${action}`);
    }
    const [database = '', level] = rest.reverse();
    if (level === undefined && action === 'grant') {
      throw new UsageError('grant needs <user> <permission> <database>');
    }
    await changePermission(call, action, user, level ?? 'read', database);
  },
};

export const setPermission: Command = {
  name: 'user set-permission',
  usage: '<user> read|readwrite|admin|none <database>',
  words: [3, 3],
  summary: 'As user permission grant; none revokes',
  async run(call) {
    const [user = '', level = '', database = ''] = call.words;
    if (level === 'none') return changePermission(call, 'revoke', user, 'read', database);
    return changePermission(call, 'grant', user, level, database);
  },
};
