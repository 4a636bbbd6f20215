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

/** Every command that talks to a server; the same in the shell and outside of it. */
export const COMMANDS: readonly Command[] = [
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

const BY_NAME = new Map<string, Command>();
for (const command of COMMANDS) {
  for (const name of [command.name, ...(command.aliases ?? [])]) BY_NAME.set(name, command);
}

export function findCommand(name: string): Command | undefined {
  return BY_NAME.get(name);
}

export const COMMAND_NAMES: readonly string[] = COMMANDS.map(({ name }) => name);
