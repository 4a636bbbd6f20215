import type { Group } from '../kit/command.js';
import {
  FORMAT_OPTION,
  type OptionRow,
  optionRow,
  PROGRAM_OPTIONS,
  SERVER_OPTIONS,
  TLS_OPTIONS,
} from '../kit/options.js';
import { Program } from '../kit/program.js';
import * as audit from './commands/audit.js';
import { backup, dump, hotBackup, hotRestore, restore } from './commands/backup.js';
import * as upkeep from './commands/database-upkeep.js';
import * as databases from './commands/databases.js';
import { login, logout } from './commands/login.js';
import { set, status } from './commands/server.js';
import { stats } from './commands/stats.js';
import * as users from './commands/users.js';
import { AdminPrint, type Command } from './print.js';

const OPTIONS: readonly OptionRow[] = [
  ...SERVER_OPTIONS,
  ...TLS_OPTIONS,
  optionRow('json', 'switch', 'Print JSON, one object a line'),
  FORMAT_OPTION,
  ...PROGRAM_OPTIONS,
];

const COMMANDS: readonly Command[] = [
  login,
  logout,
  status,
  stats,
  users.list,
  users.create,
  users.password,
  users.activate,
  users.deactivate,
  users.permission,
  users.setPermission,
  databases.list,
  databases.create,
  databases.use,
  databases.update,
  databases.settingsCommand,
  databases.load,
  databases.unload,
  upkeep.remove,
  upkeep.truncate,
  upkeep.flush,
  upkeep.compact,
  upkeep.clean,
  audit.rotate,
  audit.rotateKey,
  audit.config,
  audit.verify,
  audit.query,
  set,
  backup,
  restore,
  dump,
  hotBackup,
  hotRestore,
];

const GROUPS: readonly Group[] = [
  { name: 'user', aliases: ['u'], summary: 'Users, their passwords and their rights' },
  { name: 'database', aliases: ['d'], summary: 'Databases and their settings' },
  { name: 'audit', summary: 'The audit stream of a server of Stele' },
];

/** What helps with errors that an administrator meets. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/cannot delete an open database/, '; unload it first: steleadmin database unload NAME'],
  [/already closed/, '; it is not loaded: steleadmin database load NAME'],
  [/database is reserved/, '; defaultdb and systemdb stay as they are'],
  [/when there are multiple databases/, '; name it after the permission'],
  [/retention period has not been reached/, '; no transaction is that old'],
];

export const STELEADMIN: Program<AdminPrint> = new Program({
  name: 'steleadmin',
  summary: 'Administers a Stele or immudb server: users, databases, figures',
  prefixes: ['STELE_', 'IMMUADMIN_'],
  options: OPTIONS,
  commands: COMMANDS,
  groups: GROUPS,
  advice: {
    login: 'steleadmin login USER',
    use: 'steleadmin database use NAME',
    more: (message) => REMEDIES.find(([pattern]) => pattern.test(message))?.[1] ?? '',
  },
  loginSuffix: '_admin',
  print: (out, settings) => new AdminPrint(out, settings),
});
