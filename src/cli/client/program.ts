import type { OwnCommand } from '../kit/command.js';
import { UsageError } from '../kit/errors.js';
import { Program } from '../kit/program.js';
import { SERVICE_ACTIONS } from '../kit/service-actions.js';
import { AUDIT_OPTIONS } from './audit-options.js';
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

const AUDIT_ACTIONS = Object.keys(SERVICE_ACTIONS);

const auditMode: OwnCommand = {
  name: 'audit-mode',
  actions: AUDIT_ACTIONS,
  usage: `[${AUDIT_ACTIONS.join('|')}]`,
  summary: 'Audit servers: verify again and again that their histories only grow',
  details:
    'Runs in the foreground until it is told to stop; the actions install and control it as a service.\n' +
    'Passwords belong into files (--audit-password-file) or the environment (STELE_AUDIT_PASSWORD).',
  options: AUDIT_OPTIONS,
  async run([action, ...rest], settings, world) {
    if (rest.length > 0) throw new UsageError(`unexpected argument ${rest[0]}`);
    if (action === undefined) {
      const { runAuditor } = await import('./audit-mode.js');
      return runAuditor(settings, world);
    }
    if (!AUDIT_ACTIONS.includes(action)) {
      const known = AUDIT_ACTIONS.join(' ');
      throw new UsageError(
        `ERROR: ${action} is not matching with any valid arguments.\n Available list is [${known}]`,
      );
    }
    const { runAuditorService } = await import('./audit-service.js');
    return runAuditorService(action, settings, world);
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
  print: (out, settings) => new Printer(out, settings),
});
