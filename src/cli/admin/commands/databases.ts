import type { SteleClient } from '../../../client/index.js';
import { UsageError } from '../../kit/errors.js';
import { binarySize, goDuration } from '../../kit/format.js';
import { optionRow } from '../../kit/options.js';
import { confirmed, SAFETY_OPTION } from '../confirm.js';
import {
  durationFrom,
  RETENTION_OPTION,
  SETTING_OPTIONS,
  settingsFrom,
  settingsShown,
} from '../database-settings.js';
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
    const { message, text, object } = settingsFrom(settings);
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
  async run({ connected, print, settings, signal, words }) {
    const database = words[0] as string;
    const { message, text, object } = settingsFrom(settings);
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

export const remove: Command = {
  name: 'database delete',
  usage: '<name>',
  words: [1, 1],
  summary: 'Delete a database, which must be unloaded, with all its history',
  details:
    'On a terminal its name must be typed; a script gives --yes-i-know-what-i-am-doing. Nothing brings\n' +
    'the data back.',
  completes: 'database',
  options: [SAFETY_OPTION],
  async run(call) {
    const { connected, print, signal } = call;
    const database = call.words[0] as string;
    if (!(await confirmed(call, `delete the database ${database}`, database))) {
      const text = `database '${database}' was not deleted. Safety flag not set`;
      return print.line(text, { database, deleted: false });
    }
    const client = await connected.client();
    await client.call('DeleteDatabase', { database }, { signal });
    print.line(`database '${database}' successfully deleted`, { database, deleted: true });
  },
};

export const truncate: Command = {
  name: 'database truncate',
  usage: '<name>',
  words: [1, 1],
  summary: 'Remove values that are older than a time; their hashes stay, and proofs hold',
  details:
    'Values written in the last --retention-period, at least 24h, are kept; 0 removes all that are there.\n' +
    'On a terminal the name of the database must be typed; a script gives --yes-i-know-what-i-am-doing.',
  completes: 'database',
  options: [SAFETY_OPTION, RETENTION_OPTION],
  async run(call) {
    const { connected, print, settings, signal } = call;
    const database = call.words[0] as string;
    const given = settings.text('retention-period');
    const retentionPeriod = given === undefined ? 0 : durationFrom(given, 'retention-period');
    if (!(await confirmed(call, `truncate the database ${database}`, database))) {
      const text = `database '${database}' was not truncated. Safety flag not set`;
      return print.line(text, { database, truncated: false });
    }
    if (given === undefined) {
      throw new UsageError('say what is kept: --retention-period 48h, for example');
    }
    const client = await connected.client();
    const period = goDuration(retentionPeriod);
    print.remark(`truncating database '${database}' up to retention period '${period}'...`);
    await client.call('TruncateDatabase', { database, retentionPeriod }, { signal });
    print.line(`database '${database}' successfully truncated`, {
      database,
      truncated: true,
      retentionMs: retentionPeriod,
    });
  },
};

const CLEANUP_OPTION = optionRow(
  'cleanup-percentage',
  'text',
  'From 0 to 100; of no effect in Stele',
  {
    value: 'NUMBER',
    flagOnly: true,
  },
);
const SYNCED_OPTION = optionRow('synced', 'switch', 'Of no effect in Stele', { flagOnly: true });

export const flush: Command = {
  name: 'database flush',
  usage: '',
  words: [0, 0],
  summary: 'Flush the index of the database in use; Stele needs it never',
  options: [CLEANUP_OPTION, SYNCED_OPTION],
  async run({ connected, print, settings, signal }) {
    const cleanupPercentage = Number(settings.text('cleanup-percentage') ?? 0);
    if (!Number.isFinite(cleanupPercentage)) {
      throw new UsageError('--cleanup-percentage: expected a number from 0 to 100');
    }
    const synced = settings.text('synced') === undefined || settings.has('synced');
    const client = await connected.client();
    const { database } = await client.call('FlushIndex', { cleanupPercentage, synced }, { signal });
    print.line('database index successfully flushed', { database, flushed: true });
  },
};

function compaction(name: string, text: string, more: Partial<Command> = {}): Command {
  return {
    name: `database ${name}`,
    usage: '',
    words: [0, 0],
    summary: 'Compact the index of the database in use; Stele needs it never',
    ...more,
    async run({ connected, print, signal }) {
      const client = await connected.client();
      await client.call('CompactIndex', {}, { signal });
      print.line(text, { database: client.database, compacted: true });
    },
  };
}

export const compact = compaction('compact', 'database index successfully compacted');
export const clean = compaction('clean', 'Database index successfully cleaned', {
  summary: 'The name of database compact in 0.9',
});
