import type { SteleClient } from '../../../client/index.js';
import { UsageError } from '../../kit/errors.js';
import { AdminError } from '../errors.js';
import { NEW_PASSWORD_DETAILS, NEW_PASSWORD_OPTIONS, newPassword } from '../new-password.js';
import type { Call, Command } from '../print.js';

export const login: Command = {
  name: 'login',
  aliases: ['l'],
  usage: '[user]',
  words: [0, 1],
  summary: 'Log in; later commands go on with it',
  details: [
    'The password is asked for on a terminal, else it is the first line of standard input. In scripts',
    'use --password-file or the environment variable STELE_PASSWORD.',
    'Who logs in with the default password chooses another one, or is not logged in.',
    NEW_PASSWORD_DETAILS,
  ].join('\n'),
  options: NEW_PASSWORD_OPTIONS,
  async run(call) {
    const { settings, connected, print } = call;
    const user = call.words[0] ?? settings.text('username');
    if (user === undefined) throw new UsageError('please name the user: login USER');
    const client = await connected.bare();
    try {
      const password = await connected.passwords.current();
      const { warning } = await client.login(user, password);
      if (warning !== '') await replacePassword(call, client, user, password, warning);
      const database = settings.text('database');
      if (database !== undefined) await client.useDatabase(database);
      if (client.credentials.kind === 'token') await connected.loginFile.save(client.credentials);
      print.line('logged in', { loggedIn: true, user, passwordChanged: warning !== '' });
      if (warning !== '') print.remark(`${user}'s password has been changed`);
    } finally {
      await client.close();
    }
  },
};

/** The default password is known to everybody: nobody goes on with it. */
async function replacePassword(
  call: Call,
  client: SteleClient,
  user: string,
  password: string,
  warning: string,
): Promise<void> {
  call.world.err(`SECURITY WARNING: ${warning}\n`);
  let chosen: string;
  try {
    chosen = await newPassword(call, user);
    await changePassword(client, user, password, chosen);
  } catch (error) {
    await client.logout().catch(() => {});
    throw error;
  }
  await client.login(user, chosen);
}

/** @param oldPassword of the caller; only a system administrator's own is asked for */
export async function changePassword(
  client: SteleClient,
  user: string,
  oldPassword: string,
  password: string,
): Promise<void> {
  await client.call('ChangePassword', {
    user: Buffer.from(user),
    oldPassword: Buffer.from(oldPassword),
    newPassword: Buffer.from(password),
  });
}

export const logout: Command = {
  name: 'logout',
  aliases: ['x'],
  usage: '',
  words: [0, 0],
  summary: 'End the login',
  async run({ connected, print }) {
    const saved = await connected.loginFile.load();
    if (saved === undefined) throw new AdminError('notLoggedIn', 'not logged in');
    const { needsLogin } = await import('../../../client/index.js');
    const client = await connected.client();
    try {
      await client.logout();
    } catch (error) {
      if (!needsLogin(error)) throw error;
    } finally {
      await connected.loginFile.remove();
    }
    print.line('logged out', { loggedOut: true });
  },
};
