import { UsageError } from '../../kit/errors.js';
import { readPassword } from '../../kit/password.js';
import type { Call, Command } from '../context.js';

export const login: Command = {
  name: 'login',
  aliases: ['l'],
  usage: '[user]',
  words: [0, 1],
  summary: 'Log in; later commands go on with it',
  details:
    'The password is asked for on a terminal, else it is the first line of standard input. In scripts\n' +
    'use --password-file or the environment variable STELE_PASSWORD: an argument is seen by others.',
  async run(call) {
    const { settings, connected, print, world } = call;
    const user = call.words[0] ?? settings.text('username');
    if (user === undefined) throw new UsageError('please specify a username');
    const client = await connected.bare();
    try {
      const { warning } = await client.login(user, await readPassword(settings, world));
      const database = settings.text('database');
      if (database !== undefined) await client.useDatabase(database);
      await saveLogin(call, client);
      const text = print.old ? 'Successfully logged in.' : 'Successfully logged in';
      print.line(warning === '' ? text : `${text}\n${warning}`, {
        loggedIn: true,
        user,
        ...(warning === '' ? {} : { warning }),
      });
      if (call.inShell) (await connected.client()).resume(client.credentials);
    } finally {
      await client.close();
    }
  },
};

async function saveLogin(
  { connected }: Call,
  {
    credentials,
  }: { readonly credentials: Awaited<ReturnType<Call['connected']['client']>>['credentials'] },
): Promise<void> {
  if (credentials.kind === 'token') await connected.loginFile.save(credentials);
}

export const logout: Command = {
  name: 'logout',
  aliases: ['x'],
  usage: '',
  words: [0, 0],
  summary: 'End the login',
  async run({ connected, print }) {
    const saved = await connected.loginFile.load();
    const none = print.old ? 'User not logged in.' : 'User not logged in';
    if (saved === undefined) return print.line(none, { loggedOut: false });
    const { needsLogin } = await import('../../../client/index.js');
    const client = await connected.client();
    try {
      await client.logout();
    } catch (error) {
      if (!needsLogin(error)) throw error;
    } finally {
      await connected.loginFile.remove();
    }
    print.line('Successfully logged out', { loggedOut: true });
  },
};

export const use: Command = {
  name: 'use',
  usage: '<database>',
  words: [1, 1],
  summary: 'Use this database from now on',
  completes: 'database',
  async run(call) {
    const { connected, print, words } = call;
    const name = words[0] as string;
    const client = await connected.client();
    await client.useDatabase(name);
    if (!connected.hasOwnLogin) await saveLogin(call, client);
    print.line(`Now using ${name}`, { database: name });
  },
};

export const databases: Command = {
  name: 'databases',
  aliases: ['dbs'],
  usage: '',
  words: [0, 0],
  summary: 'List the databases that the user may use',
  async run({ connected, print, signal }) {
    const client = await connected.client();
    const { databases: found } = await client.call('DatabaseList', {}, { signal });
    for (const { databaseName } of found) print.line(databaseName, { database: databaseName });
  },
};
