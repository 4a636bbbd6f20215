import { UsageError } from '../../kit/errors.js';
import { goDuration } from '../../kit/format.js';
import { optionRow } from '../../kit/options.js';
import { confirmed, SAFETY_OPTION } from '../confirm.js';
import { durationFrom, RETENTION_OPTION } from '../database-settings.js';
import type { Command } from '../print.js';

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
