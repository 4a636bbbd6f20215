import type { SteleClient } from '../../../client/index.js';
import { binarySize } from '../../kit/format.js';
import { optionRow } from '../../kit/options.js';
import type { Settings } from '../../kit/settings.js';
import type { World } from '../../kit/world.js';
import { SETTING_OPTIONS, settingsFrom, settingsShown } from '../database-settings.js';
import { AdminError } from '../errors.js';
import type { AdminPrint, Command } from '../print.js';

const DEFAULT_DATABASE = 'defaultdb';

export const list: Command = {
  name: 'database list',
  aliases: ['database l'],
  usage: '',
  words: [0, 0],
  summary: 'List databases, with their state and size',
  async run({ connected, print, signal }) {
    const client = await connected.client();
    if (print.old) return listNames(client, print, signal);
    const { databases } = await client.call('DatabaseListV2', {}, { signal });
    const columns = [
      'Database Name',
      'Created At',
      'Created By',
      'Status',
      'Is Replica',
      'Disk Size',
      'Transactions',
    ];
    const rows = databases.map((row) => [
      row.name,
      dayOf(row.created_at),
      row.created_by,
      row.loaded ? 'LOADED' : 'UNLOADED',
      row.settings?.replicationSettings?.replica?.value === true ? 'TRUE' : 'FALSE',
      binarySize(row.diskSize),
      String(row.numTransactions),
    ]);
    print.table(
      { caption: 'database(s)', count: rows.length, columns, rows },
      databases.map((row) => ({
        database: row.name,
        createdAt: row.created_at === 0 ? null : new Date(row.created_at * 1000).toISOString(),
        createdBy: row.created_by,
        loaded: row.loaded,
        replica: row.settings?.replicationSettings?.replica?.value === true,
        diskBytes: row.diskSize,
        transactions: row.numTransactions,
      })),
    );
  },
};

/** @param seconds Unix; 0 of a server that does not tell */
function dayOf(seconds: number): string {
  return seconds === 0 ? '' : new Date(seconds * 1000).toISOString().slice(0, 10);
}

/** As 0.9 does: names, with a star before the one in use. */
async function listNames(
  client: SteleClient,
  print: AdminPrint,
  signal: AbortSignal,
): Promise<void> {
  const { databases } = await client.call('DatabaseList', {}, { signal });
  const names = databases.map(({ databaseName }) => databaseName);
  const inUse = client.database === DEFAULT_DATABASE ? undefined : client.database;
  print.table(
    {
      caption: 'database(s)',
      count: names.length,
      columns: ['Database Name'],
      rows: names.map((name) => [name === inUse ? `*${name}` : name]),
    },
    names.map((database) => ({ database })),
  );
}

/** Scripts may give settings of the original's storage engine: they are told what these do here. */
function givenSettings(settings: Settings, world: World) {
  const given = settingsFrom(settings);
  if (given.withoutEffect.length > 0) {
    const flags = given.withoutEffect.map((name) => `--${name}`).join(', ');
    world.err(`Note: a server of Stele keeps this without effect: ${flags}\n`);
  }
  return given;
}

export const create: Command = {
  name: 'database create',
  usage: '<name>',
  words: [1, 1],
  summary: 'Create a database; its settings are flags',
  details: 'A --retention-period of 0 keeps values for ever.',
  options: [
    ...SETTING_OPTIONS,
    optionRow('if-not-exists', 'switch', 'Succeed when it is there', { flagOnly: true }),
  ],
  async run(call) {
    const { connected, print, settings, signal, world } = call;
    const name = call.words[0] as string;
    const { message, text, object } = givenSettings(settings, world);
    const client = await connected.client();
    if (print.old && Object.keys(message).length === 0 && !settings.has('if-not-exists')) {
      await client.call('CreateDatabase', { databaseName: name }, { signal });
      return print.line('database successfully created', { database: name, created: true });
    }
    const request = { name, settings: message, ifNotExists: settings.has('if-not-exists') };
    const answer = await client.call('CreateDatabaseV2', request, { signal });
    const created = !answer.alreadyExisted;
    if (answer.name !== name) {
      world.err(`Note: names are in lower case; the database is called ${answer.name}\n`);
    }
    print.line(
      created
        ? `database '${answer.name}' ${text} successfully created`
        : `database '${answer.name}' exists already; its settings stay as they are`,
      { database: answer.name, created, ...(created ? { settings: object } : {}) },
    );
  },
};

export const use: Command = {
  name: 'database use',
  usage: '<name>',
  words: [1, 1],
  summary: 'Use this database from now on, where a command is about one',
  completes: 'database',
  async run({ connected, print, words }) {
    const name = words[0] as string;
    const client = await connected.client();
    await client.useDatabase(name);
    const { credentials } = client;
    if (!connected.hasOwnLogin && credentials.kind === 'token') {
      await connected.loginFile.save(credentials);
    }
    const text = print.old ? `Now using ${name}` : `now using database '${name}'`;
    print.line(text, { database: name });
  },
};

export const update: Command = {
  name: 'database update',
  usage: '<name>',
  words: [1, 1],
  summary: 'Change the settings of a database that flags name; the rest stays',
  completes: 'database',
  options: SETTING_OPTIONS,
  async run({ connected, print, settings, signal, words, world }) {
    const database = words[0] as string;
    const { message, text, object } = givenSettings(settings, world);
    const client = await connected.client();
    await client.call('UpdateDatabaseV2', { database, settings: message }, { signal });
    print.line(`database '${database}' ${text} successfully updated`, {
      database,
      updated: true,
      settings: object,
    });
  },
};

export const settingsCommand: Command = {
  name: 'database settings',
  usage: '[name]',
  words: [0, 1],
  summary: 'Show the settings of a database, by default of the one in use',
  details: 'Each line is a flag of database update and its value; with --json one object.',
  completes: 'database',
  async run({ connected, print, signal, words }) {
    const client = await connected.client();
    const { database, settings } = await settingsOf(client, words[0], signal);
    const rows = settingsShown(settings ?? {});
    if (print.json) {
      const object = Object.fromEntries(rows.map(({ name, value }) => [name, value]));
      return print.object({ database, settings: object });
    }
    const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
    const lines = rows.map(({ name, text }) => `${name.padEnd(width)}${text}`.trimEnd());
    print.remark([`database '${database}'`, ...lines].join('\n'));
  },
};

async function settingsOf(client: SteleClient, name: string | undefined, signal: AbortSignal) {
  if (name === undefined) return client.call('GetDatabaseSettingsV2', {}, { signal });
  const { databases } = await client.call('DatabaseListV2', {}, { signal });
  const found = databases.find((row) => row.name === name);
  if (found === undefined) throw new AdminError('notFound', `database ${name} does not exist`);
  return { database: name, settings: found.settings };
}

export const load: Command = {
  name: 'database load',
  usage: '<name>',
  words: [1, 1],
  summary: 'Open a database, so that it can be used',
  completes: 'database',
  async run({ connected, print, signal, words }) {
    const database = words[0] as string;
    const client = await connected.client();
    await client.call('LoadDatabase', { database }, { signal });
    print.line(`database '${database}' successfully loaded`, { database, loaded: true });
  },
};

export const unload: Command = {
  name: 'database unload',
  usage: '<name>',
  words: [1, 1],
  summary: 'Close a database until it is loaded again',
  completes: 'database',
  async run({ connected, print, signal, words }) {
    const database = words[0] as string;
    const client = await connected.client();
    await client.call('UnloadDatabase', { database }, { signal });
    print.line(`database '${database}' successfully unloaded`, { database, loaded: false });
  },
};
