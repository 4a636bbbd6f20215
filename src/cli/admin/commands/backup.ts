import { optionRow } from '../../kit/options.js';
import { AdminError } from '../errors.js';
import type { Command } from '../print.js';

const DIRECTORY = optionRow('dbdir', 'text', 'Data directory of the server', {
  value: 'DIR',
  flagOnly: true,
});
const MANUAL = optionRow('manual-stop-start', 'switch', 'The server is not running', {
  flagOnly: true,
});
const APPEND = optionRow('append', 'switch', 'Go on where the other end stops', { flagOnly: true });
const PROGRESS = optionRow('progress-bar', 'switch', 'Show how far it is', { flagOnly: true });

/** A command that has its place, its arguments and its flags, and no work yet. */
function later(row: Omit<Command, 'run'>): Command {
  return {
    ...row,
    summary: `${row.summary} (not in this version)`,
    run: () =>
      Promise.reject(
        new AdminError(
          'notYet',
          `${row.name} is not in this version of steleadmin; nothing was done. Until then: stop the server and ` +
            'copy its data directory',
        ),
      ),
  };
}

export const backup = later({
  name: 'backup',
  usage: '',
  words: [0, 0],
  summary: 'Copy the data directory of a server that is stopped for it',
  options: [
    DIRECTORY,
    MANUAL,
    optionRow('uncompressed', 'switch', 'A folder, not an archive', { short: 'u', flagOnly: true }),
  ],
});

export const restore = later({
  name: 'restore',
  usage: '<snapshot>',
  words: [1, 1],
  summary: 'Put a copy in the place of the data directory',
  options: [DIRECTORY, MANUAL],
});

export const dump = later({
  name: 'dump',
  usage: '[file]',
  words: [0, 1],
  summary: 'Write all keys and values to a file',
});

export const hotBackup = later({
  name: 'hot-backup',
  usage: '<database>',
  words: [1, 1],
  summary: 'Copy the transactions of a database from a running server',
  options: [
    optionRow('output', 'text', 'File to write, - for standard output', {
      short: 'o',
      value: 'FILE',
      flagOnly: true,
    }),
    optionRow('start-tx', 'number', 'First transaction', { value: 'ID', flagOnly: true }),
    APPEND,
    PROGRESS,
  ],
});

export const hotRestore = later({
  name: 'hot-restore',
  usage: '[database]',
  words: [0, 1],
  summary: 'Write the transactions of a copy into a database of a running server',
  options: [
    optionRow('input', 'text', 'File to read, - for standard input', {
      short: 'i',
      value: 'FILE',
      flagOnly: true,
    }),
    optionRow('verify-only', 'switch', 'Check the file and write nothing', { flagOnly: true }),
    optionRow('force', 'switch', 'Also when the ranges only touch', { flagOnly: true }),
    optionRow('force-replica', 'switch', 'Make the database a replica for it', { flagOnly: true }),
    APPEND,
    PROGRESS,
  ],
});
