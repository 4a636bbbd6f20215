import type { OwnCommand } from '../kit/command.js';
import { Program } from '../kit/program.js';
import { auditMode } from './commands/audit-mode.js';
import {
  count,
  get,
  getall,
  history,
  remove,
  restore,
  safeget,
  safeset,
  scan,
  set,
} from './commands/entries.js';
import { databases, login, logout, use } from './commands/login.js';
import { current, forget, health, info, status, verify } from './commands/server.js';
import { reference, safereference, safezadd, zadd, zscan } from './commands/sets.js';
import { checkConsistency, getByIndex, iterate, safetx, tx } from './commands/transactions.js';
import type { Command } from './context.js';
import { OPTIONS } from './options.js';
import { Printer } from './printer.js';

/** Every command that talks to a server; the same in the shell and outside of it. */
const COMMANDS: readonly Command[] = [
  login,
  logout,
  use,
  databases,
  set,
  safeset,
  get,
  safeget,
  getall,
  remove,
  restore,
  history,
  scan,
  count,
  reference,
  safereference,
  zadd,
  safezadd,
  zscan,
  tx,
  safetx,
  getByIndex,
  iterate,
  current,
  status,
  verify,
  checkConsistency,
  health,
  info,
  forget,
];

const shell: OwnCommand = {
  name: 'it',
  aliases: ['cli-mode'],
  usage: '',
  summary: 'The interactive shell, as without a command',
  async run(_words, settings, world) {
    const { runShell } = await import('./shell/shell.js');
    return runShell(STELECLIENT, settings, world);
  },
};

export const STELECLIENT: Program<Printer> = new Program({
  name: 'steleclient',
  summary: 'Reads and writes a Stele or immudb server, and verifies what it answers',
  prefixes: ['STELE_', 'IMMUCLIENT_'],
  options: OPTIONS,
  commands: COMMANDS,
  own: [shell, auditMode],
  withoutCommand: 'it',
  advice: { login: 'steleclient login USER', use: 'steleclient use DATABASE' },
  // Of the files that the original's auditor is installed with; nothing reads them there either.
  foreignKeys: /^(audit-signature|detached)$/,
  print: (out, settings) => new Printer(out, settings),
});
